/** The demo page: wires the participant to what a visitor sees and does. */

import { fetchModel, Participant } from "../petal.js";
import { Chart, percent } from "./chart.js";
import { $ } from "./dom.js";
import { Drawings } from "./drawings.js";
import { Pad, SIDE } from "./pad.js";
import * as view from "./view.js";

const query = new URLSearchParams(location.search);
const here = (path) => new URL(path, import.meta.url);

const participant = new Participant({
  coordinator: query.get("coordinator") ?? new URL(".", location.href),
  train: {
    python: here("tab.py").href,
    modules: { digits: here("tasks/digits/digits.py").href },
  },
});
globalThis.petal = { participant }; // for the curious at the console
const chart = new Chart($("chart"));
const pad = new Pad($("pad"), guess);
const drawings = new Drawings($("thumbs"), changeData);

let ready = Promise.resolve(); // Python, the digits and the visitor's choice are in place
let model = null; // the newest global model, and which one it is
let modelId = null;
let evaluating = false;
let joining = false;
let taskLength = 0; // how many weights the digits' model has
let held = 0; // how many images this tab trains on

/** Load everything, unless it is there or under way; try again where it failed. */
function prepare() {
  if (!participant.loaded) {
    ready = load();
    ready.catch(view.failed);
  }
  return ready;
}

/** Once it is there, the visitor's choice counts. */
async function load() {
  view.recovered();
  const [data] = await Promise.all([bytes(here("tasks/digits/digits.npz")), participant.load()]);
  const { hands, heldOut, modelLength } = await participant.call("load", data);
  taskLength = modelLength;
  view.hands(hands, heldOut);
  await hold();
}

async function bytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: the sample images are missing`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Tell Python what this tab trains on. */
async function hold() {
  const party = $("use-shard").checked ? Number($("party").value) : null;
  const own = $("use-drawings").checked ? drawings : { images: [], labels: [] };
  const counts = await participant.call("hold", party, own.images, own.labels);
  held = counts.reduce((sum, count) => sum + count, 0);
  view.data(counts, drawings.length);
  showState();
}

function changeData() {
  ready.then(hold).catch(view.trouble);
}

async function join() {
  joining = true;
  showState();
  try {
    await prepare();
    if (held) await participant.start();
  } catch (error) {
    view.failed(error);
  }
  joining = false;
  showState();
}

async function stop() {
  $("join").disabled = true;
  await participant.stop();
  showState();
}

function showState() {
  view.state(participant.state, { held, joining });
}

/** Fetch and judge the newest global model, whenever the coordinator has another. */
async function follow(status) {
  view.status(status, participant.coordinator);
  if (!status.reachable) return;
  if (!participant.loaded) prepare(); // it failed while the server was away
  if (status.model_id === modelId || evaluating) return;
  evaluating = true;
  try {
    await ready;
    const newest = await fetchModel(participant.coordinator);
    if (!newest) return;
    const accuracy = await participant.call("evaluate", newest.weights);
    [model, modelId] = [newest.weights, newest.id];
    chart.add(newest.round, accuracy);
    $("accuracy").textContent = percent(accuracy);
    await guess();
  } catch (error) {
    view.trouble(error);
  } finally {
    evaluating = false;
  }
}

/** The drawing as one of the data's images, or null while there is none. */
async function drawn() {
  return pad.empty ? null : participant.call("normalise", pad.ink(), SIDE);
}

async function guess() {
  if (pad.empty || !model) return view.guess(null, { empty: pad.empty, model });
  try {
    await ready;
    const image = await drawn();
    if (image) view.guess(await participant.call("predict", model, image), {});
  } catch (error) {
    view.trouble(error);
  }
}

async function add(label) {
  if (pad.empty) return view.trouble({ message: "Draw a digit first." });
  try {
    await ready;
    drawings.add(await drawn(), label);
    $("use-drawings").checked = true;
    pad.clear();
  } catch (error) {
    view.trouble(error);
  }
}

view.build({ address: participant.coordinator, add, party: query.get("party") });
$("join").addEventListener("click", () => (participant.state.kind === "running" ? stop : join)());
$("clear").addEventListener("click", () => pad.clear());
for (const id of ["use-shard", "use-drawings", "party"]) $(id).addEventListener("change", changeData);
participant.addEventListener("state", showState);
participant.addEventListener("phase", ({ detail }) => follow(detail));
participant.addEventListener("round", ({ detail }) => view.task(taskLength, detail.modelLength));
participant.addEventListener("role", ({ detail }) => view.role(detail.role));
participant.addEventListener("progress", ({ detail }) => view.progress(detail));
participant.addEventListener("message", ({ detail }) => view.message(detail));
participant.addEventListener("warning", ({ detail }) => view.trouble(detail));
document.addEventListener("securitypolicyviolation", view.forbidden);
prepare();
participant.watch();
