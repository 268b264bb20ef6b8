"""The simulation finds bugs: each of these is planted, and a few seeds are enough to see it."""

import asyncio
from fractions import Fraction

import pytest

import petal.mask.masking
import petal.participant.snapshot
import petal_server.intake
import petal_server.multipart
from petal.mask import Aggregation, Ratios
from petal.participant import Delays
from petal_server.outcome import Outcome, Receipt
from petal_server.phases import collect, unmask
from petal_server.storage import SqliteStorage

from .runner import attempt


def unchecked_signatures(patch):
    patch.setattr(petal_server.intake, "verify", lambda *_: None)


def unchecked_roles(patch):
    patch.setattr(petal_server.intake, "eligible", lambda *_: True)


def forgotten_update(patch):
    """The third update of a round is accepted, and not in the sum."""
    add = Aggregation.add

    def forgetful(self, other):
        before = self.object()
        add(self, other)
        if self.nb_models == 3:
            self._vect, self._unit = (
                self._vect.__class__(len(self), self.config.vect.limbs, self.config.vect.order),
                before.unit,
            )
            self._vect.add(before.limbs)

    patch.setattr(Aggregation, "add", forgetful)


def rounded_model(patch):
    """One in 10^10 too much."""
    exact = Aggregation.unmask_ratios

    def rounded(self, mask):
        ratios = exact(self, mask)
        whole = [number + ratios.denominator // 10**10 + 1 for number in ratios.integers()]
        return Ratios(whole, ratios.denominator)

    patch.setattr(Aggregation, "unmask_ratios", rounded)


def first_of_two_masks(patch):
    patch.setattr(unmask, "_elected", lambda masks: masks[0][0])


def no_upper_limit(patch):
    patch.setattr(collect.CountTimeRule, "full", lambda *_: False)


def phase_that_never_ends_early(patch):
    deadline = collect.CountTimeRule.deadline

    def late(self, now, accepted):
        return deadline(self, now, accepted if now > self.started + self.time.max - 1 else 0)

    patch.setattr(collect.CountTimeRule, "deadline", late)


def lost_parts(patch):
    """The last part of a message completes it, whatever is missing."""
    add = petal_server.multipart.Reassembly.add

    def hasty(self, sender, tag, chunk):
        payload = add(self, sender, tag, chunk)
        return bytes(chunk.data) if chunk.last and payload is None else payload

    patch.setattr(petal_server.multipart.Reassembly, "add", hasty)


def wrong_answer(patch):
    """Who comes too late is told otherwise."""

    def polite(outcome, reason=None):
        late = outcome is Outcome.DISCARDED
        return Receipt(Outcome.ACCEPTED) if late else Receipt(outcome, reason)

    patch.setattr(collect, "Receipt", polite)


def snapshot_without_scalar(patch):
    """Taken up again, a participant has forgotten what its model weighs."""
    scalar = petal.participant.snapshot._scalar
    patch.setattr(petal.participant.snapshot, "_scalar", lambda text: scalar(text) and Fraction(1))


def mask_of_another_seed(patch):
    derive = petal.mask.masking.derive_mask
    patch.setattr(petal.mask.masking, "derive_mask", lambda seed, *rest: derive(seed[::-1], *rest))


def participant_that_gives_up(patch):
    """After a failure it waits for ever, as good as stuck."""
    patch.setattr(Delays, "failing", lambda *_: 1e9)


def answer_before_the_disk(patch):
    """Who is told of a decision cannot rely on it: the process may be killed before it is kept."""
    commit = SqliteStorage.commit

    async def hasty(self):
        if self._writing is None:
            self._writing = asyncio.create_task(self._flush(), name="petal storage")

    async def through(self, step):
        self._write(step)
        await commit(self)

    patch.setattr(SqliteStorage, "commit", hasty)
    patch.setattr(SqliteStorage, "_write_through", through)


# What the simulation says of each.
BUGS = {
    unchecked_signatures: "not rejected (sum_signature)",
    unchecked_roles: "was rejected (is_a_sum_participant), not accepted",
    forgotten_update: "the model is",
    rounded_model: "the model is",
    first_of_two_masks: "a model came from ambiguous masks",
    no_upper_limit: "not discarded (phase_full)",
    phase_that_never_ends_early: "went on with",
    lost_parts: "part of",
    wrong_answer: "was accepted, not discarded (phase_full)",
    snapshot_without_scalar: "does not encode back",
    answer_before_the_disk: "the store lost an accepted message",
    mask_of_another_seed: "the masked model is not encoded + mask",
    participant_that_gives_up: "healthy, but failed: timeout",
}


@pytest.mark.parametrize(("plant", "found"), BUGS.items(), ids=[bug.__name__ for bug in BUGS])
def test_a_planted_bug_is_found(plant, found, monkeypatch):
    plant(monkeypatch)
    outcomes = (attempt(seed) for seed in range(150))
    first = next((outcome for outcome in outcomes if isinstance(outcome, str)), "nothing")
    assert found in first
