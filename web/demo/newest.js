/** The newest global model: fetched whenever the coordinator has another, judged, taken along. */

import { fetchModel } from "../petal.js";
import * as banners from "./banner.js";
import { Charts, percent } from "./charts.js";
import { $, h } from "./dom.js";
import * as round from "./round.js";
import { saveJson, saveNpy } from "./save.js";

export class Newest {
  /** @type {{ id: string, round: number, weights: any } | null} */
  model = null;
  #participant;
  #holding;
  #tell;
  #charts = new Charts();
  #busy = false;

  /**
   * @param {import("../petal.js").Participant} participant
   * @param {import("./holding.js").Holding} holding
   * @param {() => Promise<unknown>} tell of a model that was not there before
   */
  constructor(participant, holding, tell) {
    this.#participant = participant;
    this.#holding = holding;
    this.#tell = tell;
    $("save-npy").addEventListener("click", () => saveNpy(this.model, holding.task.name));
    $("save-json").addEventListener("click", () => saveJson(this.model, holding.task.name));
  }

  /** @param {string | null} id of the coordinator's model */
  async follow(id) {
    if (id === (this.model?.id ?? null) || this.#busy) return;
    this.#busy = true;
    try {
      if (!await this.#holding.opened()) return;
      const found = await fetchModel(this.#participant.coordinator);
      if (found) await this.#judge(found);
    } catch (error) {
      banners.trouble(error);
    } finally {
      this.#busy = false;
    }
  }

  async #judge(found) {
    const { accuracy, loss, checked } = await this.#participant.call("evaluate", found.weights);
    this.model = found;
    this.#charts.add(found.round, { accuracy, loss });
    round.ended(found.round, { accuracy: percent(accuracy), loss: loss.toFixed(3) });
    $("accuracy").textContent = percent(accuracy);
    $("checked").replaceChildren(...(checked === null
      ? [] : ["On what you keep for checking: ", h("b", {}, percent(checked)), "."]));
    $("save-npy").disabled = $("save-json").disabled = false;
    await this.#tell();
  }
}
