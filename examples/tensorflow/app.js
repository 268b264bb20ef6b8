/** The app: points of this tab, a network in TensorFlow.js, and Petal's card around it. */

import "./petal/element.js";
import { accuracy, points, train } from "./ring.js";

const card = document.getElementById("card");
const own = points(200);
const { searchParams } = new URL(location.href);

card.setAttribute("coordinator", searchParams.get("coordinator") ?? "http://127.0.0.1:8081");
card.train = (model, context) => train(model, own, context);
card.participant.addEventListener("model", ({ detail: { weights } }) => {
  if (weights) document.getElementById("accuracy").textContent =
    `Everybody's network is right on ${Math.round(100 * accuracy(weights, points(1000)))} % of new points.`;
});
