"""The participant's transition table, as data.

A participant is in one *state* of a round, and there in one *step*: it re-reads the round
parameters (checking), does what the state is about (working), or lets time pass (waiting).
What an event means in its place is an *outcome*; the table says where that leads. The diagram
in docs/participant.md is `mermaid()`, and a test holds the two together.
"""

from enum import StrEnum


class State(StrEnum):
    """Where in a round the participant is."""

    JOINING = "joining"
    SENDING_SUM = "sending_sum"
    FETCHING_MODEL = "fetching_model"
    TRAINING = "training"
    AWAITING_SUMS = "awaiting_sums"
    MASKING = "masking"
    SENDING_UPDATE = "sending_update"
    AWAITING_SEEDS = "awaiting_seeds"
    SUMMING_MASKS = "summing_masks"
    SENDING_SUM2 = "sending_sum2"
    AWAITING_ROUND = "awaiting_round"
    FINISHED = "finished"


class Step(StrEnum):
    """What the participant is doing in its state."""

    CHECKING = "checking"
    WORKING = "working"
    WAITING = "waiting"


class Outcome(StrEnum):
    """What an event means where it arrives."""

    ELAPSED = "elapsed"  # the wait is over
    SAME = "same_round"
    SUM = "sum_participant"
    UPDATE = "update_participant"
    NONE = "no_role"
    OTHER = "not_sum_participant"  # a new round, and there is no hurry in it
    LAST = "last_round_over"  # as many rounds as asked for are over
    TROUBLE = "unreachable_or_malformed"
    NOT_YET = "not_yet"
    READY = "ready"
    DONE = "done"
    FAILED = "failed"
    PART = "part_sent"
    RECHECK = "many_parts_sent"
    AGAIN = "sent_again_from_the_start"
    DELIVERED = "delivered"
    REFUSED = "refused"


# Where nothing is left to do but to wait for news: a look in this step may be kept open.
PATIENT = (
    (State.AWAITING_SUMS, Step.WORKING),
    (State.AWAITING_SEEDS, Step.WORKING),
    (State.AWAITING_ROUND, Step.CHECKING),
)
SENDING = (State.SENDING_SUM, State.SENDING_UPDATE, State.SENDING_SUM2)
Key = tuple[State, Step, Outcome]
Table = dict[Key, tuple[State, Step]]

# What each state's own work leads to. A wait comes first where an answer cannot be there yet.
WORKING: dict[tuple[State, Outcome], tuple[State, Step]] = {
    # The sum message goes out before the model is fetched: it is small and the phase is short.
    (State.SENDING_SUM, Outcome.DELIVERED): (State.FETCHING_MODEL, Step.WORKING),
    (State.SENDING_SUM, Outcome.REFUSED): (State.FETCHING_MODEL, Step.WORKING),
    (State.FETCHING_MODEL, Outcome.SUM): (State.AWAITING_SEEDS, Step.WAITING),
    (State.FETCHING_MODEL, Outcome.UPDATE): (State.TRAINING, Step.WORKING),
    (State.FETCHING_MODEL, Outcome.NONE): (State.AWAITING_ROUND, Step.WAITING),
    (State.FETCHING_MODEL, Outcome.LAST): (State.FINISHED, Step.WORKING),
    (State.FETCHING_MODEL, Outcome.TROUBLE): (State.FETCHING_MODEL, Step.WAITING),
    (State.TRAINING, Outcome.DONE): (State.AWAITING_SUMS, Step.CHECKING),
    (State.TRAINING, Outcome.NOT_YET): (State.TRAINING, Step.WAITING),
    (State.TRAINING, Outcome.FAILED): (State.AWAITING_ROUND, Step.WAITING),
    (State.AWAITING_SUMS, Outcome.READY): (State.MASKING, Step.WORKING),
    (State.AWAITING_SUMS, Outcome.NOT_YET): (State.AWAITING_SUMS, Step.WAITING),
    (State.AWAITING_SUMS, Outcome.TROUBLE): (State.AWAITING_SUMS, Step.WAITING),
    (State.MASKING, Outcome.DONE): (State.SENDING_UPDATE, Step.CHECKING),
    (State.MASKING, Outcome.FAILED): (State.AWAITING_ROUND, Step.WAITING),
    (State.SENDING_UPDATE, Outcome.DELIVERED): (State.AWAITING_ROUND, Step.WAITING),
    (State.SENDING_UPDATE, Outcome.REFUSED): (State.AWAITING_ROUND, Step.WAITING),
    (State.AWAITING_SEEDS, Outcome.READY): (State.SUMMING_MASKS, Step.WORKING),
    (State.AWAITING_SEEDS, Outcome.NOT_YET): (State.AWAITING_SEEDS, Step.WAITING),
    (State.AWAITING_SEEDS, Outcome.TROUBLE): (State.AWAITING_SEEDS, Step.WAITING),
    (State.AWAITING_SEEDS, Outcome.FAILED): (State.AWAITING_ROUND, Step.WAITING),
    (State.SUMMING_MASKS, Outcome.DONE): (State.SENDING_SUM2, Step.CHECKING),
    (State.SUMMING_MASKS, Outcome.FAILED): (State.AWAITING_ROUND, Step.WAITING),
    (State.SENDING_SUM2, Outcome.DELIVERED): (State.AWAITING_ROUND, Step.WAITING),
    (State.SENDING_SUM2, Outcome.REFUSED): (State.AWAITING_ROUND, Step.WAITING),
}
for _state in SENDING:
    WORKING[_state, Outcome.AGAIN] = (_state, Step.WORKING)
    WORKING[_state, Outcome.TROUBLE] = (_state, Step.WAITING)
for _state in (State.SENDING_UPDATE, State.SENDING_SUM2):  # a sum message is never cut
    WORKING[_state, Outcome.PART] = (_state, Step.WORKING)
    WORKING[_state, Outcome.RECHECK] = (_state, Step.CHECKING)

# What a look at the round parameters leads to, whatever the state.
NEW_ROUND: dict[Outcome, tuple[State, Step]] = {
    Outcome.SUM: (State.SENDING_SUM, Step.WORKING),
    Outcome.OTHER: (State.FETCHING_MODEL, Step.WORKING),
    Outcome.LAST: (State.FETCHING_MODEL, Step.WORKING),
}


def _same_round(state: State) -> tuple[State, Step]:
    idle = state is State.AWAITING_ROUND
    return (state, Step.WAITING if idle else Step.WORKING)


def _table() -> Table:
    table: Table = {(s, Step.WORKING, outcome): to for (s, outcome), to in WORKING.items()}
    for state in State:
        if state is State.FINISHED:
            continue
        table[state, Step.WAITING, Outcome.ELAPSED] = (state, Step.CHECKING)
        table[state, Step.CHECKING, Outcome.TROUBLE] = (state, Step.WAITING)
        for outcome, to in NEW_ROUND.items():
            table[state, Step.CHECKING, outcome] = to
        if state is not State.JOINING:
            table[state, Step.CHECKING, Outcome.SAME] = _same_round(state)
    # A participant that has joined no round can have finished none.
    del table[State.JOINING, Step.CHECKING, Outcome.LAST]
    return table


TABLE: Table = _table()


def mermaid() -> str:
    """The table as a Mermaid state diagram: each state's work, and the look all states share."""
    lines = ["stateDiagram-v2", "    [*] --> joining"]
    joined = {Outcome.SUM: State.SENDING_SUM, Outcome.OTHER: State.FETCHING_MODEL}
    lines += [f"    joining --> {to}: {outcome}" for outcome, to in joined.items()]
    lines += [
        f"    {state} --> {to}: {outcome}{_then(step)}"
        for (state, outcome), (to, step) in WORKING.items()
    ]
    lines += ["    finished --> [*]", "    state every_state_but_finished {"]
    lines += ["        [*] --> checking", "        waiting --> checking: elapsed"]
    lines += ["        checking --> waiting: unreachable_or_malformed"]
    lines += ["        checking --> working: same_round"]
    lines += ["        checking --> waiting: same_round in awaiting_round"]
    lines += [
        f"        checking --> new_round_{to}: {outcome}" for outcome, (to, _) in NEW_ROUND.items()
    ]
    return "\n".join([*lines, "    }"]) + "\n"


def _then(step: Step) -> str:
    return {Step.WORKING: "", Step.WAITING: ", wait", Step.CHECKING: ", check"}[step]
