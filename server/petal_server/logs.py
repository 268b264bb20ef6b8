"""Structured logs: structlog through the standard library, where uvicorn's lines end up too."""

import logging
import sys

import structlog

from petal_server.log_filter import LogFilter
from petal_server.settings import LogSettings

HANDLER = "petal"

_SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(settings: LogSettings) -> None:
    """Send all logs to standard error in the format and at the levels that ``settings`` ask for."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(settings.format))
    handler.set_name(HANDLER)
    for before in [known for known in logging.root.handlers if known.name == HANDLER]:
        logging.root.removeHandler(before)
    logging.root.addHandler(handler)
    _set_levels(LogFilter.parse(settings.filter))


def _formatter(form: str) -> logging.Formatter:
    if form == "json":
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_SHARED),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _set_levels(wanted: LogFilter) -> None:
    logging.root.setLevel(wanted.default)
    # What was configured before, by another command in this process, no longer counts.
    for name in [known for known in logging.root.manager.loggerDict if known.startswith("petal")]:
        logging.getLogger(name).setLevel(logging.NOTSET)
    # A line for each request drowns a round; "http=info" asks for it.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(max(wanted.default, logging.WARNING))
    # So does a line for each push to InfluxDB.
    logging.getLogger("httpx").setLevel(max(wanted.default, logging.WARNING))
    for name, level in wanted.loggers.items():
        logging.getLogger(name).setLevel(level)
