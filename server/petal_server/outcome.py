"""What becomes of a message, and why: the words of receipts and of the operator's log."""

from dataclasses import dataclass
from enum import StrEnum

from petal.errors import (
    ConfigMismatchError,
    ElementOutOfRangeError,
    LengthMismatchError,
    MaskError,
    TooManyModelsError,
)


class Outcome(StrEnum):
    """What became of a message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DISCARDED = "discarded"
    PENDING = "pending"


class Reason(StrEnum):
    """Why a message was rejected or discarded; each check has its own word.

    Listed in the order of the checks. ``docs/operating.md`` explains them to operators.
    """

    TOO_LARGE = "too_large"
    SEALED_BOX = "sealed_box"
    MALFORMED = "malformed"
    WRONG_PHASE = "wrong_phase"
    SIGNATURE = "signature"
    WRONG_COORDINATOR = "wrong_coordinator"
    NOT_ENROLLED = "not_enrolled"
    ENROLMENT_MALFORMED = "enrolment_malformed"
    ENROLMENT_OF_ANOTHER = "enrolment_of_another"
    ENROLMENT_SIGNATURE = "enrolment_signature"
    ENROLMENT_EXPIRED = "enrolment_expired"
    ENROLMENT_REVOKED = "enrolment_revoked"
    MULTIPART = "multipart"
    MULTIPART_FULL = "multipart_full"
    PAYLOAD = "payload"
    SUM_SIGNATURE = "sum_signature"
    NOT_A_SUM_PARTICIPANT = "not_a_sum_participant"
    IS_A_SUM_PARTICIPANT = "is_a_sum_participant"
    UPDATE_SIGNATURE = "update_signature"
    NOT_AN_UPDATE_PARTICIPANT = "not_an_update_participant"
    PHASE_FULL = "phase_full"
    PHASE_OVER = "phase_over"
    MASK_CONFIG = "mask_config"
    MODEL_LENGTH = "model_length"
    ELEMENT_OUT_OF_RANGE = "element_out_of_range"
    TOO_MANY_MODELS = "too_many_models"
    REPLAYED = "replayed"
    SEED_DICTIONARY = "seed_dictionary"
    UNKNOWN_SUM_PARTICIPANT = "unknown_sum_participant"
    COORDINATOR_ERROR = "coordinator_error"


MASK_REASONS: dict[type[MaskError], Reason] = {
    ConfigMismatchError: Reason.MASK_CONFIG,
    LengthMismatchError: Reason.MODEL_LENGTH,
    ElementOutOfRangeError: Reason.ELEMENT_OUT_OF_RANGE,
    TooManyModelsError: Reason.TOO_MANY_MODELS,
}


@dataclass(frozen=True)
class Receipt:
    """The answer to one message; ``reason`` is None when it was accepted or is pending."""

    outcome: Outcome
    reason: Reason | None = None


class Rejection(Exception):
    """Raised by a check; ends as a receipt in :mod:`petal_server.intake` or in a phase."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.reason = reason
