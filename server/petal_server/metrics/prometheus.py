"""What ``GET /metrics`` tells: Xaynet's measurements, and how the process does.

Counts begin at zero when the process starts, as Prometheus expects; the round's own counts are in
``GET /status``.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    disable_created_metrics,
)
from prometheus_client import Gauge as StoredGauge
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from petal_server.events import (
    Event,
    MasksCounted,
    MessageHandled,
    ModelNotTaken,
    ModelPublished,
    PhaseEnded,
    RoundFailed,
)
from petal_server.limits import Gate
from petal_server.metrics.gauges import ContextGauges, GateGauges
from petal_server.phases import Context, FailureName, PhaseName

disable_created_metrics()  # A second series for each, which no dashboard asks for.

MILLISECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PHASE_SECONDS = (0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """All measurements of one coordinator, in a registry of its own."""

    def __init__(self, ctx: Context, gate: Gate) -> None:
        self.registry = registry = CollectorRegistry()
        registry.register(ContextGauges(ctx))
        registry.register(GateGauges(gate))
        self.followers = StoredGauge(
            "petal_event_followers", "Open streams at /events.", registry=registry
        )
        self.held = StoredGauge(
            "petal_held_requests",
            "Requests that are kept open until there is news.",
            registry=registry,
        )
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._count_rounds(registry)
        self.messages = Counter(
            "petal_messages",
            "Messages and parts of messages by what became of them; the reason is empty for "
            "those that were accepted or are pending.",
            ["phase", "outcome", "reason"],
            registry=registry,
        )
        self.message_seconds = Histogram(
            "petal_message_seconds",
            "From the last byte of a message to its receipt.",
            ["outcome"],
            buckets=MILLISECONDS,
            registry=registry,
        )
        self.request_seconds = Histogram(
            "petal_request_seconds",
            "From the head of a request to the end of its answer; without the time for which it "
            "was kept open until there was news.",
            ["method", "route", "status"],
            buckets=MILLISECONDS,
            registry=registry,
        )
        self.loop_lag = Histogram(
            "petal_event_loop_lag_seconds",
            "How late a timer of the event loop comes: how long everything else had to wait.",
            buckets=MILLISECONDS,
            registry=registry,
        )
        ctx.events.listen(self._take)

    def _count_rounds(self, registry: CollectorRegistry) -> None:
        self.models = Counter("petal_models", "Global models published.", registry=registry)
        self.not_taken = Counter(
            "petal_trust_anchor_failures",
            "Global models that the trust anchor did not take.",
            registry=registry,
        )
        self.updates = StoredGauge(
            "petal_model_updates", "Updates in the latest global model.", registry=registry
        )
        self.masks = StoredGauge(
            "petal_masks",
            "Different masks that the latest round's sum participants voted for.",
            registry=registry,
        )
        self.failures = Counter(
            "petal_round_failures", "Rounds that failed.", ["phase", "reason"], registry=registry
        )
        self.phase_seconds = Histogram(
            "petal_phase_seconds",
            "How long phases took.",
            ["phase"],
            buckets=PHASE_SECONDS,
            registry=registry,
        )
        # A rate needs a series before it first counts.
        for phase in (PhaseName.SUM, PhaseName.UPDATE, PhaseName.SUM2):
            self.failures.labels(phase.value, FailureName.TIMEOUT.value)

    def _take(self, event: Event) -> None:
        match event:
            case MessageHandled():
                self._count_message(event)
            case PhaseEnded():
                self.phase_seconds.labels(event.phase.value).observe(event.seconds)
            case RoundFailed():
                self.failures.labels(event.phase.value, event.reason.value).inc()
            case MasksCounted():
                self.masks.set(event.masks)
            case ModelNotTaken():
                self.not_taken.inc()
            case ModelPublished():
                self.models.inc()
                self.updates.set(event.updates)

    def _count_message(self, event: MessageHandled) -> None:
        outcome, reason = event.receipt.outcome, event.receipt.reason
        labels = (event.phase.value, outcome.value, reason.value if reason else "")
        self.messages.labels(*labels).inc()
        self.message_seconds.labels(outcome.value).observe(event.seconds)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Everything in the format that ``accept`` asks for, and that format's media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type
