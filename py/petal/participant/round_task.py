"""What all roles do: look at the round parameters, take a role, fetch the global model."""

from petal.crypto import SEED_SIZE, EncryptionKeyPair
from petal.errors import LengthMismatchError
from petal.participant import models
from petal.participant.events import Fetch, Unchanged
from petal.participant.notices import GlobalModel, NewRound, RoleChosen, Warning
from petal.participant.private import allowed
from petal.participant.stages import FETCH_ANSWERS, Context, Stage, Trouble, body_of
from petal.participant.sum_task import register
from petal.participant.transitions import Outcome
from petal.round import Role, RoundParameters, sign_tasks
from petal.wire import decode_params


def fetch_params(_: Context) -> Fetch:
    return Fetch("params", models.MAX_PARAMS_BYTES)


def check_params(ctx: Context, event) -> Outcome:
    """Go on with the round in force, or begin a new one: then the old round's secrets are gone."""
    if isinstance(event, Unchanged):
        return Outcome.SAME
    body = body_of(event)
    if body is None:
        raise Trouble("the coordinator has no round yet")
    params = decode_params(body)
    if params == ctx.memory.params:
        return Outcome.SAME
    if params.model_length > models.MAX_MODEL_LENGTH:
        raise Trouble(f"the round's model of {params.model_length} weights is too large")
    return _begin(ctx, params)


def _begin(ctx: Context, params: RoundParameters) -> Outcome:
    memory = ctx.memory
    memory.begin(params)
    ctx.tell(NewRound(params, memory.ended))
    if memory.over:
        memory.role = Role.NONE
        return Outcome.LAST
    tasks = sign_tasks(memory.keys, params)
    memory.role = allowed(ctx, tasks.role, params)
    memory.sum_signature, memory.update_signature = tasks.sum_signature, tasks.update_signature
    ctx.tell(RoleChosen(memory.role))
    if memory.role is not Role.SUM:
        return Outcome.OTHER
    memory.ephemeral_key = EncryptionKeyPair.from_seed(ctx.random(SEED_SIZE)).secret
    register(ctx)
    return Outcome.SUM


def _fetch_model(ctx: Context) -> Fetch:
    params = ctx.memory.params
    return Fetch("model", models.max_model_bytes(params.model_length, params.mask_config))


def _model_fetched(ctx: Context, event) -> Outcome:
    memory = ctx.memory
    model = _decode(ctx, body_of(event))
    ctx.tell(GlobalModel(model))
    if memory.over:
        return Outcome.LAST
    if memory.role is Role.UPDATE:
        memory.model = model
        return Outcome.UPDATE
    return Outcome.SUM if memory.role is Role.SUM else Outcome.NONE


def _decode(ctx: Context, body: bytes | None):
    params = ctx.memory.params
    try:
        if body is not None:
            return models.decode_global_model(body, params.model_length, params.mask_config)
    except LengthMismatchError as error:
        # The coordinator was set up anew: its old model will not change, so do not wait for it.
        ctx.tell(Warning(str(error)))
    return None


FETCHING_MODEL = Stage(_fetch_model, _model_fetched, FETCH_ANSWERS)
