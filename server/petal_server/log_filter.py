"""The ``[log] filter`` of Xaynet's file: ``target=level`` directives, and a level for the rest.

Xaynet's targets are Rust modules. Here ``xaynet`` (and its crates) means our own loggers and
``http`` the access log; any other target is the name of a Python logger.
"""

import logging
from dataclasses import dataclass, field
from typing import Self

LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 10,
}

_LOGGERS = {
    "xaynet": "petal",
    "xaynet_server": "petal",
    "xaynet_core": "petal",
    "http": "uvicorn.access",
}


@dataclass
class LogFilter:
    """Python logging levels: one for every logger, and some for a logger by name."""

    default: int = logging.ERROR
    loggers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"petal=debug,http=warn,info"``; a target alone means everything of it.

        Raises:
            ValueError: A directive that is not ``LEVEL``, ``TARGET`` or ``TARGET=LEVEL``.
        """
        got = cls()
        for directive in filter(None, (part.strip() for part in text.split(","))):
            got._add(directive)
        return got

    def _add(self, directive: str) -> None:
        target, equals, level = directive.partition("=")
        if not equals and target.lower() in LEVELS:
            self.default = LEVELS[target.lower()]
            return
        level = level if equals else "trace"
        if (
            level.lower() not in LEVELS
            or not target.replace("::", "_").replace(".", "_").isidentifier()
        ):
            known = ", ".join(LEVELS)
            raise ValueError(
                f"{directive!r} is not LEVEL or TARGET=LEVEL, where LEVEL is one of {known}"
            )
        self.loggers[_LOGGERS.get(target, target.replace("::", "."))] = LEVELS[level.lower()]
