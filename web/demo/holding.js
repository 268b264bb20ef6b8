/** What this tab trains on: of the coordinator's task and the visitor's own data what is ticked. */

import * as banners from "./banner.js";
import * as choices from "./choice.js";
import { $ } from "./dom.js";
import { fetchTask } from "./task.js";
import * as view from "./view.js";

/** @typedef {import("../petal.js").Participant} Participant */

export class Holding {
  /** @type {import("./task.js").Task | null} */
  task = null;
  /** How many examples this tab trains on. */
  count = 0;
  /** What was chosen before a reload. @type {import("./choice.js").Choice | null} */
  before = null;
  /** Python, the task and the visitor's choice are in place. */
  ready = Promise.resolve();
  #opened = false;
  #restored = false;
  #participant;
  #query;
  #parts;
  #changed;

  /**
   * @param {Participant} participant @param {URLSearchParams} query
   * @param {{ drawings: import("./drawings.js").Drawings, own: import("./local.js").LocalData,
   *   noise: import("./noise.js").Noise, rows: import("./guess.js").Rows }} parts
   * @param {{ changed: () => void, opened: () => void }} tell of other data, and of another task
   */
  constructor(participant, query, parts, tell) {
    this.#participant = participant;
    this.#query = query;
    this.#parts = parts;
    this.#changed = tell;
    for (const id of ["use-shard", "use-drawings", "use-own", "party"]) {
      $(id).addEventListener("change", () => this.change());
    }
    participant.addEventListener("error", ({ detail }) => this.#lose(detail));
  }

  /** Load everything, unless it is there or under way; try again where it failed. */
  prepare() {
    if (!this.#participant.loaded || !this.#opened) {
      this.#opened = true;
      this.ready = this.#load();
      this.ready.catch((error) => {
        this.#opened = false;
        banners.unloaded(error);
      });
    }
    return this.ready;
  }

  /** Python is gone, or will be another: nothing may be asked of it before it knows the task. */
  #lose(error) {
    this.#opened = false;
    this.ready = Promise.reject(error);
    this.ready.catch(() => {}); // told by who waits for it
  }

  /** Whether Python knows the task; waits for it. */
  opened() {
    return this.ready.then(() => true, () => false);
  }

  /** Something was ticked, added or taken away. */
  change() {
    this.ready.then(() => this.#hold()).catch(banners.trouble);
  }

  /** Once it is there, the visitor's choice counts. */
  async #load() {
    const loading = this.#participant.load();
    loading.catch(() => {}); // told once, below
    const { source, data, ...found } = await fetchTask(this.#participant.coordinator);
    if (this.task?.name !== found.task.name) this.#show(found.task);
    await loading;
    await this.#open(source, data);
    if (!this.#restored) this.#restore(choices.recall(found.task.name));
    await this.#hold();
    banners.unbanner("unloaded");
  }

  /** Hand the task to Python, and what the visitor added, if Python is there for a second time. */
  async #open(source, data) {
    const { own, rows } = this.#parts;
    const sample = this.task.data.endsWith(".csv") ? new File([data], this.task.data) : null;
    const { hands, heldOut } = await this.#participant.call("open_task", source, data);
    view.hands(this.task, hands, heldOut);
    own.open(this.task, sample);
    await own.readAgain();
    if (this.task.input === "table") await rows.open(this.task);
  }

  #show(task) {
    this.task = task;
    view.task(task, this.#query.get("party"));
    this.#changed.opened();
  }

  /** @param {import("./choice.js").Choice | null} choice */
  #restore(choice) {
    this.#restored = true; // from here on the page itself knows
    this.before = choice;
    if (!choice) return;
    const { drawings, noise } = this.#parts;
    if (!this.#query.has("party")) $("party").value = choice.party;
    $("use-shard").checked = choice.shard || choice.files;
    $("use-drawings").checked = choice.drawn;
    if (choice.noise && !noise.on) noise.on = true;
    drawings.restore(choice.drawings);
  }

  /** Tell Python what this tab trains on. */
  async #hold() {
    const { drawings, noise } = this.#parts;
    const party = $("use-shard").checked ? Number($("party").value) : null;
    const { images, labels } = $("use-drawings").checked ? drawings : { images: [], labels: [] };
    const own = $("use-own").checked;
    const counts = await this.#participant.call("hold", party, images, labels, own, !noise.on);
    this.count = counts.reduce((sum, count) => sum + count, 0);
    view.data(this.task, counts, drawings.length);
    choices.remember({
      task: this.task.name, party: $("party").value, shard: $("use-shard").checked,
      drawn: $("use-drawings").checked, drawings: drawings.all, files: own, noise: noise.on,
    });
    this.#changed.changed();
  }
}
