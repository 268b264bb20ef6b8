"""Carries out the heavy requests. A driver may call this in a thread, or do better itself."""

from petal.errors import MaskError
from petal.mask import Masker, sum_masks
from petal.participant.events import MaskModel, MasksSummed, ModelMasked, Work, WorkFailed


def carry_out(request: Work) -> ModelMasked | MasksSummed | WorkFailed:
    """The answer to MaskModel or SumMasks; WorkFailed where it cannot be done."""
    try:
        if isinstance(request, MaskModel):
            masker = Masker(request.config, request.seed)
            return ModelMasked(masker.mask(request.weights, request.scalar)[1])
        return MasksSummed(sum_masks(request.seeds, request.length, request.config))
    except MaskError as error:
        return WorkFailed(str(error))
    except MemoryError:
        return WorkFailed("not enough memory")
