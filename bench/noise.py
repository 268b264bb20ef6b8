"""Row of differential privacy: what noise adds to masking a model."""

import os

import numpy as np

from petal.mask import Masker
from petal.privacy import Noise, discrete_gaussian, encode_noised

from .measure import Line, limit, side_by_side, timed
from .scale import CONFIG, Run


def noise(run: Run) -> list[Line]:
    """Clip a model's update and add exact noise, beside masking the model."""
    length = run.scale.weights
    model = np.random.default_rng(1).normal(0, 0.01, length).astype(np.float32)
    asked = Noise(0.1, 1.0, os.urandom(32), model[::-1].copy())
    ours, drawn = f"clip, noise and encode {length:,} weights", f"draw {length:,} noise integers"
    masked = f"mask a model of {length:,} weights"
    candidates = {
        ours: timed(lambda: encode_noised(model, 1, CONFIG, asked)),
        drawn: timed(lambda: discrete_gaussian(os.urandom(32), 26, length)),
        masked: timed(lambda: Masker(CONFIG).mask(model)),
    }
    found = side_by_side(run.scale.repeats, run.tell, candidates)
    return [
        Line("noise", found[ours], (limit(found[ours], found[masked], run.scale.target(5)),)),
        Line("noise", found[drawn]),
    ]


ROWS = {"noise": noise}
