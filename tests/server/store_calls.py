"""How tests fill a store, and all that they find in it."""

from petal_server.storage import Stored

from .stored import KEY_A, KEY_B, SEED_A, SEED_B, SUM_A, SUM_B, masked, state


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
