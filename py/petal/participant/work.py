"""Carries out the heavy requests. A driver may call this in a thread, or do better itself."""

from petal.errors import MaskError, PrivacyError
from petal.mask import Masker, MaskObject, sum_masks
from petal.participant.events import MaskModel, MasksSummed, ModelMasked, Work, WorkFailed
from petal.privacy import encode_noised


def carry_out(request: Work) -> ModelMasked | MasksSummed | WorkFailed:
    """The answer to MaskModel or SumMasks; WorkFailed where it cannot be done."""
    try:
        if isinstance(request, MaskModel):
            masker = Masker(request.config, request.seed)
            return ModelMasked(masker.cover(encode(request))[1])
        return MasksSummed(sum_masks(request.seeds, request.length, request.config))
    except (MaskError, PrivacyError) as error:
        return WorkFailed(str(error))
    except MemoryError:
        return WorkFailed("not enough memory")


def encode(request: MaskModel) -> MaskObject:
    """The model as group elements, noised where that is asked for; NOT yet masked."""
    if request.noise:
        return encode_noised(request.weights, request.scalar, request.config, request.noise)
    return Masker(request.config).encode(request.weights, request.scalar)
