"""What every store must do that outlives its process."""

import asyncio

from petal_server.storage import GlobalModel, Stored, StoredRound

from .storage_contract import StorageContract
from .store_calls import add_update, begin, everything, with_sums
from .stored import KEY_A, SEED_A, SUM_A, SUM_B, UPDATE_A, UPDATE_B, chunk, masked, state, total


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
