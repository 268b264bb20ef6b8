"""Everything Petal raises on purpose, one class per cause.

PetalError
├── CryptoError
│   ├── SignatureError        a signature does not belong to this key and message
│   └── SealedBoxError        a sealed box does not open with this key
├── DecodeError               bytes that are not what the protocol says
├── MaskError
│   ├── ConfigError           no such masking configuration
│   ├── ConfigMismatchError   an object masked under another configuration
│   ├── LengthMismatchError   an object, or a model, of another length
│   ├── ElementOutOfRangeError  a group element at or above the order
│   ├── TooManyModelsError    more models than the configuration can hold
│   ├── ScalarSumError        the scalars add up to nothing, so there is no mean
│   └── WeightsError          weights or a scalar that cannot be masked
├── RoundError                round parameters that make no sense
├── TransportError            the coordinator could not be reached, or answered oddly
├── ParticipantError
│   ├── EnrolmentError        the coordinator does not admit this participant
│   └── TrainingError         the user's training failed
└── SnapshotError             a saved participant that cannot be taken up again
"""


class PetalError(Exception):
    """Root of the tree: catch this to catch all of Petal's own errors."""


class CryptoError(PetalError):
    """A cryptographic check failed."""


class SignatureError(CryptoError):
    """A signature does not belong to this public key and message."""


class SealedBoxError(CryptoError):
    """A sealed box does not open with this key."""


class DecodeError(PetalError):
    """Bytes from outside are not what the protocol says."""


class MaskError(PetalError):
    """Base of what can go wrong while masking, adding and unmasking."""


class ConfigError(MaskError):
    """There is no such masking configuration."""


class ConfigMismatchError(MaskError):
    """The object was masked under another configuration than the one in force."""


class LengthMismatchError(MaskError):
    """The object or model has another length than the round asks for."""


class ElementOutOfRangeError(MaskError):
    """A group element is at or above the order of its group."""


class TooManyModelsError(MaskError):
    """One model more than the configuration can add without wrapping around."""


class ScalarSumError(MaskError):
    """The scalars of the aggregated models add up to nothing: there is no mean."""


class WeightsError(MaskError):
    """The weights or the scalar given cannot be masked."""


class RoundError(PetalError):
    """Round parameters that make no sense."""


class TransportError(PetalError):
    """The coordinator could not be reached or answered oddly; `status` is None if unreachable."""

    def __init__(self, message: str, status: int | None = None):
        super().__init__(message)
        self.status = status


class ParticipantError(PetalError):
    """The participant cannot go on as asked."""


class EnrolmentError(ParticipantError):
    """The coordinator does not admit this participant; the message says what to do."""


class PrivacyError(ParticipantError):
    """The settings of differential privacy make no sense, or cannot be had here."""


class TrainingError(ParticipantError):
    """The user's training code failed or returned something that is not a model."""


class ModelShapeError(PetalError):
    """Arrays and the vector made of them do not fit each other."""


class SnapshotError(PetalError):
    """A saved participant is damaged, foreign, or from a newer version."""
