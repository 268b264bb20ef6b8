/** The visitor's own files: read here, shown before they count, kept here. */

import { $ } from "./dom.js";
import * as found from "./found.js";
import { ink, labelled, SIDE } from "./images.js";
import { listen } from "./files.js";

/** @typedef {import("./task.js").Task} Task */

/**
 * What was chosen last: `read` hands it to Python, `take` makes it the visitor's own data, a share
 * of it for checking only.
 * @typedef {{ read: () => Promise<any>, take: (share: number) => Promise<any> }} Source
 */

export class LocalData {
  #call;
  #changed;
  /** @type {Task} */
  #task;
  #sample;
  /** @type {Source | null} */
  #source = null;
  #busy = false;
  /** Whether the sample gave way to the files. */
  #displaced = false;

  /**
   * @param {(name: string, ...args: any[]) => Promise<any>} call of the worker's Python
   * @param {() => void} changed
   */
  constructor(call, changed) {
    this.#call = call;
    this.#changed = changed;
    listen((files) => this.#try(async () => this.#read(await files)));
    $("try-sample").addEventListener("click", () => this.#try(() => this.#csv(this.#sample)));
    for (const id of ["own-label", "own-share"]) {
      $(id).addEventListener("change", () => this.#try(() => this.#split()));
    }
    $("own-forget").addEventListener("click", () => this.#try(() => this.#forget()));
  }

  /** @param {Task} task @param {File | null} sample its data, where that is a CSV file */
  open(task, sample) {
    this.#task = task;
    this.#sample = sample;
    found.invite(task, sample);
  }

  /** For a Python that was started afresh. A file that is there no more counts no more. */
  async readAgain() {
    const source = this.#source;
    if (!source) return;
    try {
      await source.read();
      await source.take(this.#share());
    } catch (error) {
      this.#source = null;
      this.#hold(false);
      found.wrong(`Your files could not be read again: ${error.message} Choose them once more.`);
    }
  }

  /** What goes wrong is told beside the files, and what was there before stays. */
  async #try(work) {
    if (this.#busy || !this.#task) return;
    this.#busy = true;
    $("own").setAttribute("aria-busy", "true");
    found.wrong(null);
    try {
      await work();
    } catch (error) {
      found.wrong(error.message);
    } finally {
      this.#busy = false;
      $("own").removeAttribute("aria-busy");
    }
  }

  #read(files) {
    const table = files.find(({ path }) => /\.(csv|tsv|txt)$/i.test(path));
    if (table) return this.#csv(table.file);
    if (this.#task.input !== "drawing") {
      throw new Error(`${files[0]?.path ?? "That"} is no CSV file (.csv, .tsv or .txt).`);
    }
    return this.#images(labelled(files, this.#task.classes));
  }

  async #csv(file) {
    if (file.size > 20e6) throw new Error(`${file.name} is larger than 20 MB: take a part of it.`);
    const { classes, columns } = this.#task;
    const read = async () =>
      this.#call("read_csv", new Uint8Array(await file.arrayBuffer()), classes);
    found.table(file.name, await read());
    const take = (share) => this.#call("take_csv", $("own-label").value, columns, classes, share);
    await this.#begin({ read, take });
  }

  async #images(images) {
    const labels = images.map(({ label }) => label);
    const names = labels.map((label) => this.#task.classes[label]);
    const read = async () => found.images(await this.#pixels(images), names);
    await read();
    await this.#begin({ read, take: (share) => this.#call("take_pictures", labels, share) });
  }

  /** Each image as training sees it. */
  async #pixels(images) {
    found.reading(0, images.length);
    await this.#call("drop_pictures");
    const all = [];
    for (const image of images) {
      found.reading(all.length + 1, images.length);
      all.push(await this.#call("add_picture", await ink(image), SIDE));
    }
    return all;
  }

  /** New data: it counts from now on, in place of the sample. */
  async #begin(source) {
    this.#source = source;
    $("use-own").checked = false;
    await this.#split();
  }

  async #split() {
    const counts = await this.#source.take(this.#share()).catch((error) => {
      found.counts(null);
      this.#hold(false);
      throw error;
    });
    this.#hold(true, found.counts(counts, this.#task.classes));
  }

  #share() {
    return Number($("own-share").value);
  }

  async #forget() {
    await this.#call("forget_own");
    this.#source = null;
    $("own-found").hidden = true;
    this.#hold(false);
  }

  /** Own data takes the place of the sample, which comes back when it goes. */
  #displace(held) {
    const sample = $("use-shard");
    if (held === this.#displaced || (held && !sample.checked)) return;
    this.#displaced = held;
    sample.checked = !held;
  }

  #hold(held, count = 0) {
    $("use-own").disabled = !held;
    $("use-own").checked = held;
    this.#displace(held);
    $("own-choice-note").textContent = held
      ? `${count} ${this.#task.unit}.` : "None yet: choose some under “My files”.";
    this.#changed();
  }
}
