/** The app: reads the points, trains, shows the common curve. Petal is the folder beside it. */

import "./petal/element.js";
import { fit, formula, parse } from "./curve.js";

const card = document.getElementById("card");
const points = document.getElementById("points");
const { searchParams } = new URL(location.href);

card.setAttribute("coordinator", searchParams.get("coordinator") ?? "http://127.0.0.1:8081");
card.train = (model, context) => fit(model, parse(points.value), context);
card.participant.addEventListener("model", ({ detail: { weights } }) => {
  if (weights) document.getElementById("curve").textContent = `Everybody's curve: ${formula(weights)}`;
});
