"""The update participant: train, mask the model, seal the mask's seed to every sum participant."""

from petal.crypto import KEY_SIZE, SEED_SIZE, seal
from petal.errors import CryptoError, PrivacyError, WeightsError
from petal.participant import models, private
from petal.participant.events import (
    Fetch,
    MaskModel,
    ModelMasked,
    Train,
    Trained,
    TrainingDeferred,
    TrainingFailed,
    WorkFailed,
)
from petal.participant.notices import Warning
from petal.participant.stages import FETCH_ANSWERS, Context, Stage, body_of
from petal.participant.transitions import Outcome
from petal.participant.upload import new_message
from petal.participant.weights import check_scalar, check_weights, clamped
from petal.wire import UpdatePayload, decode_dictionary


def _ask_to_train(ctx: Context) -> Train:
    return Train(ctx.memory.model, ctx.memory.params)


def _trained(ctx: Context, event: Trained | TrainingFailed | TrainingDeferred) -> Outcome:
    if isinstance(event, TrainingDeferred):
        return Outcome.NOT_YET
    outcome = _judged(ctx, event)
    if outcome is Outcome.FAILED or ctx.memory.privacy is None:
        ctx.memory.model = None  # with privacy, the update is taken from it
    return outcome


def _judged(ctx: Context, event: Trained | TrainingFailed) -> Outcome:
    if isinstance(event, TrainingFailed):
        ctx.tell(Warning(f"training failed: {event.reason}; this round is sat out"))
        return Outcome.FAILED
    try:
        _keep(ctx, event)
    except WeightsError as error:
        ctx.tell(Warning(f"{error}. This round is sat out"))
        return Outcome.FAILED
    return Outcome.DONE


def _keep(ctx: Context, event: Trained) -> None:
    memory, params = ctx.memory, ctx.memory.params
    scalar = check_scalar(memory.scalar if event.scalar is None else event.scalar)
    weights = check_weights(event.weights, params.model_length, params.mask_config)
    notice = clamped(weights, scalar, params.mask_config)
    if memory.privacy is not None:
        private.draw_noise(ctx, weights, scalar)
        scalar = memory.scalar
    if notice and (notice.nans or memory.privacy is None):
        ctx.tell(notice)
    memory.weights, memory.weights_scalar = weights, scalar


def _fetch_sums(_: Context) -> Fetch:
    return Fetch("sums", models.MAX_SUMS_BYTES)


def _sums_fetched(ctx: Context, event) -> Outcome:
    body = body_of(event)
    if body is None:
        return Outcome.NOT_YET
    ctx.memory.sums = decode_dictionary(body, KEY_SIZE)
    ctx.memory.mask_seed = ctx.random(SEED_SIZE)
    return Outcome.READY


def _ask_to_mask(ctx: Context) -> MaskModel:
    memory = ctx.memory
    config = memory.params.mask_config
    noise = private.noise(memory)
    return MaskModel(memory.weights, memory.weights_scalar, memory.mask_seed, config, noise)


def _masked(ctx: Context, event: ModelMasked | WorkFailed) -> Outcome:
    memory = ctx.memory
    sums, seed = memory.sums, memory.mask_seed
    memory.weights = memory.weights_scalar = memory.mask_seed = memory.sums = None
    memory.model = memory.noise_seed = None
    if isinstance(event, WorkFailed):
        ctx.tell(Warning(f"the model could not be masked: {event.reason}; this round is sat out"))
        return Outcome.FAILED
    try:
        seeds = {public: seal(key, seed, ctx.random) for public, key in sums.items()}
    except CryptoError as error:
        ctx.tell(Warning(f"a sum participant's key cannot be used ({error}); round sat out"))
        return Outcome.FAILED
    try:
        private.charge(ctx)
    except PrivacyError as error:
        ctx.tell(Warning(f"{error}; this round is sat out"))
        return Outcome.FAILED
    update = UpdatePayload(memory.sum_signature, memory.update_signature, event.masked_model, seeds)
    new_message(ctx, update.to_bytes())
    return Outcome.DONE


TRAINING = Stage(_ask_to_train, _trained, (Trained, TrainingFailed, TrainingDeferred))
AWAITING_SUMS = Stage(_fetch_sums, _sums_fetched, FETCH_ANSWERS)
MASKING = Stage(_ask_to_mask, _masked, (ModelMasked, WorkFailed))
