/** The global model's accuracy and loss, round by round; the history table has the same in words. */

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { $ } from "./dom.js";

const SHOWN = 200; // rounds
const HEIGHT = 190;

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

export class Charts {
  /** @type {Map<number, { accuracy: number, loss: number }>} */
  #points = new Map();
  #plots;

  constructor() {
    this.#plots = this.#make();
    new ResizeObserver(() => this.#fit()).observe($("charts"));
    // A canvas takes its colours once, so it is drawn anew with the page's other ones.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const { plot } of this.#plots) plot.destroy();
      this.#plots = this.#make();
      this.#show();
    });
  }

  /** @param {number} round @param {{ accuracy: number, loss: number }} judged */
  add(round, judged) {
    this.#points.set(round, judged);
    this.#show();
  }

  #make() {
    return [
      { plot: chart($("accuracy-chart"), "--accent", [0, 100]), value: ({ accuracy }) => 100 * accuracy },
      { plot: chart($("loss-chart"), "--good", null), value: ({ loss }) => loss },
    ];
  }

  #show() {
    const points = [...this.#points].sort(([a], [b]) => a - b).slice(-SHOWN);
    const rounds = points.map(([round]) => round);
    for (const { plot, value } of this.#plots) {
      plot.setData([rounds, points.map(([, judged]) => value(judged))]);
    }
  }

  #fit() {
    for (const { plot } of this.#plots) {
      const width = plot.root.parentElement.clientWidth;
      if (width && width !== plot.width) plot.setSize({ width, height: HEIGHT });
    }
  }
}

function chart(host, accent, range) {
  const style = getComputedStyle(document.body);
  const colour = (name) => resolved(style.getPropertyValue(name));
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: colour("--quiet"), font, ticks: { show: false }, grid: { stroke: colour("--rule"), width: 1 } };
  return new uPlot({
    width: host.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 10, 0, 0],
    scales: {
      x: { time: false, range: (_, min, max) => [min ?? 1, Math.max(max ?? 0, (min ?? 1) + 9)] },
      y: { range: range ?? ((_, _min, max) => [0, max ? 1.1 * max : 1]) },
    },
    axes: [
      { ...axis, size: 26, grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      { ...axis, size: 40 },
    ],
    series: [{}, { stroke: colour(accent), width: 2, points: { show: true, size: 6, fill: colour(accent) } }],
  }, [[], []], host);
}

/** A canvas knows no light-dark(): let the browser work it out. */
function resolved(colour) {
  const probe = document.createElement("i");
  probe.style.color = colour;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
