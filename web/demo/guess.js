/** Asks the global model about a drawing or a row, and shows its answer. */

import { $, h } from "./dom.js";

/** One bar a class, empty. @param {HTMLElement} list @param {string[]} classes */
export function buildBars(list, classes) {
  list.style.setProperty("--name", `${0.65 * Math.max(...classes.map((name) => name.length)) + 0.3}em`);
  list.replaceChildren(...classes.map((name) => h("li", {},
    h("span", {}, name),
    h("progress", { max: 1, value: 0, "aria-label": `Probability of ${name}` }),
    h("span", {}, ""))));
}

/** @param {ArrayLike<number> | null} chances @returns {number} the likeliest class, -1 for none */
export function showBars(list, chances) {
  const best = chances ? Array.from(chances).indexOf(Math.max(...chances)) : -1;
  [...list.children].forEach((item, i) => {
    item.classList.toggle("best", i === best);
    item.children[1].value = chances?.[i] ?? 0;
    item.children[2].textContent = chances ? `${Math.round(100 * chances[i])} %` : "";
  });
  return best;
}

/** @param {ArrayLike<number> | null} chances */
export function drawing(chances, { empty = false, model = true }) {
  const best = showBars($("bars"), chances);
  const note = $("guess-note");
  if (chances) note.replaceChildren("The global model says ", h("b", {}, String(best)), ".");
  else if (empty || !model) {
    note.textContent = model
      ? "The global model guesses as soon as you lift the pen."
      : "There is no global model yet: it comes with the first finished round.";
  }
}

/** A row to try, from those that nobody trains on, its numbers open to change. */
export class Rows {
  #call;
  #task;
  #number = 0;
  #label = null;
  #model = null;

  /** @param {(name: string, ...args: any[]) => Promise<any>} call of the worker's Python */
  constructor(call) {
    this.#call = call;
    $("next-row").addEventListener("click", () => this.next());
    $("fields").addEventListener("input", () => {
      this.#label = null;
      this.#guess();
    });
  }

  async open(task) {
    this.#task = task;
    buildBars($("row-bars"), task.classes);
    $("fields").replaceChildren(...task.columns.map((name) =>
      h("label", {}, name, h("input", { type: "number", step: "any", required: true }))));
    await this.next();
  }

  /** @param {Float32Array} model */
  async use(model) {
    this.#model = model;
    if (this.#task) await this.#guess();
  }

  async next() {
    const { features, label } = await this.#call("example", this.#number++);
    this.#label = label;
    this.#inputs.forEach((input, i) => (input.value = Number(features[i].toPrecision(5))));
    await this.#guess();
  }

  get #inputs() {
    return [...$("fields").querySelectorAll("input")];
  }

  async #guess() {
    const { classes } = this.#task;
    $("row-note").textContent = this.#label === null
      ? "A row of your own."
      : `Row ${this.#number} of those that nobody trains on. In truth: ${classes[this.#label]}.`;
    const wrong = this.#inputs.find((input) => !input.checkValidity());
    const chances = this.#model && !wrong
      ? await this.#call("predict", this.#model, this.#inputs.map((input) => Number(input.value)))
      : null;
    const best = showBars($("row-bars"), chances);
    $("row-guess").replaceChildren(...(chances ? ["The global model says ", h("b", {}, classes[best]), "."]
      : [wrong ? "Every field needs a number." : "There is no global model yet: it comes with the first finished round."]));
  }
}
