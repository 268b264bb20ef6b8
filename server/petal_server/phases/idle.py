"""Idle: a new round with a new key pair and seed, published at once."""

from dataclasses import replace

from petal.crypto import EncryptionKeyPair
from petal.round import RoundParameters, next_round_seed
from petal.wire import encode_params
from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.published import Published
from petal_server.settings import Settings
from petal_server.storage import CoordinatorState


async def run(ctx: Context) -> PhaseName:
    await ctx.store.delete_dictionaries()
    ctx.aggregation = None
    state = _next_round(ctx)
    await ctx.store.set_coordinator_state(state)
    ctx.state = state
    ctx.counts.clear()
    params = Published.of(encode_params(state.params))
    ctx.board = replace(ctx.board, params=params, sums=None, seeds=None)
    return PhaseName.SUM


def _next_round(ctx: Context) -> CoordinatorState:
    pet, keys = ctx.settings.pet, EncryptionKeyPair.generate(ctx.random)
    seed = next_round_seed(keys.secret, ctx.state.params.seed, pet.sum.prob, pet.update.prob)
    params = replace(ctx.state.params, coordinator_pk=keys.public, seed=seed)
    return CoordinatorState(ctx.state.round_id + 1, keys, params)


def before_the_first_round(settings: Settings, keys: EncryptionKeyPair) -> CoordinatorState:
    """Round 0, which nobody sees: the settings, and the seed that the protocol starts from."""
    pet = settings.pet
    params = RoundParameters(
        coordinator_pk=keys.public,
        sum_prob=pet.sum.prob,
        update_prob=pet.update.prob,
        seed=bytes(32),
        mask_config=settings.mask.config,
        model_length=settings.model.length,
    )
    return CoordinatorState(0, keys, params)
