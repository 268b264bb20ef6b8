"""How a participant waits for news: by questions that the coordinator keeps open, if it does so.

A coordinator of Petal says for how long it keeps a question open (`Petal-Wait`). A question that
names what is known already is then answered when there is something else. Any other coordinator
is asked every now and then.
"""

from dataclasses import dataclass, field, replace

from petal.crypto import RandomBytes
from petal.participant.delays import fraction
from petal.participant.events import Event, Fetch, Fetched, Unchanged, Unreachable

LONGEST = 60.0
"""Seconds; of a longer offer no more is taken, since somebody between may cut the question off."""

SHORTEST = 2.0
"""A question that may stay open no longer than this is not worth it."""

_LEAST_SHARE = 0.2
"""Of what is offered, however often questions were cut off: the coordinator may be back by now."""

_AT_ONCE = 2
"""Looks in a row without a pause: the first learns what there is, the second stays open."""

_CUT_OFF = (408, 502, 504, 524)
"""What proxies answer that have no patience. 429 and 503 ask for another kind of it."""

_NOTHING_YET = 204


@dataclass(slots=True)
class Patience:
    """What the coordinator offers, what is known by its tags, and what the way to it permits.

    `share` of the offered time gets through: a proxy between may cut a long question off.
    """

    offered: float = 0.0
    share: float = 1.0
    tags: dict[str, str] = field(default_factory=dict)
    open: Fetch | None = None
    looks: int = 0

    @property
    def _longest(self) -> float:
        """Seconds for which a question can stay open here; 0 where that is not worth it."""
        longest = self.offered * self.share
        return longest if longest >= SHORTEST else 0.0

    def asking(self, request: Fetch, random: RandomBytes) -> Fetch:
        """The request, to be kept open if that is possible."""
        known = self.tags.get(request.resource)
        self.open = None
        if known and self._longest:
            # By lot, so that those who were answered together do not come together again.
            seconds = self._longest * (0.75 + 0.25 * fraction(random))
            self.open = request = replace(request, known=known, wait=seconds)
        return request

    def heard(self, event: Event) -> Event:
        """Learn from an answer; one that only says that somebody cut it off says nothing new."""
        asked, self.open = self.open, None
        if isinstance(event, Fetched):
            self._note(event)
        if asked is None:
            return event
        if isinstance(event, Unchanged):
            self.share = min(1.0, self.share * 1.25)
        elif isinstance(event, Unreachable) or event.status in _CUT_OFF:
            self.share = max(self.share / 2, _LEAST_SHARE)
            self.forget()
            return Unchanged(asked.resource)
        return event

    def _note(self, event: Fetched) -> None:
        if event.resource == "params":
            self.offered = min(event.offered, LONGEST) if event.offered > 0 else 0.0
        settled = event.status == (200 if event.resource == "params" else _NOTHING_YET)
        if settled and event.etag:
            self.tags[event.resource] = event.etag
        else:
            self.tags.pop(event.resource, None)

    def forget(self) -> None:
        """Ask for all there is, whatever was known."""
        self.tags.clear()
        self.open = None

    def at_once(self) -> bool:
        """Whether to look again without a pause: only now and then, whatever is answered."""
        if self._longest and self.looks < _AT_ONCE:
            self.looks += 1
            return True
        self.looks = 0
        return False
