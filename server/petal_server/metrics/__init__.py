"""The coordinator in numbers: for Prometheus to fetch, and to push to InfluxDB."""

from petal_server.metrics.influx import InfluxPush
from petal_server.metrics.loop_lag import watch_loop
from petal_server.metrics.prometheus import Metrics
from petal_server.metrics.requests import HELD, TimedRequests

__all__ = ["HELD", "InfluxPush", "Metrics", "TimedRequests", "watch_loop"]
