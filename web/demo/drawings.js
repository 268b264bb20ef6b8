/** The visitor's own digits: kept in this tab, shown as small pictures, deleted with a click. */

import { h } from "./dom.js";

export class Drawings {
  /** @type {{ pixels: number[], label: number }[]} */
  #all = [];
  #list;
  #changed;

  /** @param {HTMLElement} list @param {() => void} changed */
  constructor(list, changed) {
    this.#list = list;
    this.#changed = changed;
  }

  get length() {
    return this.#all.length;
  }

  get all() {
    return this.#all;
  }

  /** As they were before a reload. @param {{ pixels: number[], label: number }[]} all */
  restore(all) {
    this.#all = all;
    this.#show();
  }

  get images() {
    return this.#all.map(({ pixels }) => pixels);
  }

  get labels() {
    return this.#all.map(({ label }) => label);
  }

  /** @param {ArrayLike<number>} pixels 8 x 8 numbers 0..16 @param {number} label */
  add(pixels, label) {
    this.#all.push({ pixels: Array.from(pixels), label });
    this.#show();
  }

  #remove(drawing) {
    this.#all = this.#all.filter((each) => each !== drawing);
    this.#show();
  }

  #show() {
    this.#list.replaceChildren(...this.#all.map((drawing) => h("li", {},
      h("button", {
        type: "button",
        title: "Delete this drawing",
        "aria-label": `Delete this drawing of a ${drawing.label}`,
        onclick: () => this.#remove(drawing),
      }, picture(drawing.pixels), String(drawing.label)))));
    this.#changed();
  }
}

/** The 8 x 8 image that training sees. @param {ArrayLike<number>} pixels numbers 0..16 */
export function picture(pixels) {
  const canvas = h("canvas", { width: 8, height: 8, "aria-hidden": "true" });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(8, 8);
  Array.from(pixels).forEach((value, i) => image.data.set([0, 0, 0, value / 16 * 255], 4 * i));
  pen.putImageData(image, 0, 0);
  return canvas;
}
