"""``[metrics]`` and ``[events]``: what operators and pages are told."""

from pydantic import Field

from petal_server.settings.fields import Section, WebAddress


class InfluxSettings(Section):
    """Where measurements are pushed to, as in Xaynet."""

    url: WebAddress | None = Field(
        None,
        repr=False,
        description="Push Xaynet's measurements to the InfluxDB at this address, such as "
        '"http://127.0.0.1:8086"; left out, nothing is pushed.',
    )
    db: str = Field("metrics", min_length=1, description="The InfluxDB database.")


class MetricsSettings(Section):
    """What ``GET /metrics`` and InfluxDB are told."""

    enable: bool = Field(True, description="Serve measurements for Prometheus at `/metrics`.")
    influxdb: InfluxSettings = InfluxSettings()


class EventSettings(Section):
    """The streams at ``GET /events``."""

    max_subscribers: int = Field(
        1000, ge=0, description="How many may follow `/events` at once; further ones get a 503."
    )
    max_waiting: int = Field(
        32, ge=1, description="Events kept for a slow follower; one more and its stream is ended."
    )
    heartbeat: float = Field(
        15,
        ge=0.1,
        le=3600,
        description="Seconds of silence after which a stream gets a sign of life.",
    )
