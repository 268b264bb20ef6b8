"""What is read off the coordinator at the moment Prometheus asks."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from petal_server.limits import Gate, Refusal
from petal_server.phases import Context, PhaseName

Gauge = tuple[str, str, Callable[[Context], float]]

ROUND: tuple[Gauge, ...] = (
    ("petal_round", "The number of the round that runs.", lambda ctx: ctx.state.round_id),
    (
        "petal_round_param_sum",
        "The probability with which a participant is drawn for the sum task.",
        lambda ctx: ctx.state.params.sum_prob,
    ),
    (
        "petal_round_param_update",
        "The probability with which any other participant is drawn for the update task.",
        lambda ctx: ctx.state.params.update_prob,
    ),
    ("petal_model_length", "Weights of the model.", lambda ctx: ctx.state.params.model_length),
    (
        "petal_inbox_waiting",
        "Checked messages that wait for the phase to handle them.",
        lambda ctx: ctx.inbox.waiting,
    ),
    (
        "petal_multipart_messages",
        "Messages of which some parts have come and some have not.",
        lambda ctx: ctx.reassembly.messages,
    ),
    (
        "petal_multipart_bytes",
        "Bytes kept for these messages.",
        lambda ctx: ctx.reassembly.total_size,
    ),
)


class ContextGauges(Collector):
    """Every gauge of ``ROUND``, and one for each phase that is 1 while it runs."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def collect(self) -> Iterator[Metric]:
        for name, text, read in ROUND:
            yield GaugeMetricFamily(name, text, read(self._ctx))
        phases = GaugeMetricFamily("petal_phase", "1 for the phase that runs.", labels=["phase"])
        for phase in PhaseName:
            phases.add_metric([phase.value], float(phase is self._ctx.phase))
        yield phases


class GateGauges(Collector):
    """Who is there, and who was turned away."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Iterator[Metric]:
        gate = self._gate
        yield GaugeMetricFamily("petal_connections", "Open connections.", gate.connections)
        text = "Bytes of request bodies that are kept."
        yield GaugeMetricFamily("petal_body_bytes", text, gate.bodies.used)
        refusals = CounterMetricFamily(
            "petal_refusals", "Who was turned away or cut off.", labels=["reason"]
        )
        for reason in Refusal:
            refusals.add_metric([reason.value], gate.refused[reason])
        yield refusals
