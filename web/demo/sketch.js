/** The pad: what is drawn on it is guessed, and labelled it is the visitor's own data. */

import * as banners from "./banner.js";
import { $, h } from "./dom.js";
import * as guesses from "./guess.js";
import { Pad, SIDE } from "./pad.js";

export class Sketch {
  #pad = new Pad($("pad"), () => this.guess());
  #call;
  #drawings;
  #newest;

  /**
   * @param {(name: string, ...args: any[]) => Promise<any>} call of the worker's Python
   * @param {import("./drawings.js").Drawings} drawings
   * @param {() => { weights: any } | null} newest the global model
   */
  constructor(call, drawings, newest) {
    this.#call = call;
    this.#drawings = drawings;
    this.#newest = newest;
    $("clear").addEventListener("click", () => this.#pad.clear());
  }

  /** @param {import("./task.js").Task} task */
  open({ classes }) {
    guesses.buildBars($("bars"), classes);
    $("labels").replaceChildren(...classes.map((name, label) =>
      h("button", { type: "button", onclick: () => this.#add(label) }, name)));
  }

  async guess() {
    const model = this.#newest();
    const { empty } = this.#pad;
    if (empty || !model) return guesses.drawing(null, { empty, model });
    try {
      const image = await this.#drawn();
      if (image) guesses.drawing(await this.#call("predict", model.weights, image), {});
    } catch (error) {
      banners.trouble(error);
    }
  }

  /** The drawing as one of the data's images, or null while there is none. */
  async #drawn() {
    return this.#pad.empty ? null : this.#call("normalise", this.#pad.ink(), SIDE);
  }

  async #add(label) {
    if (this.#pad.empty) return banners.trouble({ message: "Draw a digit first." });
    try {
      this.#drawings.add(await this.#drawn(), label);
      $("use-drawings").checked = true;
      this.#pad.clear();
    } catch (error) {
      banners.trouble(error);
    }
  }
}
