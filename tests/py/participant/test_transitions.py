"""The transition table, the diagram of it in the docs, and the machine: all three agree."""

import re
from pathlib import Path

import pytest

from petal.crypto import EncryptionKeyPair, seal
from petal.errors import ParticipantError
from petal.participant import (
    TABLE,
    Elapsed,
    Fetch,
    Fetched,
    ModelMasked,
    Outcome,
    Post,
    Posted,
    Receipt,
    State,
    Step,
    Trained,
    TrainingDeferred,
    TrainingFailed,
    Unreachable,
    WorkFailed,
    mermaid,
)
from petal.participant.upload import PARTS_BETWEEN_CHECKS
from petal.round import Role
from petal.wire import Message, Tag, encode_dictionary, encode_params, parse_payload

from .world import Coordinator, Party, answer, machine, params_for, weights_of

DOCS = Path(__file__).parents[3] / "docs" / "participant.md"
LENGTH = 12_000  # 72 kB masked: more small parts than go out between two looks at the parameters
SMALL = {"max_message_size": 4096}

ROLE_FOR = dict.fromkeys(
    (State.SENDING_SUM, State.AWAITING_SEEDS, State.SUMMING_MASKS, State.SENDING_SUM2), Role.SUM
)


class Stub:
    """A coordinator that is always ready: it has every answer as soon as it is asked."""

    def __init__(self, role):
        world = Coordinator(length=LENGTH)
        self.keys, self.params = world.keys, params_for(world, role)
        self.ephemeral = EncryptionKeyPair.from_seed(b"e" * 32).public

    def answer(self, request):
        if isinstance(request, Fetch):
            return getattr(self, "_" + request.resource)()
        if isinstance(request, Post):
            return self._message(request)
        return answer(request, None, lambda train: Trained(weights_of(1, train.params)))

    def _params(self):
        return Fetched("params", 200, encode_params(self.params))

    def _model(self):
        return Fetched("model", 204)

    def _sums(self):
        return Fetched("sums", 200, encode_dictionary({b"s" * 32: self.ephemeral}))

    def _seeds(self):
        sealed = seal(self.ephemeral, b"m" * 32)
        return Fetched("seeds", 200, encode_dictionary({b"u" * 32: sealed}))

    def _message(self, request):
        message = Message.from_bytes(self.keys.open(request.body))
        if message.tag is Tag.SUM:
            self.ephemeral = parse_payload(Tag.SUM, message.payload).ephemeral_pk
        return Posted(200, Receipt("pending" if request.index + 1 < request.total else "accepted"))


def place(state, *, role=None, **options):
    """A party in that state, its work requested, and the stub it talks to."""
    stub = Stub(role or ROLE_FOR.get(state, Role.UPDATE))
    party = Party(9, machine(9, **SMALL, **options))
    for _ in range(100):
        there = party.machine.step is Step.WORKING or state in (State.JOINING, State.AWAITING_ROUND)
        if party.machine.state is state and there:
            return party, stub
        party.tell(stub.answer(party.request))
    raise AssertionError(f"{state} was not reached")


def new_params(role):
    def event(_party, stub):
        params = params_for(stub, role, seed=b"n" * 32)
        return Fetched("params", 200, encode_params(params))

    return event


def last_part(event):
    """The event, once all parts but the last are sent."""

    def after(party, stub):
        while not (isinstance(party.request, Post) and is_last(party.request)):
            party.tell(stub.answer(party.request))
        return event

    return after


def is_last(post):
    return post.index + 1 == post.total


def sixteenth_part(party, stub):
    for _ in range(PARTS_BETWEEN_CHECKS - 1):
        party.tell(Posted(200))
    return Posted(200)


def served(party, stub):
    return stub.answer(party.request)


def empty(party, _stub):
    return Fetched(party.request.resource, 204)


AWAY = Unreachable("no route")
ACCEPTED, PENDING = Posted(200, Receipt("accepted")), Posted(200, Receipt("pending"))
REJECTED = Posted(200, Receipt("rejected", "wrong_phase"))

# How each outcome of a state's work comes about.
WORK_EVENTS = {
    (State.FETCHING_MODEL, Outcome.SUM): empty,
    (State.FETCHING_MODEL, Outcome.UPDATE): empty,
    (State.FETCHING_MODEL, Outcome.NONE): empty,
    (State.FETCHING_MODEL, Outcome.LAST): empty,
    (State.FETCHING_MODEL, Outcome.TROUBLE): Fetched("model", 503),
    (State.TRAINING, Outcome.DONE): served,
    (State.TRAINING, Outcome.NOT_YET): TrainingDeferred(),
    (State.TRAINING, Outcome.FAILED): TrainingFailed("ValueError: no data"),
    (State.AWAITING_SUMS, Outcome.READY): Fetched("sums", 200, encode_dictionary({})),
    (State.AWAITING_SUMS, Outcome.NOT_YET): empty,
    (State.AWAITING_SUMS, Outcome.TROUBLE): Fetched("sums", 200, b"nonsense"),
    (State.MASKING, Outcome.DONE): served,
    (State.MASKING, Outcome.FAILED): WorkFailed("not enough memory"),
    (State.AWAITING_SEEDS, Outcome.READY): served,
    (State.AWAITING_SEEDS, Outcome.NOT_YET): empty,
    (State.AWAITING_SEEDS, Outcome.TROUBLE): AWAY,
    (State.AWAITING_SEEDS, Outcome.FAILED): Fetched(
        "seeds", 200, encode_dictionary({b"u" * 32: b"x" * 80})
    ),
    (State.SUMMING_MASKS, Outcome.DONE): served,
    (State.SUMMING_MASKS, Outcome.FAILED): WorkFailed("too many models"),
}
for _state in (State.SENDING_SUM, State.SENDING_UPDATE, State.SENDING_SUM2):
    WORK_EVENTS |= {
        (_state, Outcome.DELIVERED): last_part(ACCEPTED),
        (_state, Outcome.REFUSED): REJECTED,
        (_state, Outcome.AGAIN): last_part(PENDING),
        (_state, Outcome.TROUBLE): Posted(502),
    }
for _state in (State.SENDING_UPDATE, State.SENDING_SUM2):
    WORK_EVENTS |= {
        (_state, Outcome.PART): Posted(200),
        (_state, Outcome.RECHECK): sixteenth_part,
    }

# How each outcome of the look at the parameters comes about.
CHECK_EVENTS = {
    Outcome.TROUBLE: AWAY,
    Outcome.SAME: served,
    Outcome.SUM: new_params(Role.SUM),
    Outcome.OTHER: new_params(Role.UPDATE),
    Outcome.LAST: new_params(Role.SUM),
}


def into_step(party, step):
    """From wherever it is in its state to this step."""
    if step is not Step.WORKING:
        party.restart()
    if step is Step.WAITING:
        party.tell(AWAY)


def event_for(state, step, outcome):
    if step is Step.WAITING:
        return Elapsed()
    if step is Step.CHECKING:
        return CHECK_EVENTS[outcome]
    return WORK_EVENTS[state, outcome]


@pytest.mark.parametrize(("key", "to"), TABLE.items(), ids=lambda x: "-".join(x))
def test_each_transition_happens(key, to):
    state, step, outcome = key
    options = {"rounds": 1} if outcome is Outcome.LAST else {}
    role = {Outcome.SUM: Role.SUM, Outcome.NONE: Role.NONE}.get(outcome)
    party, stub = place(state, role=role if step is Step.WORKING else None, **options)
    if key == (State.FETCHING_MODEL, Step.WORKING, Outcome.LAST):
        into_step(party, Step.CHECKING)
        party.tell(CHECK_EVENTS[Outcome.LAST](party, stub))
    into_step(party, step)
    event = event_for(state, step, outcome)
    if callable(event):
        event = event(party, stub)
    party.tell(event)
    assert (party.machine.state, party.machine.step) == to
    assert party.done == (to[0] is State.FINISHED)


def test_the_diagram_in_the_docs_is_the_table():
    block = re.search(r"```mermaid\n(.*?)```", DOCS.read_text(), re.S)
    assert block.group(1) == mermaid()


def test_the_diagram_shows_every_row():
    """Read back from the diagram: rows of each state's work, and the rows all states share."""
    steps = {"": Step.WORKING, "wait": Step.WAITING, "check": Step.CHECKING}
    row = re.compile(r"    (\w+) --> (\w+): (\w+)(?:, (\w+))?$")
    found = [row.match(line).groups() for line in mermaid().splitlines() if row.match(line)]
    work = {
        (State(start), Step.WORKING, Outcome(outcome)): (State(to), steps[then or ""])
        for start, to, outcome, then in found
        if start != State.JOINING
    }
    assert work == {key: to for key, to in TABLE.items() if key[1] is Step.WORKING}
    joining = {(Outcome(o), State(to)) for start, to, o, _ in found if start == State.JOINING}
    inner = re.findall(r"        checking --> new_round_(\w+): (\w+)", mermaid())
    new_round = {(Outcome(o), State(to)) for to, o in inner}
    for state in set(State) - {State.FINISHED}:
        rows = {
            (outcome, to)
            for (start, step, outcome), (to, _) in TABLE.items()
            if start is state and step is Step.CHECKING
        }
        rows = {row for row in rows if row[0] in CHECK_EVENTS}
        rows -= {(Outcome.TROUBLE, state), (Outcome.SAME, state)}
        assert rows == (joining if state is State.JOINING else new_round)


def test_a_foreign_event_is_no_answer():
    party, _ = place(State.TRAINING)
    with pytest.raises(ParticipantError, match="ModelMasked answers nothing"):
        party.machine.receive(ModelMasked(None))
    assert party.machine.state is State.TRAINING
