"""What leaves a tab beside what was trained, for the person whose tab it is.

Only the first few numbers, and only to the page: the weights themselves go nowhere else.
"""

from petal.mask import MaskObject
from petal.participant import MaskModel, ModelMasked

FIRST = 8


def side_by_side(request: MaskModel, event: ModelMasked) -> dict:
    """The first weights, and the group elements that the coordinator gets in their place."""
    masked = event.masked_model
    first = MaskObject(masked.config, masked.limbs[:FIRST], masked.unit)
    return {
        "weights": [float(weight) for weight in request.weights[:FIRST]],
        "scalar": float(request.scalar),
        "masked": [str(element) for element in first.vect],
        "order": str(masked.config.vect.order),
        "length": len(masked),
    }
