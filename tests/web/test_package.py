"""web/ as a package: types that hold, declarations that are current, nothing a bundler trips on."""

import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from petal_server.bundle import write_bundle

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
CONSUMER = """
import { fetchModel, Participant, type State, type TrainFunction } from "petal-participant";
import { PetalParticipant } from "petal-participant/element";

const train: TrainFunction = async (model, { round, signal, progress }) => {
  progress(1, 2);
  signal.throwIfAborted();
  return { weights: model ?? new Float32Array(round.modelLength), scalar: 2 };
};
const p = new Participant({ train, coordinator: "https://fl.example.org", persist: "me" });
p.addEventListener("state", ({ detail }) => {
  const state: State = detail;
  if (state.kind === "loading") console.log(state.loaded / state.total);
});
p.addEventListener("error", ({ detail }) => console.log(detail.message.length));
await p.start();
const saved: Uint8Array | null = await p.stop();
new Participant({ train: { python: "/train.py" }, snapshot: saved });
const noisy = new Participant({ train, privacy: { epsilon: 8, clip: 1, updates: 10 } });
noisy.addEventListener("privacy", ({ detail }) => console.log(detail.spent / detail.epsilon));
const left: number | undefined = noisy.budget?.left;
noisy.privacy = { epsilon: 2, clip: 1, noiseMultiplier: 9, delta: 1e-9 };
const model = await fetchModel("https://fl.example.org");
console.log(model?.weights.length, PetalParticipant.name, left);
"""


@pytest.fixture(scope="module")
def tool():
    """Run a tool of web/node_modules by Playwright's Node.js; gives its exit status and output."""
    if not (WEB / "node_modules" / ".made").is_file():
        pytest.skip("web/node_modules is not there: make web/node_modules/.made says why")
    node, _ = compute_driver_executable()

    def run(script: str, *arguments: str | Path) -> tuple[int, str]:
        command = [node, WEB / "node_modules" / script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=WEB, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A fresh folder that has the bundle as npm would put it there."""
    app = tmp_path_factory.mktemp("app")
    write_bundle(app / "node_modules" / "petal-participant", WEB)
    return app


def tsc(tool, *arguments: str | Path) -> None:
    status, said = tool("typescript/bin/tsc", *arguments)
    assert status == 0, said


def test_the_scripts_mean_what_they_say(tool):
    tsc(tool, "-p", "tsconfig.json")


def test_the_declarations_are_those_of_the_scripts(tool, tmp_path):
    tsc(tool, "-p", "tsconfig.types.json", "--outDir", tmp_path)
    made, kept = (
        {p.relative_to(d): p.read_text() for p in d.rglob("*.d.ts")}
        for d in (tmp_path, WEB / "types")
    )
    assert made == kept, "run: make types"


def test_an_app_in_typescript_can_use_it(tool, installed):
    (installed / "app.mts").write_text(CONSUMER)
    options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024"]
    tsc(tool, *options, "--lib", "es2024,dom,dom.iterable", installed / "app.mts")


def test_publint_has_nothing_to_say(tool, installed):
    package = installed / "node_modules" / "petal-participant"
    status, said = tool("publint/src/cli.js", "run", package, "--strict", "--pack", "false")
    assert status == 0, said
    assert "All good" in said
