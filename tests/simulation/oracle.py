"""Judges every receipt and every round; what it cannot explain ends the simulation."""

import asyncio
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from io import BytesIO

import numpy as np

from petal.round import Role, sign_tasks
from petal.wire import Tag, decode_model
from petal_server.events import ModelPublished, PhaseStarted, RoundFailed
from petal_server.outcome import Outcome, Reason
from petal_server.phases import PhaseName

from . import exact
from .failures import explain_failure
from .judge import Arrival, expected
from .letters import Letter
from .record import Record

TICK = 1e-5
"""Later than everything else that happens at one virtual moment, and no time at all."""


ENDED = {PhaseName.UPDATE: Tag.SUM, PhaseName.SUM2: Tag.UPDATE, PhaseName.UNMASK: Tag.SUM2}
"""Which phase is over when one starts."""


class Unexplained(AssertionError):
    """Something happened that the protocol does not explain."""


def must(condition, text):
    if not condition:
        raise Unexplained(text)


class Oracle:
    """Knows what every sender meant, and what the coordinator may make of it."""

    def __init__(self, world):
        self.world = world
        self.rounds: dict[bytes, Record] = {}
        self.current: Record | None = None
        self.published: set[bytes] = set()
        self._faults_before = self._arrivals = 0
        self._unanswered: dict[int, Letter] = {}
        # A phase may end, and a failure be noticed, while the disk keeps the coordinator waiting.
        self._slack = TICK + 4 * world.scenario.disk_seconds

    # ---- what happens in the coordinator ----

    def hear(self, event):
        """An event, at the very moment of what it tells."""
        match event:
            case PhaseStarted(phase=phase):
                self._phase_starts(phase)
            case RoundFailed(phase=phase, reason=reason):
                told = self.world.host.ctx.last_failure
                self._failed(phase, reason, told.split(f"{reason.value}: ", 1)[1])
            case ModelPublished():
                self._model_published(self.world.host.ctx.board)

    def _phase_starts(self, phase):
        ctx = self.world.host.ctx
        if phase is PhaseName.IDLE:
            self._faults_before = self.world.host.faults
        elif phase is PhaseName.SUM:
            self._begins(ctx)
        elif phase in ENDED:
            self.current.ends.setdefault(ENDED[phase], ctx.began)

    def _begins(self, ctx):
        params, world = ctx.state.params, self.world
        if params.coordinator_pk in self.rounds:
            return
        must(self.current is None or self.current.result, "a round began within another")
        settings, number = world.scenario.settings, ctx.state.round_id
        self.current = Record(number, params, settings, ctx.began, self._faults_before)
        self.rounds[params.coordinator_pk] = self.current
        self._unanswered.clear()
        world.note(f"round {number} begins")

    def _model_published(self, board):
        record = self.current
        must(board.model_id == f"{record.number}_{record.params.seed.hex()}", "another model")
        model = board.model_bincode.body
        if record.model is not None:
            must(model == record.model, "a round's model changed in a restart")
            return
        must(record.result is None, f"round {record.number} ended twice")
        record.result, record.model = "success", model
        self.published.add(np.load(BytesIO(board.model_npy.body)).tobytes())
        asyncio.get_running_loop().call_later(TICK, self._check_model, record, board)

    def _failed(self, phase, reason, detail):
        record, faults = self.current, self.world.host.faults
        if phase is PhaseName.IDLE:  # no round: one has ended and the next has not begun
            must(reason == "storage" and faults, f"idle failed: {reason}: {detail}")
            return
        must(record.result is None, f"round {record.number} ended twice")
        record.result = "failure"
        facts = phase, reason, detail, self.world.now, faults > record.faults
        asyncio.get_running_loop().call_later(TICK, self._check_failure, record, *facts)

    def lost(self):
        """The coordinator is gone, and the round with it."""
        if self.current and self.current.result is None:
            self._ended(self.current, "lost with the coordinator")

    async def check_what_was_kept(self, store):
        """Before a coordinator goes on with a durable store: it must hold all that was answered
        for, and what nobody got an answer for may be in it."""
        stored, model = await store.stored_round(), await store.latest_global_model()
        if model:
            self.published.add(np.load(BytesIO(model.npy)).tobytes())
        record = stored and self.rounds.get(stored.state.params.coordinator_pk)
        if record is None:
            must(self.current is None or self.current.result, "the store has lost the round")
            return
        must(record is self.current, "the store holds an old round")
        record.interrupted = True
        if record.model is None:
            record.result = None
        for tag, letters in record.accepted.items():
            for author in letters:
                must(await store.has_added(tag, author), "the store lost an accepted message")
        for letter in self._unanswered.values():
            known = letter.author in record.accepted[letter.tag]
            if not known and await store.has_added(letter.tag, letter.author):
                self._accept(record, letter)
        counts = {tag: len(letters) for tag, letters in record.accepted.items()}
        must(await store.accepted() == counts, "the store holds messages nobody sent")

    # ---- messages ----

    def arrives(self, letter) -> Arrival:
        """Where a letter that is handed to the coordinator now finds it."""
        self._arrivals += 1
        arrival = replace(self._now(), number=self._arrivals)
        if letter and arrival.record and letter.round_pk == arrival.record.params.coordinator_pk:
            self._unanswered[arrival.number] = letter
        return arrival

    def _now(self) -> Arrival:
        host = self.world.host
        if host.app is None:
            return Arrival(None, None, host.faults, 0)
        ctx, limit = host.ctx, host.app.state.intake.max_message_size
        if ctx.phase.tag:
            self._begins(ctx)  # It takes messages before it has told that the phase began.
        record = self.rounds.get(ctx.state.params.coordinator_pk)
        return Arrival(record, ctx.phase.tag, host.faults, limit)

    def judge(self, letter, receipt, arrival):
        self.world.stats[f"message {receipt.reason or receipt.outcome}"] += 1
        self.world.note(f"{letter}: {_told(receipt)}")
        facts = letter, receipt, arrival, self._now()
        if receipt.outcome is Outcome.ACCEPTED:
            self._must_be_right(*facts)
            self._accept(arrival.record, letter)
            self.world.accepted.set()
        elif receipt not in self._right(letter, arrival, facts[-1]):
            # Another answer of this moment may explain it, and be about to be heard of.
            asyncio.get_running_loop().call_later(TICK, self._must_be_right, *facts)
        if receipt.reason is not Reason.COORDINATOR_ERROR:
            self._unanswered.pop(arrival.number, None)

    def _must_be_right(self, letter, receipt, arrival, now):
        right = self._right(letter, arrival, now)
        told = " or ".join(sorted(map(_told, right)))
        must(receipt in right, f"{letter} was {_told(receipt)}, not {told}")

    def _right(self, letter, arrival, now):
        few = self.world.scenario.settings.multipart.max_messages < 100
        return expected(letter, arrival, now, few)

    def _accept(self, record, letter):
        record.accepted[letter.tag][letter.author] = letter
        if letter.tag is Tag.SUM2 and letter.content.honest:
            claimed = record.claimed_mask(letter.author)
            must(letter.content.mask == claimed, "an honest vote is not the sum of the masks")

    def seen_by_participant(self, weights):
        must(weights.tobytes() in self.published, "a participant saw a model nobody published")

    # ---- rounds ----

    def _check_failure(self, record, phase, reason, detail, when, faulty):
        self._check_phases(record)
        explain_failure(record, phase, reason, detail, when, self._slack, faulty)
        self._ended(record, f"failed: {reason} in {phase}")

    def _check_model(self, record, board):
        self._check_phases(record)
        must(record.elected() is not None, "a model came from ambiguous masks")
        coded, models = record.unmasked(), len(record.drafts)
        config = record.params.mask_config
        must(exact.scalar_sum(coded, models, config) > 0, "a mean of nothing was published")
        right, got = exact.mean(coded, models, config), decode_model(board.model_bincode.body)
        must(got == right, f"round {record.number}: the model is {got}, right is {right}")
        array = exact.as_array(right, config.vect.data.dtype)
        must(
            np.load(BytesIO(board.model_npy.body)).tobytes() == array.tobytes(),
            "the array is another",
        )
        self._ended(record, self._explain(record, right))

    def _explain(self, record, model):
        """How far this is the mean of what the accepted updates' senders meant."""
        drafts, elected = record.drafts, record.elected()
        if elected == record.total(draft.mask for draft in drafts):
            if any(draft.plain is None for draft in drafts):
                return "poisoned by an accepted update"
            if all(draft.exact for draft in drafts):
                must(model == _plain_mean(drafts, record.params.mask_config), "not the mean")
                return "exact mean"
            return "mean of rounded updates"
        if any(vote.honest for vote in record.votes if vote.mask == elected):
            must(not all(draft.truthful for draft in drafts), "honest masks do not fit")
            return "spoiled by wrong seeds"
        return "spoiled by wrong votes"

    def _check_phases(self, record):
        start, slack = record.began, self._slack
        for tag, end in record.ends.items():
            limits, count = record.limits(tag), len(record.accepted[tag])
            least, took = limits.time.min, end - start
            must(limits.count.min <= count <= limits.count.max, f"{tag.name} ended with {count}")
            must(took >= least - TICK, f"{tag.name} took {took} s")
            if not record.interrupted:
                must(took <= limits.time.max + slack, f"{tag.name} took {took} s")
                late = took > least + slack
                must(not late or count == limits.count.min, f"{tag.name} went on with {count}")
            start = end

    def _ended(self, record, result):
        record.result, world = result, self.world
        world.stats[f"round {result}"] += 1
        world.note(f"round {record.number}: {result}")
        if world.settled is not None and record.began >= world.settled:
            timed_out = result.startswith("failed: timeout")
            must(not timed_out or not self._enough(record), f"healthy, but {result}")
        world.round_ended(record)

    def _enough(self, record) -> bool:
        """Whether the lot gave a quiet round participants enough to succeed."""
        alive = [peer for peer in self.world.peers if peer.alive]
        roles = Counter(sign_tasks(peer.keys, record.params).role for peer in alive)
        pet = record.settings.pet
        return (
            roles[Role.SUM] >= pet.sum.count.min >= pet.sum2.count.min
            and roles[Role.UPDATE] >= pet.update.count.min
        )


def _told(receipt) -> str:
    return f"{receipt.outcome} ({receipt.reason})" if receipt.reason else str(receipt.outcome)


def _plain_mean(drafts, config) -> list[Fraction]:
    """sum(scalar * weight) / sum(scalar), each product within the bound."""
    bound, most = config.vect.add_shift, config.unit.add_shift
    scalars = [min(Fraction(draft.plain[1]), most) for draft in drafts]
    rows = []
    for draft, scalar in zip(drafts, scalars, strict=True):
        products = (scalar * Fraction(*weight) for weight in exact.finite(draft.plain[0]))
        rows.append([min(max(product, -bound), bound) for product in products])
    return [sum(column) / sum(scalars) for column in zip(*rows, strict=True)]
