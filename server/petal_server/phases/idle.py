"""Idle: a new round with a new key pair and seed, published at once."""

from dataclasses import replace

from petal.crypto import EncryptionKeyPair
from petal.round import RoundParameters, next_round_seed
from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.published import published_params
from petal_server.settings import Settings
from petal_server.storage import CoordinatorState


async def run(ctx: Context) -> PhaseName:
    state = _next_round(ctx)
    # Stored as being in its first phase: once it is published, a restart must not begin another.
    await ctx.store.begin_round(state, PhaseName.SUM, ctx.clock.wall())
    ctx.state = state
    ctx.counts.clear()
    ctx.board = replace(ctx.board, params=published_params(state.params), sums=None, seeds=None)
    return PhaseName.SUM


def _next_round(ctx: Context) -> CoordinatorState:
    pet, keys = ctx.settings.pet, EncryptionKeyPair.generate(ctx.random)
    seed = next_round_seed(keys.secret, ctx.state.params.seed, pet.sum.prob, pet.update.prob)
    params = round_parameters(ctx.settings, keys.public, seed)
    return CoordinatorState(ctx.state.round_id + 1, keys, params)


def before_the_first_round(settings: Settings, keys: EncryptionKeyPair) -> CoordinatorState:
    """Round 0, which nobody sees: the settings, and the seed that the protocol starts from."""
    return CoordinatorState(0, keys, round_parameters(settings, keys.public, bytes(32)))


def round_parameters(settings: Settings, coordinator_pk: bytes, seed: bytes) -> RoundParameters:
    """What a round under ``settings`` publishes."""
    return RoundParameters(
        coordinator_pk=coordinator_pk,
        sum_prob=settings.pet.sum.prob,
        update_prob=settings.pet.update.prob,
        seed=seed,
        mask_config=settings.mask.config,
        model_length=settings.model.length,
    )
