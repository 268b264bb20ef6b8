"""petal.js as other apps use it, under the strict Content-Security-Policy of the page."""

import pytest

from .processes import Coordinator, native, wait_until

CONFIG = """
[pet.sum]
prob = {sum_prob}
time = {{ min = 1.0, max = 5 }}
[pet.update]
prob = 1.0
time = {{ min = 1.5, max = 10 }}
[pet.sum2]
time = {{ min = 0.5, max = 10 }}
[mask]
bound_type = "B2"
[model]
length = 4
[round]
failure_delay = 0.1
"""
QUARTERS = """
import numpy as np
def train(model, round):
    return np.full(round.model_length, 0.25, np.float32)
"""
JOIN = """async () => {
  const { Participant } = await import("/petal/petal.js");
  window.heard = { models: [], accepted: [], rounds: [], warnings: [], calls: 0 };
  const train = async (model, { round, signal }) => {
    heard.calls += 1;
    heard.model = model && { type: model.constructor.name, length: model.length };
    heard.signal = signal.aborted;
    const weights = new Float32Array(round.modelLength).fill(0.75);
    return { weights, scalar: 3 };
  };
  window.p = new Participant({ train });
  p.addEventListener("round", ({ detail }) => heard.rounds.push(detail));
  p.addEventListener("warning", ({ detail }) => heard.warnings.push(detail.message));
  p.addEventListener("message", ({ detail }) => heard.accepted.push(detail));
  p.addEventListener("model", ({ detail: { weights } }) =>
    weights && heard.models.push(Array.from(weights)));
  await p.start();
}"""
FAR = """async (coordinator) => {
  const { Participant } = await import("/petal/petal.js");
  window.p = new Participant({ coordinator, train: (_model, { round }) =>
    new Float32Array(round.modelLength) });
  window.told = [];
  p.addEventListener("message", ({ detail }) => told.push(detail.outcome));
  await p.start();
}"""
ECHO = """
import numpy as np

def describe(value):
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.tolist() if value.dtype.kind == "f" else len(value)]
    return [type(value).__name__, value]

def give(what):
    return {
        "matrix": np.arange(6, dtype=np.float64).reshape(2, 3),
        "integers": np.array([1, -2], np.int32),
        "long": np.array([2**40], np.int64),
        "number": np.float32(0.5),
        "nested": {"a": [1, (2, None)], "b": True},
    }[what]

async def later(value):
    return value

def exhaust():
    raise MemoryError

def work():
    from petal.client.browser import progress
    progress(1, 3)

def fail():
    raise ValueError("the digits are upside down")

def _hidden():
    pass
"""


@pytest.fixture
def small(coordinate) -> Coordinator:
    return coordinate(sum_prob=0.3, config=CONFIG)


def test_a_javascript_function_trains(small, tabs, tmp_path):
    training = tmp_path / "quarters.py"
    training.write_text(QUARTERS)
    others = [native(small.url, i, tmp_path / f"{i}.log", training) for i in range(5)]
    try:
        page = tabs.plain(small.url)
        page.evaluate(JOIN)

        def counted() -> bool:
            """A mean of 0.75 with weight 3 and k times 0.25 with weight 1 was published."""
            means = [(2.25 + 0.25 * k) / (3 + k) for k in range(2, 6)]
            models = page.evaluate("heard.models")
            return any(
                abs(m[0] - mean) < 1e-6 and len(set(m)) == 1 for m in models for mean in means
            )

        wait_until("the page's weights are in a global model", counted, 240)
        heard = page.evaluate("heard")
        assert not heard["warnings"]
        assert heard["calls"] >= 1
        assert heard["signal"] is False
        assert heard["rounds"][0]["modelLength"] == 4
        assert heard["rounds"][0]["maskConfig"] == "Prime/F32/B2/M3"
        assert {"stage": "update", "outcome": "accepted", "reason": None} in heard["accepted"]
        page.evaluate("p.stop()")
        assert page.evaluate("p.state.kind") == "stopped"
        page.evaluate("p.start()")
        assert page.evaluate("p.state.kind") == "running"
    finally:
        for program in others:
            program.stop()


def test_stop_aborts_a_training_under_way(coordinate, tabs):
    page = tabs.plain(coordinate(sum_prob=0.001, config=CONFIG).url)
    page.evaluate("""async () => {
      const { Participant } = await import("/petal/petal.js");
      const train = (_model, { signal }) => new Promise((_resolve, reject) => {
        window.training = true;
        signal.addEventListener("abort", () => { window.aborted = true; reject(signal.reason); });
      });
      window.p = new Participant({ train });
      await p.start();
    }""")
    wait_until("training is under way", lambda: page.evaluate("window.training"))
    page.evaluate("p.stop()")
    wait_until("the signal is aborted", lambda: page.evaluate("window.aborted"))
    assert page.evaluate("p.state.kind") == "stopped"


def test_values_cross_between_page_and_python(coordinate, tabs):
    page = tabs.plain(coordinate().url)
    told = page.evaluate(
        """async (source) => {
          const { Participant } = await import("/petal/petal.js");
          const p = new Participant({ train: { python: source } });
          const show = (v) => ArrayBuffer.isView(v)
            ? [v.constructor.name, Array.from(v, Number)] : v;
          const caught = (e) => ({ name: e.name, message: e.message, stack: e.stack });
          const steps = [];
          p.addEventListener("progress", ({ detail }) => steps.push(detail));
          await p.call("work");
          return {
            steps,
            exhausted: await p.call("exhaust").catch(caught),
            f32: await p.call("describe", new Float32Array([0.5, 1])),
            f64: await p.call("describe", new Float64Array([0.1])),
            bytes: await p.call("describe", new Uint8Array(3)),
            text: await p.call("describe", "ä"),
            nothing: await p.call("describe", null),
            object: await p.call("describe", { a: [1, 2], b: "c" }),
            matrix: show(await p.call("give", "matrix")),
            integers: show(await p.call("give", "integers")),
            long: show(await p.call("give", "long")),
            number: await p.call("give", "number"),
            nested: await p.call("give", "nested"),
            later: await p.call("later", 7),
            failed: await p.call("fail").catch(caught),
            unknown: await p.call("nope").catch(caught),
            hidden: await p.call("_hidden").catch(caught),
            state: p.state.kind,
          };
        }""",
        ECHO,
    )
    assert told["steps"] == [{"stage": "training", "done": 1, "total": 3}]
    assert told["exhausted"]["name"] == "MemoryError"
    assert "Close other tabs" in told["exhausted"]["message"]
    assert told["f32"] == ["float32", [0.5, 1]]
    assert told["f64"] == ["float64", [0.1]]
    assert told["bytes"] == ["uint8", 3]
    assert told["text"] == ["str", "ä"]
    assert told["nothing"] == ["NoneType", None]
    assert told["object"] == ["dict", {"a": [1, 2], "b": "c"}]
    assert told["matrix"] == ["Float64Array", [0, 1, 2, 3, 4, 5]]
    assert told["integers"] == ["Int32Array", [1, -2]]
    assert told["long"] == ["BigInt64Array", [2**40]]
    assert told["number"] == 0.5
    assert told["nested"] == {"a": [1, [2, None]], "b": True}
    assert told["later"] == 7
    assert told["failed"]["name"] == "ValueError"
    assert told["failed"]["message"] == "the digits are upside down"
    assert "petal_task.py" in told["failed"]["stack"]
    assert told["unknown"]["message"] == "the training module defines no function 'nope'"
    assert "defines no function" in told["hidden"]["message"]
    assert told["state"] == "idle"


def test_a_coordinator_on_another_origin(coordinate, tabs, natives):
    host = coordinate()
    allowed = f'{CONFIG}\n[api.cors]\nallow_origins = ["{host.url}"]\n'
    far = coordinate(sum_prob=0.999, config=allowed)  # so its first message is taken
    host.program.stop()
    host.restart(f'[web]\ncoordinators = ["{far.url}"]\n')
    page = tabs.plain(host.url)
    page.evaluate(FAR, far.url)
    wait_until("a message is taken", lambda: "accepted" in page.evaluate("told"))
