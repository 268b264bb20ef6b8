"""How large a message of this round can be at most, worked out from the settings."""

from petal.crypto import KEY_SIZE, SEAL_OVERHEAD, SIGNATURE_SIZE
from petal.mask import MaskConfig
from petal.wire import HEADER_SIZE, SEALED_SEED_SIZE
from petal_server.settings import Settings

SEED_ENTRY = KEY_SIZE + SEALED_SEED_SIZE
COUNT = CONFIG = 4


def largest_payload(settings: Settings) -> int:
    """Bytes of an update with a seed for every sum participant; no payload is larger."""
    config = settings.mask.config
    mask_object = _vector(config.vect, settings.model.length) + _unit(config.unit)
    seeds = COUNT + SEED_ENTRY * settings.pet.sum.count.max
    return 2 * SIGNATURE_SIZE + mask_object + seeds


def largest_message(settings: Settings) -> int:
    """Bytes of the largest POST /message that is read; anything longer is refused unread."""
    whole = SEAL_OVERHEAD + HEADER_SIZE + largest_payload(settings)
    # A small model's participants may still send chunks of any usual size.
    return settings.api.max_message_size or max(whole, 2**16)


def _vector(config: MaskConfig, length: int) -> int:
    return CONFIG + COUNT + length * config.bytes_per_number


def _unit(config: MaskConfig) -> int:
    return CONFIG + config.bytes_per_number
