/** The demo page: wires the participant to what a visitor sees and does. */

import { Participant } from "../petal.js";
import * as banners from "./banner.js";
import { $ } from "./dom.js";
import { Drawings } from "./drawings.js";
import { Rows } from "./guess.js";
import { Holding } from "./holding.js";
import { LocalData } from "./local.js";
import { Newest } from "./newest.js";
import { Noise } from "./noise.js";
import * as round from "./round.js";
import * as sees from "./sees.js";
import { Sketch } from "./sketch.js";
import * as view from "./view.js";

const BREAKDOWNS = ["MemoryError", "WorkerError"];
/** A tab that broke down goes on by itself, but not in circles. Milliseconds. */
const BETWEEN_BREAKDOWNS = 600_000;

const query = new URLSearchParams(location.search);
const here = (path) => new URL(path, import.meta.url).href;

const participant = new Participant({
  coordinator: query.get("coordinator") ?? new URL(".", location.href),
  train: { python: here("tab.py"), modules: { table: here("table.py") } },
  persist: true,
  enrolment: query.get("enrolment") ?? undefined,
});
globalThis.petal = { participant }; // for the curious at the console

/** Of the training module, once it knows the task. */
const call = (name, ...args) => holding.ready.then(() => participant.call(name, ...args));
/** While the task is being opened nothing can wait for it. */
const callNow = (name, ...args) => participant.call(name, ...args);
const changeData = () => holding.change();
const drawings = new Drawings($("thumbs"), changeData);
const own = new LocalData(callNow, changeData);
const rows = new Rows(callNow);
const noise = new Noise(participant, query, changeData);
const sketch = new Sketch(call, drawings, () => newest.model);
const holding = new Holding(participant, query, { drawings, own, rows, noise }, {
  changed: showState,
  opened: () => sketch.open(holding.task),
});
const newest = new Newest(participant, holding, () =>
  holding.task.input === "table" ? rows.use(newest.model.weights) : sketch.guess());

let joining = false;
let takesPart = false; // from a start that succeeded to a stop
let brokeDown = -Infinity; // when

/** Take part again where a reload came between; with files only when they are chosen again. */
async function goOn() {
  await holding.ready;
  if (!await participant.interrupted()) return;
  if (!holding.before?.files) return join();
  banners.trouble({
    message: "This tab was reloaded and has not kept your files: choose them again, then join. " +
      "It goes on as the same participant.",
  });
}

async function join() {
  joining = true;
  showState();
  await holding.prepare().then(start, () => {}); // what does not load is told there
  joining = false;
  showState();
}

async function start() {
  if (!holding.count) return;
  await participant.start().catch(() => {}); // it is in the state
  const { state } = participant;
  takesPart = state.kind !== "failed";
  if (state.kind === "failed") banners.stopped(state.error, { again: false });
  else banners.unbanner("stopped");
}

async function stop() {
  takesPart = false;
  $("join").disabled = true;
  await participant.stop();
  showState();
}

/** Its worker is gone, and all that Python knew: begin afresh with what the page still knows. */
async function recover(error) {
  if (!takesPart) return; // whoever asked tells
  takesPart = false;
  const brokenDown = error.name !== "EnrolmentError"; // of which a fresh start makes no difference
  const again = brokenDown && Date.now() - brokeDown > BETWEEN_BREAKDOWNS;
  banners.stopped(error, { again });
  if (!again) return;
  brokeDown = Date.now();
  await join();
}

function showState() {
  const { state } = participant;
  view.state(state, { held: holding.count, joining });
  noise.fix(joining || ["running", "standby", "paused"].includes(state.kind));
}

function follow(status) {
  round.status(status, participant.coordinator);
  if (!status.reachable) return;
  holding.prepare().catch(() => {}); // it may have failed while the server was away; told there
  newest.follow(status.model_id);
}

view.build({ address: participant.coordinator });
round.build();
sees.watchDownloads();
$("join").addEventListener("click", () => ($("join").classList.contains("stop") ? stop : join)());
const hear = (name, tell) => participant.addEventListener(name, ({ detail }) => tell(detail));
hear("state", showState);
hear("phase", follow);
hear("round", ({ modelLength }) => holding.task && banners.otherModel(holding.task, modelLength));
hear("role", ({ role }) => round.role(role));
hear("progress", round.progress);
hear("message", round.message);
hear("traffic", sees.traffic);
hear("masked", sees.masked);
hear("warning", banners.trouble);
hear("error", recover);
document.addEventListener("securitypolicyviolation", banners.forbidden);
holding.prepare().then(goOn, () => {}); // what fails is told there
participant.watch();
