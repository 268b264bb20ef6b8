"""What every store must do.

A backend's test module subclasses StorageContract and gives it two fixtures: ``store``, and
``keeps_two``, a store that keeps two global models.
"""

from dataclasses import replace

import pytest

from petal_server.storage import GlobalModel, StorageError, Stored, StoredRound

from .storage_message_contract import MessageContract
from .store_calls import add_update, begin, with_sums
from .stored import KEY_A, SUM_A, UPDATE_A, UPDATE_B, chunk, masked, state


class StorageContract(MessageContract):
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
