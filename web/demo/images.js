/** A visitor's images: found in a folder or a drop, labelled by folder, turned into ink. */

const MAX_IMAGES = 2000;
const MAX_BYTES = 20e6; // one image
export const SIDE = 64; // what the task is given: so many rows of so many numbers

const isImage = (path) => /\.(png|jpe?g|gif|webp|bmp|avif)$/i.test(path);

/**
 * Labels from folders: `digits/7/a.png` is a 7.
 * @param {{ path: string, file: File }[]} found @param {string[]} classes
 * @returns {{ file: File, path: string, label: number }[]}
 */
export function labelled(found, classes) {
  const images = found.filter(({ path }) => isImage(path)).map(({ path, file }) => {
    const folder = path.split("/").at(-2) ?? "";
    return { path, file, label: classes.indexOf(folder.trim()), folder };
  });
  if (!images.length) throw new Error("There is no image in it: PNG, JPEG, GIF, WebP, BMP or AVIF.");
  if (images.length > MAX_IMAGES) {
    throw new Error(`These are ${images.length} images: take at most ${MAX_IMAGES}.`);
  }
  const astray = images.find(({ label }) => label < 0);
  if (astray) {
    throw new Error(`${astray.path} lies in the folder “${astray.folder}”, which is none of ` +
      `${classes.join(", ")}: each image's folder is its label.`);
  }
  return images;
}

/**
 * Everything in a drop, folders walked through.
 * @param {DataTransfer} transfer @returns {Promise<{ path: string, file: File }[]>}
 */
export async function dropped(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  // All at once: after the first await a drop's items are gone.
  const found = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const budget = { left: 2 * MAX_IMAGES };
  return (await Promise.all(found.map(({ entry, file }) =>
    entry ? walk(entry, budget) : [{ path: file.name, file }]))).flat();
}

async function walk(entry, budget) {
  if (budget.left-- <= 0) throw new Error(`There are more than ${2 * MAX_IMAGES} files in it: take a part of them.`);
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) return [{ path, file: await new Promise((...done) => entry.file(...done)) }];
  const reader = entry.createReader();
  const all = [];
  // A reader gives a folder's entries a hundred at a time, and none at the end.
  for (let some; (some = await new Promise((...done) => reader.readEntries(...done))).length;) {
    for (const each of some) all.push(...await walk(each, budget));
  }
  return all;
}

/** An image's ink, 0 (paper) to 255, SIDE x SIDE; dark on light or light on dark. */
export async function ink({ file, path }) {
  if (file.size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES / 1e6} MB.`);
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error(`${path} cannot be read as an image: it may be damaged. Remove it and try again.`);
  }
  const pen = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, SIDE, SIDE);
  pen.imageSmoothingQuality = "high";
  const scale = SIDE / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  pen.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  picture.close();
  const { data } = pen.getImageData(0, 0, SIDE, SIDE);
  const light = Float32Array.from({ length: SIDE * SIDE }, (_, i) =>
    0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  return contrast(light, [(SIDE - width) / 2, (SIDE - height) / 2].map(Math.ceil));
}

/** How far each pixel is from the paper, which is what the picture's rim mostly shows. */
function contrast(light, [left, top]) {
  const rim = [];
  for (let i = left; i < SIDE - left; i++) rim.push(light[top * SIDE + i], light[(SIDE - 1 - top) * SIDE + i]);
  const paper = rim.sort((a, b) => a - b)[rim.length >> 1];
  return Uint8Array.from(light, (value, i) => {
    const inside = i % SIDE >= left && i % SIDE < SIDE - left && i >= top * SIDE && i < (SIDE - top) * SIDE;
    return inside ? Math.abs(value - paper) : 0;
  });
}
