"""What every store must do. A backend's test module subclasses this and gives it a ``store``."""

from dataclasses import replace

import pytest

from petal.crypto import EncryptionKeyPair
from petal_server.phases.idle import before_the_first_round
from petal_server.settings import Settings
from petal_server.storage import GlobalModel, StorageError, Stored

SUM_A, SUM_B, UPDATE_A, UPDATE_B = (bytes([n]) * 32 for n in (1, 2, 11, 12))
KEY_A, KEY_B = b"a" * 32, b"b" * 32
SEED_A, SEED_B = b"s" * 80, b"t" * 80


async def with_sums(store):
    assert await store.add_sum_participant(SUM_A, KEY_A) is Stored.ADDED
    assert await store.add_sum_participant(SUM_B, KEY_B) is Stored.ADDED
    return store


class StorageContract:
    pytestmark = pytest.mark.anyio

    async def test_answers(self, store):
        assert await store.check_ready() is None

    async def test_has_no_state_at_first(self, store):
        assert await store.coordinator_state() is None

    async def test_keeps_the_last_state(self, store):
        first = before_the_first_round(Settings(), EncryptionKeyPair.from_seed(bytes(32)))
        second = replace(first, round_id=7, keys=EncryptionKeyPair.from_seed(b"7" * 32))
        await store.set_coordinator_state(first)
        await store.set_coordinator_state(second)
        assert await store.coordinator_state() == second

    async def test_a_sum_participant_registers_once(self, store):
        await with_sums(store)
        assert await store.add_sum_participant(SUM_A, KEY_B) is Stored.REPLAYED
        assert await store.sum_dictionary() == {SUM_A: KEY_A, SUM_B: KEY_B}

    async def test_sum_participants_keep_their_order(self, store):
        await store.add_sum_participant(SUM_B, KEY_B)
        await store.add_sum_participant(SUM_A, KEY_A)
        assert list(await store.sum_dictionary()) == [SUM_B, SUM_A]

    async def test_seeds_are_transposed(self, store):
        await with_sums(store)
        for update_pk in (UPDATE_B, UPDATE_A):
            stored = await store.add_local_seeds(update_pk, {SUM_B: SEED_B, SUM_A: SEED_A})
            assert stored is Stored.ADDED
        seeds = await store.seed_dictionary()
        assert seeds == {
            SUM_A: {UPDATE_B: SEED_A, UPDATE_A: SEED_A},
            SUM_B: {UPDATE_B: SEED_B, UPDATE_A: SEED_B},
        }
        assert [list(of_sum) for of_sum in seeds.values()] == [[UPDATE_B, UPDATE_A]] * 2

    async def test_a_sum_participant_without_updates_has_no_seeds(self, store):
        await with_sums(store)
        assert await store.seed_dictionary() == {SUM_A: {}, SUM_B: {}}

    async def test_an_update_participant_is_stored_once(self, store):
        await with_sums(store)
        await store.add_local_seeds(UPDATE_A, {SUM_A: SEED_A, SUM_B: SEED_A})
        stored = await store.add_local_seeds(UPDATE_A, {SUM_A: SEED_B, SUM_B: SEED_B})
        assert stored is Stored.REPLAYED
        assert (await store.seed_dictionary())[SUM_A] == {UPDATE_A: SEED_A}

    @pytest.mark.parametrize(
        "seeds",
        [
            {},
            {SUM_A: SEED_A},
            {SUM_A: SEED_A, UPDATE_B: SEED_A},
            {SUM_A: SEED_A, SUM_B: SEED_B, UPDATE_B: SEED_A},
        ],
        ids=["none", "one too few", "another key", "one too many"],
    )
    async def test_seeds_of_other_keys_leave_no_trace(self, store, seeds):
        await with_sums(store)
        assert await store.add_local_seeds(UPDATE_A, seeds) is Stored.SEED_DICTIONARY
        assert await store.seed_dictionary() == {SUM_A: {}, SUM_B: {}}
        stored = await store.add_local_seeds(UPDATE_A, {SUM_A: SEED_A, SUM_B: SEED_B})
        assert stored is Stored.ADDED

    async def test_no_masks_at_first(self, store):
        assert await store.best_masks() == []

    async def test_only_sum_participants_vote(self, store):
        await with_sums(store)
        assert await store.add_mask(UPDATE_A, b"mask") is Stored.UNKNOWN_SUM_PARTICIPANT
        assert await store.best_masks() == []

    async def test_a_sum_participant_votes_once(self, store):
        await with_sums(store)
        assert await store.add_mask(SUM_A, b"mask") is Stored.ADDED
        assert await store.add_mask(SUM_A, b"mask") is Stored.REPLAYED
        assert await store.add_mask(SUM_A, b"other") is Stored.REPLAYED
        assert await store.best_masks() == [(b"mask", 1)]

    async def test_the_two_best_masks(self, store):
        voters = [bytes([n]) * 32 for n in range(6)]
        for voter in voters:
            await store.add_sum_participant(voter, KEY_A)
        for voter, mask in zip(voters, (b"x", b"y", b"z", b"y", b"z", b"y"), strict=True):
            assert await store.add_mask(voter, mask) is Stored.ADDED
        assert await store.best_masks() == [(b"y", 3), (b"z", 2)]

    async def test_deleting_dictionaries_keeps_state_and_models(self, store):
        state = before_the_first_round(Settings(), EncryptionKeyPair.from_seed(bytes(32)))
        model = GlobalModel("1_aa", b"exact", b"array")
        await store.set_coordinator_state(state)
        await store.set_global_model(model)
        await with_sums(store)
        await store.add_local_seeds(UPDATE_A, {SUM_A: SEED_A, SUM_B: SEED_B})
        await store.add_mask(SUM_A, b"mask")
        await store.delete_dictionaries()
        assert await store.sum_dictionary() == {}
        assert await store.seed_dictionary() == {}
        assert await store.best_masks() == []
        assert await store.coordinator_state() == state
        assert await store.latest_global_model() == model
        # The next round starts clean: the same participants may take part again.
        await with_sums(store)
        stored = await store.add_local_seeds(UPDATE_A, {SUM_A: SEED_A, SUM_B: SEED_B})
        assert stored is Stored.ADDED
        assert await store.add_mask(SUM_A, b"mask") is Stored.ADDED

    async def test_answers_are_copies(self, store):
        await with_sums(store)
        (await store.sum_dictionary()).clear()
        (await store.seed_dictionary())[SUM_A][UPDATE_A] = SEED_A
        assert len(await store.sum_dictionary()) == 2
        assert await store.seed_dictionary() == {SUM_A: {}, SUM_B: {}}

    async def test_no_model_at_first(self, store):
        assert await store.latest_global_model() is None
        assert await store.global_model("1_aa") is None

    async def test_models_by_id_and_the_latest(self, store):
        first, second = (GlobalModel(id_, b"exact", b"array") for id_ in ("1_aa", "2_bb"))
        await store.set_global_model(first)
        await store.set_global_model(second)
        assert await store.latest_global_model() == second
        assert await store.global_model("1_aa") == first

    async def test_a_model_is_never_replaced(self, store):
        first = GlobalModel("1_aa", b"exact", b"array")
        await store.set_global_model(first)
        with pytest.raises(StorageError, match="1_aa"):
            await store.set_global_model(replace(first, bincode=b"other"))
        assert await store.global_model("1_aa") == first
