"""Local differential privacy: an update is clipped and noised before it is masked, and the
accounts are kept. docs/differential-privacy.md tells what that promises and what it costs."""

from petal.privacy.accounting import epsilon_of, rho_within
from petal.privacy.gaussian import discrete_gaussian
from petal.privacy.settings import Account, LocalPrivacy
from petal.privacy.update import Lattice, Noise, encode_noised, lattice_for, update_norm

__all__ = [
    "Account",
    "Lattice",
    "LocalPrivacy",
    "Noise",
    "discrete_gaussian",
    "encode_noised",
    "epsilon_of",
    "lattice_for",
    "rho_within",
    "update_norm",
]
