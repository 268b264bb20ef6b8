"""What every store must keep of a round's messages: keys, seeds, the running sum, votes."""

import pytest

from petal.wire import Tag
from petal_server.storage import Stored

from .store_calls import add_update, begin, with_sums
from .stored import KEY_A, KEY_B, SEED_A, SEED_B, SUM_A, SUM_B, UPDATE_A, UPDATE_B, masked, total


class MessageContract:
    pytestmark = pytest.mark.anyio

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

    async def test_answers_are_copies(self, store):
        await with_sums(store)
        (await store.sum_dictionary()).clear()
        (await store.seed_dictionary())[SUM_A][UPDATE_A] = SEED_A
        assert len(await store.sum_dictionary()) == 2
        assert await store.seed_dictionary() == {SUM_A: {}, SUM_B: {}}
