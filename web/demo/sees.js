/** Bytes in and out, and the first weights beside the masked numbers that leave in their place. */

import { $, h } from "./dom.js";

let sent = 0;
let received = 0;

/** @param {{ sent: number, received: number }} bytes of message bodies of the participant */
export function traffic(bytes) {
  sent += bytes.sent;
  received += bytes.received;
  $("sent").textContent = amount(sent);
  $("received").textContent = amount(received);
}

/** The page's own requests, and what the worker loads, as the browser measured them. */
export function watchDownloads() {
  const watch = new PerformanceObserver((list) => {
    const bytes = list.getEntries().reduce((total, { transferSize }) => total + transferSize, 0);
    if (bytes) traffic({ sent: 0, received: bytes });
  });
  watch.observe({ type: "resource", buffered: true });
}

function amount(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {{ weights: number[], scalar: number, masked: string[], order: string, length: number }} seen */
export function masked({ weights, scalar, masked, length, order }) {
  $("sees-scroll").hidden = false;
  $("sees-note").textContent =
    `The first ${weights.length} of ${length.toLocaleString("en")} weights of this tab's newest update ` +
    `(weighed ${Number(scalar.toPrecision(3))}-fold in the mean). Every masked number is as likely as any ` +
    `other below ${short(order)}, whatever the weight: alone it tells nothing.`;
  $("pairs").replaceChildren(...weights.map((weight, i) => h("tr", {},
    h("th", { scope: "row" }, String(i + 1)),
    h("td", {}, weight.toFixed(6).replace("-", "−")),
    h("td", {}, masked[i]))));
}

/** A long integer in words of its size. */
function short(integer) {
  const power = [...String(integer.length - 1)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return integer.length < 10 ? integer : `${integer[0]}.${integer[1]} × 10${power}`;
}
