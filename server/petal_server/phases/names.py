"""Names of phases and of the ways a round fails."""

from enum import StrEnum

from petal.wire import Tag


class PhaseName(StrEnum):
    """Where a round stands, as ``GET /status`` says it."""

    IDLE = "idle"
    SUM = "sum"
    UPDATE = "update"
    SUM2 = "sum2"
    UNMASK = "unmask"
    FAILURE = "failure"
    SHUTDOWN = "shutdown"

    @property
    def tag(self) -> Tag | None:
        """The kind of message that this phase takes, if it takes any."""
        return _TAGS.get(self)


_TAGS = {PhaseName.SUM: Tag.SUM, PhaseName.UPDATE: Tag.UPDATE, PhaseName.SUM2: Tag.SUM2}


class FailureName(StrEnum):
    """Why a round failed. ``docs/operating.md`` explains each."""

    TIMEOUT = "timeout"
    NO_MASK = "no_mask"
    AMBIGUOUS_MASKS = "ambiguous_masks"
    UNMASKING = "unmasking"
    TRUST_ANCHOR = "trust_anchor"
    STORAGE = "storage"
    INTERNAL = "internal"


class PhaseFailure(Exception):
    """Ends the round; ``str()`` is the reason in one line, without secrets."""

    def __init__(self, name: FailureName, detail: str) -> None:
        super().__init__(f"{name.value}: {detail}")
        self.name = name
        self.detail = detail
