"""The sum participant: register a key, open the seeds sealed to it, hand in the sum of masks."""

import base64

from petal.crypto import SEED_SIZE, EncryptionKeyPair
from petal.errors import SealedBoxError
from petal.participant import models
from petal.participant.events import Fetch, MasksSummed, SumMasks, WorkFailed
from petal.participant.notices import Warning
from petal.participant.stages import FETCH_ANSWERS, Context, Stage, body_of
from petal.participant.transitions import Outcome
from petal.participant.upload import new_message
from petal.wire import SEALED_SEED_SIZE, Sum2Payload, SumPayload, decode_dictionary


def register(ctx: Context) -> None:
    """Compose the sum message with the public half of the ephemeral key."""
    memory = ctx.memory
    public = EncryptionKeyPair.from_secret(memory.ephemeral_key).public
    new_message(ctx, SumPayload(memory.sum_signature, public).to_bytes())


def _fetch_seeds(ctx: Context) -> Fetch:
    public = base64.b64encode(ctx.memory.keys.public).decode()
    limit = models.max_seeds_bytes(ctx.memory.params.mask_config)
    return Fetch("seeds", limit, (("pk", public),))


def _seeds_fetched(ctx: Context, event) -> Outcome:
    body = body_of(event)
    if body is None:
        return Outcome.NOT_YET
    sealed = decode_dictionary(body, SEALED_SEED_SIZE)
    try:
        ctx.memory.seeds = _open_all(sealed.values(), ctx.memory.ephemeral_key)
    except SealedBoxError as error:
        # One seed that does not open spoils the whole sum, and asking again changes nothing.
        ctx.tell(Warning(f"a mask seed cannot be used ({error}); this round is sat out"))
        return Outcome.FAILED
    return Outcome.READY


def _open_all(sealed, secret: bytes) -> tuple[bytes, ...]:
    keys = EncryptionKeyPair.from_secret(secret)
    seeds = tuple(keys.open(each) for each in sealed)
    if any(len(seed) != SEED_SIZE for seed in seeds):
        raise SealedBoxError(f"it is not {SEED_SIZE} bytes long")
    return seeds


def _ask_for_sum(ctx: Context) -> SumMasks:
    params = ctx.memory.params
    return SumMasks(ctx.memory.seeds, params.model_length, params.mask_config)


def _summed(ctx: Context, event: MasksSummed | WorkFailed) -> Outcome:
    memory = ctx.memory
    memory.seeds = None
    if isinstance(event, WorkFailed):
        ctx.tell(Warning(f"the masks could not be summed: {event.reason}; this round is sat out"))
        return Outcome.FAILED
    memory.ephemeral_key = None
    new_message(ctx, Sum2Payload(memory.sum_signature, event.mask).to_bytes())
    return Outcome.DONE


AWAITING_SEEDS = Stage(_fetch_seeds, _seeds_fetched, FETCH_ANSWERS)
SUMMING_MASKS = Stage(_ask_for_sum, _summed, (MasksSummed, WorkFailed))
