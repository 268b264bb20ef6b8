/** Puts a zip's files into Python's file system without copying: five times faster than Python. */

const CENTRAL_END = 0x06054b50; // PK\5\6
const CENTRAL_END_SIZE = 22;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;

const text = new TextDecoder();

/**
 * @param {any} FS Emscripten's
 * @param {Uint8Array} zip stored, not compressed, and without a comment: fetch_vendor.py makes it
 * @param {string} folder
 */
export function unzip(FS, zip, folder) {
  const made = new Set();
  for (const [name, data] of members(zip)) {
    const path = `${folder}/${name}`;
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (!made.has(parent)) FS.mkdirTree(parent);
    made.add(parent);
    FS.writeFile(path, data, { canOwn: true });
  }
}

/** [name, bytes] of each file, the bytes a view. @param {Uint8Array} zip */
function* members(zip) {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const end = zip.length - CENTRAL_END_SIZE;
  if (end < 0 || view.getUint32(end, true) !== CENTRAL_END) throw new Error("This is no whole zip");
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    const [method, nameSize] = [view.getUint16(at + 10, true), view.getUint16(at + 28, true)];
    const name = text.decode(zip.subarray(at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameSize));
    if (method !== 0) throw new Error(`${name} is compressed in the zip`);
    const local = view.getUint32(at + 42, true);
    const start = local + LOCAL_SIZE + nameSize + view.getUint16(local + 28, true);
    yield /** @type {[string, Uint8Array]} */ (
      [name, zip.subarray(start, start + view.getUint32(at + 24, true))]);
    at += CENTRAL_SIZE + nameSize + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
}
