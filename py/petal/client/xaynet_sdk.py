"""The exceptions of Xaynet's Python SDK, where its users find them: `xaynet_sdk.xaynet_sdk`."""

from petal.errors import ParticipantError


class CryptoInit(ParticipantError):
    """The cryptographic library could not be initialised. Kept for its name: ours needs no call."""


class ParticipantInit(ParticipantError):
    """The participant cannot be made: most likely the coordinator's URL is none."""


class ParticipantRestore(ParticipantError):
    """The given state is none, is damaged, or comes from a newer version."""


class UninitializedParticipant(ParticipantError):
    """The participant was stopped, which used it up."""


class LocalModelLengthMisMatch(ParticipantError):
    """The local model has another length than the round asks for."""


class LocalModelDataTypeMisMatch(ParticipantError):
    """The local model's numbers are not of the data type that the round asks for."""


class GlobalModelUnavailable(ParticipantError):
    """The coordinator could not be asked for the global model."""


class GlobalModelDataTypeMisMatch(ParticipantError):
    """The published global model is not of the round's data type."""


def init_logging() -> None:
    """Nothing to do: the Rust library's log needed this, ours is Python's `logging`."""
