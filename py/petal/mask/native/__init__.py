"""The one loop that numpy lacks, compiled where there was a compiler (`build.py`).

Without it, as in a tab, masks come out the same and take numpy half as long again.
"""

import ctypes
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

LIBRARY = Path(__file__).parent / f"keep_below.{'dll' if sys.platform == 'win32' else 'so'}"
KeepBelow = Callable[[np.ndarray, int, int, np.ndarray], tuple[int, int]]


def load() -> KeepBelow | None:
    """`keep_below`, or None where it was not compiled for this machine."""
    if sys.byteorder != "little" or not LIBRARY.is_file():
        return None
    try:
        function = ctypes.CDLL(str(LIBRARY)).keep_below
    except OSError as error:  # made on another machine: a checkout on a shared disk, say
        warnings.warn(f"{error}; masks are derived by numpy alone", RuntimeWarning, stacklevel=2)
        return None
    u64, u32, address = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p
    function.argtypes = [address, u64, u64, u32, address, u64, ctypes.POINTER(u64)]
    function.restype = u64

    def keep_below(draws: np.ndarray, limit: int, shift: int, out: np.ndarray) -> tuple[int, int]:
        """Write to `out` the draws below `limit`, moved down by `shift` bits, until it is full.

        `draws` and `out` are contiguous uint64[n] and uint64[m]. (How many were kept, how many
        draws that took.) Other threads run meanwhile.
        """
        used = u64()
        kept = function(
            *(draws.ctypes.data, len(draws), limit, shift),
            *(out.ctypes.data, len(out), ctypes.byref(used)),
        )
        return kept, used.value

    return keep_below


keep_below = load()
