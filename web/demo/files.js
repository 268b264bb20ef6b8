/** How files come to the page: dropped, or chosen. */

import { $ } from "./dom.js";
import { dropped } from "./images.js";

/** @typedef {{ path: string, file: File }[]} Files */

/** @param {(files: Promise<Files> | Files) => void} take */
export function listen(take) {
  $("choose-csv").addEventListener("click", () => $("csv-file").click());
  $("choose-folder").addEventListener("click", () => $("image-folder").click());
  for (const id of ["csv-file", "image-folder"]) {
    $(id).addEventListener("change", () => chosen($(id), take));
  }
  drops(take);
}

function drops(take) {
  const drop = $("drop");
  // A file dropped beside the field would otherwise take the place of the page.
  for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
  drop.addEventListener("dragover", () => drop.classList.add("over"));
  for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => take(dropped(event.dataTransfer)));
}

function chosen(input, take) {
  const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  input.value = ""; // the same file may be chosen again once it is mended
  if (files.length) take(files);
}
