/** The demo page: wires the participant to what a visitor sees and does. */

import { fetchModel, Participant } from "../petal.js";
import * as banners from "./banner.js";
import { Charts, percent } from "./charts.js";
import * as choices from "./choice.js";
import { $, h } from "./dom.js";
import { Drawings } from "./drawings.js";
import * as guesses from "./guess.js";
import { LocalData } from "./local.js";
import { Noise } from "./noise.js";
import { Pad, SIDE } from "./pad.js";
import * as round from "./round.js";
import { saveJson, saveNpy } from "./save.js";
import * as sees from "./sees.js";
import { fetchTask } from "./task.js";
import * as view from "./view.js";

const query = new URLSearchParams(location.search);
const here = (path) => new URL(path, import.meta.url).href;

const participant = new Participant({
  coordinator: query.get("coordinator") ?? new URL(".", location.href),
  train: { python: here("tab.py"), modules: { table: here("table.py") } },
  persist: true,
});
globalThis.petal = { participant }; // for the curious at the console
const call = (name, ...args) => participant.call(name, ...args);
const charts = new Charts();
const pad = new Pad($("pad"), guess);
const drawings = new Drawings($("thumbs"), changeData);
const own = new LocalData(call, changeData);
const rows = new guesses.Rows(call);
const noise = new Noise(participant, query, changeData);

let ready = Promise.resolve(); // Python, the task and the visitor's choice are in place
/** @type {import("./task.js").Task | null} */
let task = null;
let model = null; // the newest global model: { id, round, weights }
let evaluating = false;
let joining = false;
let opened = false;
/** @type {import("./choice.js").Choice | null} */
let before = null; // what was chosen before a reload
let held = 0; // how many examples this tab trains on

/** Load everything, unless it is there or under way; try again where it failed. */
function prepare() {
  if (!participant.loaded || !opened) {
    opened = true;
    ready = load();
    ready.catch((error) => {
      opened = false;
      banners.failed(error);
    });
  }
  return ready;
}

/** Once it is there, the visitor's choice counts. */
async function load() {
  const loading = participant.load();
  loading.catch(() => {}); // told once, below
  const { source, data, ...found } = await fetchTask(participant.coordinator);
  if (task?.name !== found.task.name) showTask(found.task);
  await loading;
  const sample = task.data.endsWith(".csv") ? new File([data], task.data) : null;
  const { hands, heldOut } = await call("open_task", source, data);
  view.hands(task, hands, heldOut);
  own.open(task, sample);
  if (task.input === "table") await rows.open(task);
  before ??= restore(choices.recall(task.name));
  await hold();
  banners.recovered();
}

function showTask(found) {
  task = found;
  view.task(task, query.get("party"));
  guesses.buildBars($("bars"), task.classes);
  $("labels").replaceChildren(...task.classes.map((name, label) =>
    h("button", { type: "button", onclick: () => add(label) }, name)));
}

/** @param {import("./choice.js").Choice | null} choice */
function restore(choice) {
  if (!choice) return null;
  if (!query.has("party")) $("party").value = choice.party;
  $("use-shard").checked = choice.shard || choice.files;
  $("use-drawings").checked = choice.drawn;
  if (choice.noise && !noise.on) noise.on = true;
  drawings.restore(choice.drawings);
  return choice;
}

/** Take part again where a reload came between; with files only when they are chosen again. */
async function goOn() {
  await ready;
  if (!await participant.interrupted()) return;
  if (!before?.files) return join();
  banners.trouble({
    message: "This tab was reloaded and has not kept your files: choose them again, then join. " +
      "It goes on as the same participant.",
  });
}

/** Tell Python what this tab trains on. */
async function hold() {
  const party = $("use-shard").checked ? Number($("party").value) : null;
  const drawn = $("use-drawings").checked ? drawings : { images: [], labels: [] };
  const counts = await call("hold", party, drawn.images, drawn.labels, $("use-own").checked, !noise.on);
  held = counts.reduce((sum, count) => sum + count, 0);
  view.data(task, counts, drawings.length);
  choices.remember({
    task: task.name, party: $("party").value, shard: $("use-shard").checked,
    drawn: $("use-drawings").checked, drawings: drawings.all, files: $("use-own").checked,
    noise: noise.on,
  });
  showState();
}

function changeData() {
  ready.then(hold).catch(banners.trouble);
}

async function join() {
  joining = true;
  showState();
  try {
    await prepare();
    if (held) await participant.start();
  } catch (error) {
    banners.failed(error);
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
  const { state } = participant;
  view.state(state, { held, joining });
  noise.fix(joining || ["running", "standby", "paused"].includes(state.kind));
  if (state.kind === "failed") banners.failed(state.error);
}

/** Fetch and judge the newest global model, whenever the coordinator has another. */
async function follow(status) {
  round.status(status, participant.coordinator);
  if (!status.reachable) return;
  prepare().catch(() => {}); // it may have failed while the server was away; told there
  if (status.model_id === (model?.id ?? null) || evaluating) return;
  evaluating = true;
  try {
    await ready;
    const newest = await fetchModel(participant.coordinator);
    if (newest) await judge(newest);
  } catch (error) {
    banners.trouble(error);
  } finally {
    evaluating = false;
  }
}

async function judge(newest) {
  const { accuracy, loss, checked } = await call("evaluate", newest.weights);
  model = newest;
  charts.add(newest.round, { accuracy, loss });
  round.ended(newest.round, { accuracy: percent(accuracy), loss: loss.toFixed(3) });
  $("accuracy").textContent = percent(accuracy);
  $("checked").textContent = checked === null ? "" : `On what you keep for checking: ${percent(checked)}.`;
  $("save-npy").disabled = $("save-json").disabled = false;
  await (task.input === "table" ? rows.use(model.weights) : guess());
}

/** The drawing as one of the data's images, or null while there is none. */
async function drawn() {
  return pad.empty ? null : call("normalise", pad.ink(), SIDE);
}

async function guess() {
  if (pad.empty || !model) return guesses.drawing(null, { empty: pad.empty, model });
  try {
    await ready;
    const image = await drawn();
    if (image) guesses.drawing(await call("predict", model.weights, image), {});
  } catch (error) {
    banners.trouble(error);
  }
}

async function add(label) {
  if (pad.empty) return banners.trouble({ message: "Draw a digit first." });
  try {
    await ready;
    drawings.add(await drawn(), label);
    $("use-drawings").checked = true;
    pad.clear();
  } catch (error) {
    banners.trouble(error);
  }
}

view.build({ address: participant.coordinator });
round.build();
sees.watchDownloads();
$("join").addEventListener("click", () => ($("join").classList.contains("stop") ? stop : join)());
$("clear").addEventListener("click", () => pad.clear());
$("save-npy").addEventListener("click", () => saveNpy(model, task.name));
$("save-json").addEventListener("click", () => saveJson(model, task.name));
for (const id of ["use-shard", "use-drawings", "use-own", "party"]) $(id).addEventListener("change", changeData);
const hear = (name, tell) => participant.addEventListener(name, ({ detail }) => tell(detail));
hear("state", showState);
hear("phase", follow);
hear("round", ({ modelLength }) => task && banners.otherModel(task, modelLength));
hear("role", ({ role }) => round.role(role));
hear("progress", round.progress);
hear("message", round.message);
hear("traffic", sees.traffic);
hear("masked", sees.masked);
hear("warning", banners.trouble);
document.addEventListener("securitypolicyviolation", banners.forbidden);
prepare().then(goOn, () => {}); // what fails is told there
participant.watch();
