"""The participant's side of differential privacy: which rounds it updates, with what noise, and
what that is charged."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from petal.crypto import SEED_SIZE
from petal.errors import PrivacyError
from petal.mask import MaskConfigPair
from petal.participant.events import Scalar
from petal.participant.memory import Memory
from petal.participant.notices import PrivacyBudget, UpdateClipped, Warning
from petal.participant.stages import Context
from petal.privacy import Account, LocalPrivacy, Noise, lattice_for, update_norm
from petal.round import Role, RoundParameters


def opened(settings: LocalPrivacy, memory: Memory) -> Account:
    """A new participant's account; PrivacyError where noise would be nothing."""
    if not memory.scalar:
        raise PrivacyError("with a scalar of 0 nothing counts, noise neither: take a larger one")
    return Account(settings)


def changed(settings: LocalPrivacy, memory: Memory) -> Account:
    """The account under other settings: what is spent stays spent."""
    if memory.privacy is None:
        raise PrivacyError(
            "this saved participant takes part without differential privacy, and what it has sent "
            "cannot be noised any more: start a new participant"
        )
    return replace(memory.privacy, settings=settings)


def budget(memory: Memory) -> list[PrivacyBudget]:
    """What is spent, as the one notice; none where updates are not noised."""
    account = memory.privacy
    if account is None:
        return []
    asked = account.settings
    return [PrivacyBudget(account.spent, asked.epsilon, asked.delta, account.updates, account.left)]


def allowed(ctx: Context, role: Role, params: RoundParameters) -> Role:
    """The role, or none where it would be an update that the budget or the round forbids."""
    account = ctx.memory.privacy
    if account is None or role is not Role.UPDATE:
        return role
    if not account.left:
        ctx.notices.extend(budget(ctx.memory))
        return Role.NONE
    try:
        check_lattice(ctx.memory, params.mask_config)
    except PrivacyError as error:
        ctx.tell(Warning(f"{error}. No update is sent in this round"))
        return Role.NONE
    return role


def check_lattice(memory: Memory, config: MaskConfigPair) -> None:
    """PrivacyError where this round's numbers cannot carry the noise."""
    asked = memory.privacy.settings
    used = min(Fraction(memory.scalar), Fraction(config.unit.add_shift))
    lattice_for(config.vect, used, asked.clip, asked.noise_multiplier)


def draw_noise(ctx: Context, weights: np.ndarray, scalar: Scalar) -> None:
    """Draw this update's noise, to be kept: a model masked again after a reload has the same.

    The scalar of training is left aside. It is not hidden, and may tell about the data.
    """
    memory = ctx.memory
    memory.noise_seed = ctx.random(SEED_SIZE)
    norm, clip = update_norm(weights, memory.model), memory.privacy.settings.clip
    if norm > clip:
        ctx.tell(UpdateClipped(norm, clip))
    if scalar != memory.scalar and not memory.privacy.updates:
        ctx.tell(
            Warning(
                "with differential privacy every update counts with this participant's own scalar, "
                f"{float(memory.scalar):g}; the one that training gives is left aside, because it "
                "would tell about the data"
            )
        )


def noise(memory: Memory) -> Noise | None:
    """How to noise this round's update; None where it is not to be."""
    if memory.privacy is None:
        return None
    asked = memory.privacy.settings
    return Noise(asked.clip, asked.noise_multiplier, memory.noise_seed, memory.model)


def charge(ctx: Context) -> None:
    """Spend what one update costs, before any of it leaves; PrivacyError if that is not left.

    The account is saved together with the masked update. Sent again, that is the same bytes.
    """
    if ctx.memory.privacy is not None:
        ctx.memory.privacy = ctx.memory.privacy.charged()
        ctx.notices.extend(budget(ctx.memory))
