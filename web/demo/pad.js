/** A canvas to draw a digit on, with mouse, pen or finger. */

/** The drawing is handed over as so many rows of so many numbers. */
export const SIDE = 64;
const PEN = 1 / 11; // of the canvas's width

export class Pad {
  #canvas;
  #pen;
  #last = null;
  #changed;
  #empty = true;

  /** @param {HTMLCanvasElement} canvas @param {() => void} changed called when a stroke ends */
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#changed = changed;
    this.#pen = canvas.getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => this.#up());
    }
  }

  get empty() {
    return this.#empty;
  }

  clear() {
    this.#pen.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#empty = true;
    this.#changed();
  }

  /** Ink from 0 (paper) to 255, SIDE x SIDE, row by row. @returns {Uint8Array} */
  ink() {
    const small = new OffscreenCanvas(SIDE, SIDE).getContext("2d");
    small.imageSmoothingQuality = "high";
    small.drawImage(this.#canvas, 0, 0, SIDE, SIDE);
    const { data } = small.getImageData(0, 0, SIDE, SIDE);
    return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i + 3]);
  }

  #down(event) {
    if (event.button) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#last = this.#at(event);
    this.#line(this.#last, this.#last);
  }

  #move(event) {
    if (!this.#last) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const here = this.#at(each);
      this.#line(this.#last, here);
      this.#last = here;
    }
  }

  #up() {
    if (!this.#last) return;
    this.#last = null;
    this.#changed();
  }

  #line([x0, y0], [x1, y1]) {
    const pen = this.#pen;
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = this.#canvas.width * PEN;
    pen.strokeStyle = getComputedStyle(this.#canvas).color;
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1 + 0.01, y1); // a line without length would leave no dot
    pen.stroke();
    this.#empty = false;
  }

  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [
      (event.clientX - box.left) * this.#canvas.width / box.width,
      (event.clientY - box.top) * this.#canvas.height / box.height,
    ];
  }
}
