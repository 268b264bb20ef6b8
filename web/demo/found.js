/** Shows what was found in the visitor's files, before it counts. */

import { $, h } from "./dom.js";
import { picture } from "./drawings.js";

const SHOWN = 24; // images

/** What may be dropped. @param {import("./task.js").Task} task @param {File | null} sample */
export function invite(task, sample) {
  const images = task.input === "drawing";
  $("choose-folder").hidden = !images;
  $("try-sample").hidden = !sample;
  $("drop-note").textContent = images
    ? `Drop a CSV file here (${task.columns} columns and a label), or a folder of images sorted ` +
      `into folders ${task.classes[0]} to ${task.classes.at(-1)}. It stays in this tab.`
    : `Drop a CSV file here: ${task.columns.length} columns and a label ` +
      `(${task.classes.join(" or ")}). It stays in this tab.`;
}

/** @param {string | null} message what is wrong with the files, if anything */
export function wrong(message) {
  $("own-error").hidden = message === null;
  $("own-error").textContent = message ?? "";
}

/** @param {string} name the file's @param {any} sheet what `read_csv` of tab.py gives */
export function table(name, sheet) {
  $("own-label").replaceChildren(...sheet.columns.map(({ name }) =>
    h("option", { value: name, selected: name === sheet.label }, name)));
  $("own-label-choice").hidden = false;
  $("own-note").textContent =
    `${name}: ${some(sheet.rows, "row")}, ${some(sheet.columns.length, "column")}, separated by ` +
    `${sheet.delimiter}, ${sheet.header ? "names in the first row" : "no names in the first row"}.`;
  $("own-images").replaceChildren();
  $("own-table").replaceChildren(firstRows(sheet));
  $("own-table").hidden = $("own-found").hidden = false;
}

const some = (/** @type {number} */ count, /** @type {string} */ noun) =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** The head of the table as it was read, with each column's type. */
function firstRows({ columns, first }) {
  return h("table", {},
    h("thead", {}, h("tr", {}, ...columns.map(({ name, type }) =>
      h("th", { scope: "col" }, name, h("small", {}, type))))),
    h("tbody", {}, ...first.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))));
}

/** Reading images takes a while. */
export function reading(number, total) {
  $("own-found").hidden = false;
  $("own-table").hidden = $("own-label-choice").hidden = true;
  $("own-note").textContent = `Reading image ${number} of ${total}…`;
}

/** Some of the images. @param {ArrayLike<number>[]} all @param {string[]} labels */
export function images(all, labels) {
  const every = Math.ceil(all.length / SHOWN);
  $("own-note").textContent = `${all.length} images, labelled by folder. As training sees them:`;
  $("own-images").replaceChildren(...all.flatMap((pixels, i) =>
    i % every ? [] : [h("li", {}, picture(pixels), h("span", {}, labels[i]))]));
}

/**
 * How many of each class; gives how many there are to train on.
 * @param {{ training: number[], checking: number[] } | null} counts @param {string[]} [classes]
 */
export function counts(counts, classes = []) {
  const total = (all) => all.reduce((sum, count) => sum + count, 0);
  const list = (all) => all.map((count, i) => `${count} ${classes[i]}`).join(", ");
  const { training = [], checking = [] } = counts ?? {};
  $("own-counts").textContent = counts
    ? `To train on: ${total(training)} (${list(training)}). ` +
      `To check on: ${total(checking)}${total(checking) ? ` (${list(checking)})` : ""}.`
    : "";
  return total(training);
}
