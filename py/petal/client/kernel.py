"""Masks for a tab: derived by WebAssembly workers of the page, as web/kernel has them.

`petal_host.sumMasks(seeds, shape)` reaches them. Python goes on meanwhile, and without them
`petal.participant.carry_out` gives the same masks by numpy and libsodium.
"""

import numpy as np
import petal_host
from js import Object
from pyodide.ffi import JsException, to_js

from petal.errors import MaskError, PrivacyError
from petal.mask import MaskConfig, MaskConfigPair, MaskObject
from petal.participant import (
    MasksSummed,
    ModelMasked,
    SumMasks,
    Work,
    WorkFailed,
    carry_out,
)
from petal.participant.work import encode


def available() -> bool:
    """Whether the page has workers for this; it has none where the browser lacks SIMD."""
    return hasattr(petal_host, "sumMasks")


async def work(request: Work) -> ModelMasked | MasksSummed | WorkFailed:
    """The answer to MaskModel or SumMasks; slower but the same where the workers fail."""
    try:
        return await _in_workers(request)
    except JsException as error:
        told = f"Masks are derived slowly, because the fast way failed: {error.message}"
        petal_host.emit("warning", to_js({"message": told}, dict_converter=Object.fromEntries))
        return carry_out(request)
    except (MaskError, PrivacyError) as error:
        return WorkFailed(str(error))
    except MemoryError:
        return WorkFailed("not enough memory")


async def _in_workers(request: Work) -> ModelMasked | MasksSummed:
    config = request.config
    if isinstance(request, SumMasks):
        answer = await _ask(request.seeds, request.length, config)
        return MasksSummed(_masks(answer, request.length, config))
    length = len(request.weights)
    asked = _ask([request.seed], length, config)  # a worker derives while Python encodes
    return ModelMasked(encode(request).plus(_masks(await asked, length, config)))


def _ask(seeds, length: int, config: MaskConfigPair):
    """The promise of a sum of masks; `Shape` and `Masks` in web/kernel/mask_sum.js."""
    shape = {
        "length": length,
        "order": _order_bytes(config.vect),
        "limbs": config.vect.limbs,
        "unitOrder": _order_bytes(config.unit),
        "unitLimbs": config.unit.limbs,
    }
    return petal_host.sumMasks(to_js(list(seeds)), to_js(shape, dict_converter=Object.fromEntries))


def _order_bytes(config: MaskConfig) -> bytes:
    return config.order.to_bytes((config.order.bit_length() + 7) // 8, "little")


def _masks(answer, length: int, config: MaskConfigPair) -> MaskObject:
    limbs = np.empty((length, config.vect.limbs), "<u8")
    answer.elements.assign_to(limbs.view(np.uint8).reshape(-1))
    return MaskObject(config, limbs, int.from_bytes(answer.unit.to_bytes(), "little"))
