"""What every store must do, and every store that outlives its process.

A backend's test module subclasses StorageContract and gives it two fixtures: ``store``, and
``keeps_two``, a store that keeps two global models.
"""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from petal.crypto import EncryptionKeyPair
from petal.mask import Masker, MaskObject
from petal.wire import Chunk, Tag
from petal_server.phases.idle import before_the_first_round
from petal_server.settings import Settings
from petal_server.storage import (
    CoordinatorState,
    GlobalModel,
    StorageError,
    Stored,
    StoredChunk,
    StoredRound,
)

SUM_A, SUM_B, UPDATE_A, UPDATE_B = (bytes([n]) * 32 for n in (1, 2, 11, 12))
KEY_A, KEY_B = b"a" * 32, b"b" * 32
SEED_A, SEED_B = b"s" * 80, b"t" * 80
FIRST = before_the_first_round(Settings(), EncryptionKeyPair.from_seed(bytes(32)))
CONFIG, LENGTH = FIRST.params.mask_config, FIRST.params.model_length


def state(round_id) -> CoordinatorState:
    """A round with keys and a seed of its own."""
    keys = EncryptionKeyPair.from_seed(bytes([round_id]) * 32)
    params = replace(FIRST.params, coordinator_pk=keys.public, seed=bytes([round_id]) * 32)
    return CoordinatorState(round_id, keys, params)


def masked(number) -> MaskObject:
    """Any masked model; another one for each number."""
    return Masker(CONFIG, bytes([number]) * 32).mask(np.full(LENGTH, number / 1024, np.float32))[1]


def total(numbers) -> MaskObject:
    """The sum of those models."""
    first, *others = map(masked, numbers)
    for other in others:
        first = first.plus(other)
    return first


def chunk(message, chunk_id, data=b"data", sender=UPDATE_A) -> StoredChunk:
    return StoredChunk(message, sender, Tag.UPDATE, Chunk(chunk_id, 7, False, data))


async def begin(store, round_id=1):
    await store.begin_round(state(round_id), "sum", 1e9 + round_id)
    return store


async def with_sums(store):
    await begin(store)
    assert await store.add_sum_participant(SUM_A, KEY_A) is Stored.ADDED
    assert await store.add_sum_participant(SUM_B, KEY_B) is Stored.ADDED
    return store


async def add_update(store, update_pk, number):
    return await store.add_update(update_pk, {SUM_B: SEED_B, SUM_A: SEED_A}, masked(number))


class StorageContract:
    pytestmark = pytest.mark.anyio

    async def test_answers(self, store):
        assert await store.check_ready() is None

    async def test_has_no_round_at_first(self, store):
        assert await store.stored_round() is None

    @pytest.mark.parametrize(
        "call",
        [
            lambda store: store.add_sum_participant(SUM_A, KEY_A),
            lambda store: add_update(store, UPDATE_A, 1),
            lambda store: store.add_mask(SUM_A, b"mask"),
            lambda store: store.enter_phase("update", 1.0),
            lambda store: store.sum_dictionary(),
        ],
    )
    async def test_without_a_round_there_is_nothing_to_add_to(self, store, call):
        with pytest.raises(StorageError, match="no round has begun"):
            await call(store)

    async def test_keeps_the_last_round_and_where_it_stands(self, store):
        await begin(store, 1)
        await begin(store, 7)
        assert await store.stored_round() == StoredRound(state(7), "sum", 1e9 + 7)
        await store.enter_phase("update", 1e9 + 20.25)
        assert await store.stored_round() == StoredRound(state(7), "update", 1e9 + 20.25)

    async def test_a_sum_participant_registers_once(self, store):
        await with_sums(store)
        assert await store.add_sum_participant(SUM_A, KEY_B) is Stored.REPLAYED
        assert await store.sum_dictionary() == {SUM_A: KEY_A, SUM_B: KEY_B}

    async def test_sum_participants_keep_their_order(self, store):
        await begin(store)
        await store.add_sum_participant(SUM_B, KEY_B)
        await store.add_sum_participant(SUM_A, KEY_A)
        assert list(await store.sum_dictionary()) == [SUM_B, SUM_A]

    async def test_seeds_are_transposed(self, store):
        await with_sums(store)
        for number, update_pk in enumerate((UPDATE_B, UPDATE_A)):
            assert await add_update(store, update_pk, number) is Stored.ADDED
        seeds = await store.seed_dictionary()
        assert seeds == {
            SUM_A: {UPDATE_B: SEED_A, UPDATE_A: SEED_A},
            SUM_B: {UPDATE_B: SEED_B, UPDATE_A: SEED_B},
        }
        assert [list(of_sum) for of_sum in seeds.values()] == [[UPDATE_B, UPDATE_A]] * 2

    async def test_a_sum_participant_without_updates_has_no_seeds(self, store):
        await with_sums(store)
        assert await store.seed_dictionary() == {SUM_A: {}, SUM_B: {}}

    async def test_the_running_sum_is_that_of_the_accepted_models(self, store):
        await with_sums(store)
        assert (await store.running_sum()).nb_models == 0
        await add_update(store, UPDATE_A, 1)
        await add_update(store, UPDATE_B, 2)
        running = await store.running_sum()
        assert (running.nb_models, running.object()) == (2, total((1, 2)))

    async def test_an_update_participant_is_stored_once(self, store):
        await with_sums(store)
        await store.add_update(UPDATE_A, {SUM_A: SEED_A, SUM_B: SEED_A}, masked(1))
        again = await store.add_update(UPDATE_A, {SUM_A: SEED_B, SUM_B: SEED_B}, masked(2))
        assert again is Stored.REPLAYED
        assert (await store.seed_dictionary())[SUM_A] == {UPDATE_A: SEED_A}
        assert (await store.running_sum()).object() == masked(1)

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
        stored = await store.add_update(UPDATE_A, seeds, masked(1))
        assert stored is Stored.SEED_DICTIONARY
        assert await store.seed_dictionary() == {SUM_A: {}, SUM_B: {}}
        assert (await store.running_sum()).nb_models == 0
        assert await add_update(store, UPDATE_A, 2) is Stored.ADDED
        assert (await store.running_sum()).object() == masked(2)

    async def test_no_masks_at_first(self, store):
        assert await (await begin(store)).best_masks() == []
        assert await store.number_of_masks() == 0

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
        await begin(store)
        voters = [bytes([n]) * 32 for n in range(6)]
        for voter in voters:
            await store.add_sum_participant(voter, KEY_A)
        for voter, mask in zip(voters, (b"x", b"y", b"z", b"y", b"z", b"y"), strict=True):
            assert await store.add_mask(voter, mask) is Stored.ADDED
        assert await store.best_masks() == [(b"y", 3), (b"z", 2)]

    async def test_different_masks_are_counted_once_each_in_their_round(self, store):
        await begin(store)
        voters = [bytes([n]) * 32 for n in range(5)]
        for voter in voters:
            await store.add_sum_participant(voter, KEY_A)
        votes = (b"x", 1), (b"x", 1), (b"y", 2), (b"z", 3), (b"y", 3)
        for voter, (mask, different) in zip(voters, votes, strict=True):
            await store.add_mask(voter, mask)
            assert await store.number_of_masks() == different
        await store.add_mask(voters[0], b"w")
        await store.add_mask(UPDATE_A, b"v")
        assert await store.number_of_masks() == 3
        await begin(store, 2)
        assert await store.number_of_masks() == 0

    async def test_counts_what_was_accepted(self, store):
        await with_sums(store)
        assert await store.accepted() == {Tag.SUM: 2, Tag.UPDATE: 0, Tag.SUM2: 0}
        await add_update(store, UPDATE_A, 1)
        await add_update(store, UPDATE_A, 1)
        await store.add_mask(SUM_A, b"mask")
        await store.add_mask(UPDATE_B, b"mask")
        assert await store.accepted() == {Tag.SUM: 2, Tag.UPDATE: 1, Tag.SUM2: 1}

    async def test_knows_whose_messages_were_added(self, store):
        await with_sums(store)
        await add_update(store, UPDATE_A, 1)
        await store.add_mask(SUM_B, b"mask")
        senders = (SUM_A, SUM_B, UPDATE_A, UPDATE_B)

        async def added(tag):
            return [pk for pk in senders if await store.has_added(tag, pk)]

        assert await added(Tag.SUM) == [SUM_A, SUM_B]
        assert await added(Tag.UPDATE) == [UPDATE_A]
        assert await added(Tag.SUM2) == [SUM_B]

    async def test_a_new_round_starts_clean_and_keeps_models(self, store):
        model = GlobalModel("1_aa", b"exact", b"array")
        await with_sums(store)
        await add_update(store, UPDATE_A, 1)
        await store.add_mask(SUM_A, b"mask")
        await store.add_chunk(chunk(1, 0))
        await store.set_global_model(model)
        await begin(store, 2)
        assert await store.sum_dictionary() == {}
        assert await store.seed_dictionary() == {}
        assert await store.best_masks() == []
        assert await store.chunks() == []
        assert (await store.running_sum()).nb_models == 0
        assert set((await store.accepted()).values()) == {0}
        assert await store.latest_global_model() == model
        # The same participants may take part again.
        await with_sums(store)
        assert await add_update(store, UPDATE_A, 1) is Stored.ADDED
        assert await store.add_mask(SUM_A, b"mask") is Stored.ADDED

    async def test_a_new_phase_keeps_everything_but_chunks(self, store):
        await with_sums(store)
        await store.add_chunk(chunk(1, 0))
        await add_update(store, UPDATE_A, 1)
        await store.enter_phase("sum2", 2e9)
        assert await store.chunks() == []
        assert len(await store.sum_dictionary()) == 2
        assert (await store.running_sum()).object() == masked(1)

    async def test_answers_are_copies(self, store):
        await with_sums(store)
        (await store.sum_dictionary()).clear()
        (await store.seed_dictionary())[SUM_A][UPDATE_A] = SEED_A
        assert len(await store.sum_dictionary()) == 2
        assert await store.seed_dictionary() == {SUM_A: {}, SUM_B: {}}

    async def test_chunks_are_kept_by_message(self, store):
        await begin(store)
        for stored in (chunk(2, 1), chunk(1, 0), chunk(2, 0), chunk(1, 3, sender=UPDATE_B)):
            await store.add_chunk(stored)
        await store.add_chunk(chunk(2, 1, b"sent again"))
        kept = await store.chunks()
        assert [c for c in kept if c.message == 1] == [chunk(1, 0), chunk(1, 3, sender=UPDATE_B)]
        assert [c for c in kept if c.message == 2] == [chunk(2, 1), chunk(2, 0)]
        await store.drop_chunks(2)
        await store.drop_chunks(9)
        assert {c.message for c in await store.chunks()} == {1}

    async def test_commit_without_anything_to_keep(self, store):
        await store.commit()
        await begin(store)
        await store.commit()
        await store.commit()

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

    async def test_old_models_make_room(self, keeps_two):
        for number in range(1, 4):
            await keeps_two.set_global_model(GlobalModel(f"{number}_aa", b"exact", b"array"))
        assert await keeps_two.global_model("1_aa") is None
        assert (await keeps_two.global_model("2_aa")).id == "2_aa"
        assert (await keeps_two.latest_global_model()).id == "3_aa"


class DurableContract(StorageContract):
    """Also gives ``after_a_kill``: what a process finds that starts after this one was killed."""

    async def test_what_was_committed_is_there_after_a_kill(self, store, after_a_kill):
        await with_sums(store)
        await store.enter_phase("update", 1e9 + 0.125)
        await add_update(store, UPDATE_B, 1)
        await add_update(store, UPDATE_A, 2)
        await store.add_mask(SUM_B, b"mask")
        await store.add_mask(SUM_A, b"mask")
        for part in (chunk(4, 9), chunk(4, 1, b""), chunk(3, 0, sender=UPDATE_B)):
            await store.add_chunk(part)
        await store.commit()
        before = await everything(store)
        assert before["running"] == (2, total((1, 2)))
        async with after_a_kill() as other:
            assert await everything(other) == before

    async def test_the_order_of_dictionaries_is_kept(self, store, after_a_kill):
        await begin(store)
        senders = [bytes([number]) * 32 for number in (9, 3, 7, 1, 5)]
        for sender in senders:
            await store.add_sum_participant(sender, sender)
        for sender in senders:
            await store.add_update(sender, dict.fromkeys(reversed(senders), SEED_A), masked(1))
        await store.commit()
        async with after_a_kill() as other:
            assert list(await other.sum_dictionary()) == senders
            seeds = await other.seed_dictionary()
            assert list(seeds) == senders
            assert [list(of_sum) for of_sum in seeds.values()] == [senders] * 5

    async def test_a_message_that_was_stored_is_replayed_after_a_kill(self, store, after_a_kill):
        await with_sums(store)
        await add_update(store, UPDATE_A, 1)
        await store.add_mask(SUM_A, b"mask")
        await store.commit()
        async with after_a_kill() as other:
            assert await other.add_sum_participant(SUM_A, KEY_A) is Stored.REPLAYED
            assert await add_update(other, UPDATE_A, 2) is Stored.REPLAYED
            assert await other.add_mask(SUM_A, b"mask") is Stored.REPLAYED
            assert await add_update(other, UPDATE_B, 2) is Stored.ADDED
            assert await other.add_mask(SUM_B, b"mask") is Stored.ADDED
            assert (await other.running_sum()).object() == total((1, 2))
            assert await other.best_masks() == [(b"mask", 2)]

    async def test_what_was_not_committed_is_there_as_a_whole_or_not(self, store, after_a_kill):
        await with_sums(store)
        await add_update(store, UPDATE_A, 1)
        await store.commit()
        await add_update(store, UPDATE_B, 2)
        async with after_a_kill() as other:
            found = (await other.running_sum()).object()
            both = UPDATE_B in (await other.seed_dictionary())[SUM_A]
            assert found == (total((1, 2)) if both else masked(1))

    async def test_one_commit_serves_all_that_wait(self, store, after_a_kill):
        await begin(store)
        keys = [bytes([number]) * 32 for number in range(50)]

        async def register(key):
            await store.add_sum_participant(key, key)
            await store.commit()

        await asyncio.gather(*map(register, keys))
        async with after_a_kill() as other:
            assert set(await other.sum_dictionary()) == set(keys)

    async def test_rounds_phases_and_models_need_no_commit(self, store, after_a_kill):
        model = GlobalModel("1_aa", b"exact", b"array")
        await begin(store, 3)
        await store.enter_phase("unmask", 2e9)
        await store.set_global_model(model)
        async with after_a_kill() as other:
            assert await other.stored_round() == StoredRound(state(3), "unmask", 2e9)
            assert await other.latest_global_model() == model

    async def test_a_new_round_leaves_nothing_of_the_last(self, store, after_a_kill):
        await with_sums(store)
        await add_update(store, UPDATE_A, 1)
        await store.add_chunk(chunk(1, 0))
        await begin(store, 2)
        async with after_a_kill() as other:
            found = await everything(other)
            assert found["stored"] == StoredRound(state(2), "sum", 1e9 + 2)
            assert (found["sums"], found["seeds"], found["chunks"]) == ([], {}, [])
            assert found["running"][0] == 0

    async def test_killed_again_and_again(self, store, after_a_kill):
        """Each process adds one update; the last finds them all."""
        await with_sums(store)
        await store.commit()

        async def go_on(number):
            async with after_a_kill() as other:
                if number > 5:
                    return (await other.running_sum()).object()
                stored = await add_update(other, bytes([100 + number]) * 32, number)
                assert stored is Stored.ADDED
                await other.commit()
                return await go_on(number + 1)

        assert await go_on(1) == total(range(1, 6))


async def everything(store):
    """All that a store knows, in a form that can be compared."""
    running, chunks = await store.running_sum(), await store.chunks()
    return {
        "stored": await store.stored_round(),
        "accepted": await store.accepted(),
        "sums": list((await store.sum_dictionary()).items()),
        "seeds": await store.seed_dictionary(),
        "running": (running.nb_models, running.object()),
        "masks": (await store.best_masks(), await store.number_of_masks()),
        "chunks": [[c for c in chunks if c.message == n] for n in {c.message for c in chunks}],
        "latest": await store.latest_global_model(),
    }
