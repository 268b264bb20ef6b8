"""Rows of the arithmetic that the coordinator does: one update into the sum, the mask off it."""

from collections.abc import Callable

import numpy as np

from petal.crypto import EncryptionKeyPair
from petal.mask import Aggregation, Masker, derive_mask
from petal.round import Role, RoundParameters
from petal.wire import Tag, encode_model, parse_payload

from .measure import Line, limit, side_by_side, timed
from .scale import CONFIG, Run
from .traffic import Traffic, with_role


def update(run: Run) -> list[Line]:
    """Parse an opened update, check every element, add it to the sum."""
    length = run.scale.weights
    params = RoundParameters(
        EncryptionKeyPair.generate().public, 0.5, 1.0, bytes(32), CONFIG, length
    )
    body = Traffic(params).update_payload(next(with_role(params, Role.UPDATE))).to_bytes()
    total = Aggregation(CONFIG, length)
    model = parse_payload(Tag.UPDATE, body).masked_model
    source, target = np.ones(length, np.uint64), np.zeros(length, np.uint64)
    size = f"{length:,} weights"
    parse, check = f"parse an update of {size}", f"check its {length:,} elements"
    add = f"add them to the sum (checked once more), {size}"
    copied, added = "numpy copies as many", "numpy adds as many"
    found = side_by_side(
        run.scale.repeats,
        run.tell,
        {
            parse: timed(lambda: parse_payload(Tag.UPDATE, body)),
            check: timed(lambda: total.validate(model)),
            add: timed(lambda: total.add(model)),
            copied: timed(lambda: np.copyto(target, source)),
            added: timed(lambda: np.add(target, source, out=target)),
        },
    )
    return [
        Line("update", found[parse], (limit(found[parse], found[copied]),)),
        Line("update", found[check], (limit(found[check], found[copied]),)),
        Line("update", found[add], (limit(found[add], found[added]),)),
    ]


def unmask(run: Run) -> list[Line]:
    """Take the mask off the sum, and encode the global model for Xaynet's participants."""
    length = run.scale.weights
    weights = np.random.default_rng(1).uniform(-1, 1, length).astype(np.float32)
    seed, model = Masker(CONFIG).mask(weights)
    total, mask = Aggregation(CONFIG, length), derive_mask(seed, length, CONFIG)
    total.add(model)
    mean = total.unmask_ratios(mask)
    subtract, array = f"take the mask off {length:,} weights", "round them to float32"
    encode, copied = "encode them as bincode's reduced fractions", "numpy copies as many"
    source, target = np.ones(length, np.uint64), np.zeros(length, np.uint64)
    found = side_by_side(
        run.scale.repeats,
        run.tell,
        {
            subtract: timed(lambda: total.unmask_ratios(mask)),
            array: timed(lambda: mean.to_array(CONFIG.vect.data)),
            encode: timed(lambda: encode_model(mean)),
            copied: timed(lambda: np.copyto(target, source)),
        },
    )
    names = (subtract, array, encode)
    return [Line("unmask", found[name], (limit(found[name], found[copied]),)) for name in names]


ROWS: dict[str, Callable[[Run], list[Line]]] = {"update": update, "unmask": unmask}
