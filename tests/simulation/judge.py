"""Which receipts a letter may get: the coordinator's checks in the protocol's order, once more."""

from dataclasses import dataclass, field

from petal.wire import Tag
from petal_server.outcome import MASK_REASONS, Outcome, Reason, Receipt

from .letters import Letter
from .record import Record

ACCEPTED = Receipt(Outcome.ACCEPTED)
PENDING = Receipt(Outcome.PENDING)

_OF_THE_PHASE = set(MASK_REASONS.values())


@dataclass(frozen=True)
class Arrival:
    """Where the coordinator stood when a letter arrived, and a number for the arrival itself."""

    record: Record | None
    tag: Tag | None
    faults: int
    max_message_size: int
    number: int = field(default=0, compare=False)


def expected(letter: Letter, arrival: Arrival, now: Arrival, few_parts: bool) -> set[Receipt]:
    """The receipts that are right.

    `arrival` and `now` are before and after the coordinator's decision; `few_parts` tells that it
    keeps so few unfinished messages that others can be crowded out.
    """
    flaw, record = letter.flaw, arrival.record
    if len(letter.body) > arrival.max_message_size:
        return {_rejected(Reason.TOO_LARGE)}
    if flaw is Reason.SEALED_BOX:
        return {_rejected(flaw)}
    if record is None or record.params.coordinator_pk != letter.round_pk:
        return {_rejected(Reason.SEALED_BOX)}
    if flaw is Reason.MALFORMED:
        return {_rejected(flaw)}
    if arrival.tag is not letter.tag:
        return {_rejected(Reason.WRONG_PHASE)}
    if letter.part:
        return _of_a_part(letter, arrival, now, few_parts)
    return _of_a_whole(letter, arrival, now)


def _of_a_part(letter, arrival, now, few_parts):
    if letter.author in arrival.record.accepted[letter.tag]:
        return {_rejected(Reason.REPLAYED)} | _overtaken(letter, arrival, now)
    found = {PENDING} | _overtaken(letter, arrival, now)
    if few_parts:
        found.add(_rejected(Reason.MULTIPART_FULL))
    if letter.flaw is Reason.MULTIPART:  # it never becomes whole
        return found | {_rejected(Reason.MULTIPART)}
    return found | _of_a_whole(letter, arrival, now)


def _of_a_whole(letter, arrival, now):
    if letter.flaw is not None and letter.flaw not in _OF_THE_PHASE:
        return {_rejected(letter.flaw)}
    found = {_by_the_phase(letter, arrival.record)}
    if len(arrival.record.accepted[letter.tag]) >= arrival.record.limits(letter.tag).count.max:
        found = {Receipt(Outcome.DISCARDED, Reason.PHASE_FULL)}
    return found | _overtaken(letter, arrival, now)


def _overtaken(letter, arrival, now):
    """What may come of it where something else happened while it was being looked at."""
    found = set()
    if now.faults > arrival.record.faults:
        found.add(_rejected(Reason.COORDINATOR_ERROR))
    if (now.record, now.tag) != (arrival.record, arrival.tag):
        found.add(Receipt(Outcome.DISCARDED, Reason.PHASE_OVER))
        if letter.part:
            found.add(_rejected(Reason.WRONG_PHASE))
    return found


def _by_the_phase(letter: Letter, record: Record) -> Receipt:
    """What the phase's own rules say, at the moment of the decision."""
    if letter.flaw is not None:
        return _rejected(letter.flaw)
    if letter.tag is Tag.SUM2 and letter.author not in record.accepted[Tag.SUM]:
        return _rejected(Reason.UNKNOWN_SUM_PARTICIPANT)
    if letter.author in record.accepted[letter.tag]:
        return _rejected(Reason.REPLAYED)
    if letter.tag is Tag.UPDATE and letter.content.claims.keys() != record.accepted[Tag.SUM].keys():
        return _rejected(Reason.SEED_DICTIONARY)
    return ACCEPTED


def _rejected(reason: Reason) -> Receipt:
    return Receipt(Outcome.REJECTED, reason)
