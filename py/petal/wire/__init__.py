"""The bytes that travel: messages to the coordinator, and what it answers."""

from petal.wire.bincode import (
    decode_dictionary,
    decode_model,
    decode_params,
    encode_dictionary,
    encode_model,
    encode_params,
)
from petal.wire.chunks import CHUNK_HEADER_SIZE, Assembler, Chunk
from petal.wire.enrolment import EnrolmentToken
from petal.wire.messages import HEADER_SIZE, Message, sign_message
from petal.wire.payloads import (
    SEALED_SEED_SIZE,
    Payload,
    Sum2Payload,
    SumPayload,
    Tag,
    UpdatePayload,
    parse_payload,
)
from petal.wire.upload import MIN_MESSAGE_SIZE, Upload

__all__ = [
    "CHUNK_HEADER_SIZE",
    "HEADER_SIZE",
    "MIN_MESSAGE_SIZE",
    "SEALED_SEED_SIZE",
    "Assembler",
    "Chunk",
    "EnrolmentToken",
    "Message",
    "Payload",
    "Sum2Payload",
    "SumPayload",
    "Tag",
    "UpdatePayload",
    "Upload",
    "decode_dictionary",
    "decode_model",
    "decode_params",
    "encode_dictionary",
    "encode_model",
    "encode_params",
    "parse_payload",
    "sign_message",
]
