/** The global model's accuracy, round by round, as a line. */

import { h, svg } from "./dom.js";

const HEIGHT = 220;
const MARGIN = { top: 12, right: 16, bottom: 28, left: 44 };
const SHOWN = 100; // rounds
const GRID = [0, 0.25, 0.5, 0.75, 1];

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

export class Chart {
  #host;
  /** @type {Map<number, number>} round to accuracy */
  #points = new Map();

  /** @param {HTMLElement} host */
  constructor(host) {
    this.#host = host;
    new ResizeObserver(() => this.#draw()).observe(host);
  }

  /** @param {number} round @param {number} accuracy 0..1 */
  add(round, accuracy) {
    this.#points.set(round, accuracy);
    this.#draw();
  }

  clear() {
    this.#points.clear();
    this.#draw();
  }

  #draw() {
    const width = Math.floor(this.#host.clientWidth);
    if (!width) return;
    const points = [...this.#points].sort(([a], [b]) => a - b).slice(-SHOWN);
    this.#host.replaceChildren(picture(points, width), table(points));
  }
}

function picture(points, width) {
  const rounds = points.map(([round]) => round);
  const first = rounds[0] > 10 ? rounds[0] - 1 : 1;
  const last = Math.max(...rounds, first + 9);
  const x = (round) =>
    MARGIN.left + (round - first) / (last - first) * (width - MARGIN.left - MARGIN.right);
  const y = (share) => MARGIN.top + (1 - share) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const at = points.map(([round, share]) => [x(round), y(share)]);
  return svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true" },
    ...GRID.flatMap((share) => [
      svg("line.grid", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(share), y2: y(share) }),
      svg("text.tick", { x: MARGIN.left - 8, y: y(share) + 4, "text-anchor": "end" },
        `${100 * share} %`),
    ]),
    ...ticks(first, last, width).map((round) =>
      svg("text.tick", { x: x(round), y: HEIGHT - 8, "text-anchor": "middle" }, String(round))),
    ...(at.length > 1 ? [svg("polyline.line", { points: at.join(" ") })] : []),
    ...points.map(([round, share], i) =>
      svg(i === points.length - 1 ? "circle.dot.last" : "circle.dot",
        { cx: at[i][0], cy: at[i][1], r: i === points.length - 1 ? 5 : 3 },
        svg("title", {}, `Round ${round}: ${percent(share)}`))),
  );
}

/** Round numbers under the axis, at most one every 48 pixels. */
function ticks(first, last, width) {
  const most = Math.max(2, Math.floor(width / 48));
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => (last - first) / s <= most) ?? 1000;
  const from = Math.ceil(first / step) * step;
  const all = Array.from({ length: Math.floor((last - from) / step) + 1 }, (_, i) => from + i * step);
  return all[0] === first || step === 1 ? all : [first, ...all.filter((r) => r - first >= step / 2)];
}

/** The same for those who do not see the picture. */
function table(points) {
  return h("table.unseen", {},
    h("caption", {}, "Accuracy of the global model by round"),
    h("tbody", {}, ...points.map(([round, share]) =>
      h("tr", {}, h("th", { scope: "row" }, `Round ${round}`), h("td", {}, percent(share))))));
}
