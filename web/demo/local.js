/** The visitor's own files: dropped or chosen, read here, shown before they count, kept here. */

import { $, h } from "./dom.js";
import { picture } from "./drawings.js";
import { dropped, ink, labelled, SIDE } from "./images.js";

const SHOWN = 24; // images

/** @typedef {import("./task.js").Task} Task */

export class LocalData {
  #call;
  #changed;
  /** @type {Task} */
  #task;
  #sample;
  /** Makes what was read the visitor's own data, split as chosen; null while there is none. */
  #take = null;
  #busy = false;

  /**
   * @param {(name: string, ...args: any[]) => Promise<any>} call of the worker's Python
   * @param {(held: boolean) => void} changed
   */
  constructor(call, changed) {
    this.#call = call;
    this.#changed = changed;
    $("choose-csv").addEventListener("click", () => $("csv-file").click());
    $("choose-folder").addEventListener("click", () => $("image-folder").click());
    $("try-sample").addEventListener("click", () => this.#try(() => this.#csv(this.#sample)));
    for (const id of ["csv-file", "image-folder"]) {
      $(id).addEventListener("change", () => this.#chosen($(id)));
    }
    for (const id of ["own-label", "own-share"]) {
      $(id).addEventListener("change", () => this.#try(() => this.#split()));
    }
    $("own-forget").addEventListener("click", () => this.#try(() => this.#forget()));
    this.#watchDrops();
  }

  /** @param {Task} task @param {File | null} sample its data, where that is a CSV file */
  open(task, sample) {
    this.#task = task;
    this.#sample = sample;
    const images = task.input === "drawing";
    $("choose-folder").hidden = !images;
    $("try-sample").hidden = !sample;
    $("drop-note").textContent = images
      ? `Drop a CSV file here (${task.columns} columns and a label), or a folder of images sorted ` +
        `into folders ${task.classes[0]} to ${task.classes.at(-1)}. It stays in this tab.`
      : `Drop a CSV file here: ${task.columns.length} columns and a label ` +
        `(${task.classes.join(" or ")}). It stays in this tab.`;
  }

  #watchDrops() {
    const drop = $("drop");
    // A file dropped beside the field would otherwise take the place of the page.
    for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
    drop.addEventListener("dragover", () => drop.classList.add("over"));
    for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      const found = dropped(event.dataTransfer);
      this.#try(async () => this.#read(await found));
    });
  }

  #chosen(input) {
    const found = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    input.value = ""; // the same file may be chosen again once it is mended
    if (found.length) this.#try(() => this.#read(found));
  }

  /** What goes wrong is told beside the files, and what was there before stays. */
  async #try(work) {
    if (this.#busy || !this.#task) return;
    this.#busy = true;
    $("own").setAttribute("aria-busy", "true");
    $("own-error").hidden = true;
    try {
      await work();
    } catch (error) {
      $("own-error").textContent = error.message;
      $("own-error").hidden = false;
    } finally {
      this.#busy = false;
      $("own").removeAttribute("aria-busy");
    }
  }

  #read(found) {
    const table = found.find(({ path }) => /\.(csv|tsv|txt)$/i.test(path));
    if (table) return this.#csv(table.file);
    if (this.#task.input !== "drawing") {
      throw new Error(`${found[0]?.path ?? "That"} is no CSV file (.csv, .tsv or .txt).`);
    }
    return this.#images(labelled(found, this.#task.classes));
  }

  async #csv(file) {
    if (file.size > 20e6) throw new Error(`${file.name} is larger than 20 MB: take a part of it.`);
    const { classes, columns } = this.#task;
    const found = await this.#call("read_csv", new Uint8Array(await file.arrayBuffer()), classes);
    $("own-label").replaceChildren(...found.columns.map(({ name }) =>
      h("option", { value: name, selected: name === found.label }, name)));
    $("own-label-choice").hidden = false;
    $("own-note").textContent =
      `${file.name}: ${found.rows.toLocaleString("en")} rows, ${found.columns.length} columns, separated by ` +
      `${found.delimiter}, ${found.header ? "names in the first row" : "no names in the first row"}.`;
    $("own-images").replaceChildren();
    $("own-table").replaceChildren(firstRows(found));
    $("own-table").hidden = $("own-found").hidden = false;
    await this.#begin((share) => this.#call("take_csv", $("own-label").value, columns, classes, share));
  }

  async #images(images) {
    const shown = [];
    $("own-found").hidden = false;
    $("own-table").hidden = $("own-label-choice").hidden = true;
    await this.#call("drop_pictures");
    for (const [i, image] of images.entries()) {
      $("own-note").textContent = `Reading image ${i + 1} of ${images.length}…`;
      const pixels = await this.#call("add_picture", await ink(image), SIDE);
      if (i % Math.ceil(images.length / SHOWN) === 0) shown.push({ pixels, label: image.label });
    }
    $("own-note").textContent = `${images.length} images, labelled by folder. As training sees them:`;
    $("own-images").replaceChildren(...shown.map(({ pixels, label }) =>
      h("li", {}, picture(pixels), h("span", {}, this.#task.classes[label]))));
    const labels = images.map(({ label }) => label);
    await this.#begin((share) => this.#call("take_pictures", labels, share));
  }

  /** New data: it counts from now on, in place of the sample. */
  async #begin(take) {
    this.#take = take;
    $("use-own").checked = false;
    await this.#split();
    $("use-shard").checked = false;
  }

  async #split() {
    const { training, checking } = await this.#take(Number($("own-share").value)).catch((error) => {
      $("own-counts").textContent = "";
      this.#hold(false);
      throw error;
    });
    const list = (counts) => counts.map((count, i) => `${count} ${this.#task.classes[i]}`).join(", ");
    const total = (counts) => counts.reduce((sum, count) => sum + count, 0);
    $("own-counts").textContent = `To train on: ${total(training)} (${list(training)}). ` +
      `To check on: ${total(checking)}${total(checking) ? ` (${list(checking)})` : ""}.`;
    this.#hold(true, total(training));
  }

  async #forget() {
    await this.#call("forget_own");
    this.#take = null;
    $("own-found").hidden = true;
    this.#hold(false);
  }

  #hold(held, count = 0) {
    $("use-own").disabled = !held;
    $("use-own").checked = held;
    if (held) $("use-shard").checked = false;
    $("own-choice-note").textContent = held
      ? `${count} ${this.#task.unit}.` : "None yet: choose some under “My files”.";
    this.#changed();
  }
}

/** The head of the table as it was read, with each column's type. */
function firstRows({ columns, first }) {
  return h("table", {},
    h("thead", {}, h("tr", {}, ...columns.map(({ name, type }) =>
      h("th", { scope: "col" }, name, h("small", {}, type))))),
    h("tbody", {}, ...first.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))));
}
