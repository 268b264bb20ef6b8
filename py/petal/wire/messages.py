"""The signed envelope of everything that is sent: a 136-byte header and a payload.

signature 64 (over all that follows), participant pk 32, coordinator pk 32, length u32 BE (of the
whole message), tag u8, flags u8 (bit 0: multipart), 2 zero bytes.
"""

from dataclasses import dataclass, field

from petal.crypto import KEY_SIZE, SIGNATURE_SIZE, SigningKeyPair, verify_signed
from petal.errors import DecodeError
from petal.wire.cursor import Cursor
from petal.wire.payloads import Tag

HEADER_SIZE = 136
_MULTIPART = 1


@dataclass(frozen=True)
class Message:
    """A message as it was read; `verify` says whether its sender wrote it."""

    signature: bytes
    participant_pk: bytes
    coordinator_pk: bytes
    tag: Tag
    multipart: bool
    payload: memoryview = field(repr=False)
    _whole: bytes | memoryview = field(repr=False, compare=False)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "Message":
        """Structure only; DecodeError if the header or the length is wrong."""
        cursor = Cursor(data, "message")
        signature = cursor.take(SIGNATURE_SIZE)
        keys = cursor.take(KEY_SIZE), cursor.take(KEY_SIZE)
        length, tag, flags = cursor.uint(4, "big"), cursor.uint(1), cursor.uint(1)
        cursor.zeros(2)
        if length != len(data):
            raise DecodeError(f"message: its length field says {length}, it has {len(data)} bytes")
        if tag not in Tag._value2member_map_ or flags > _MULTIPART:
            raise DecodeError(f"message: no such tag or flags: {tag}, {flags}")
        return cls(signature, *keys, Tag(tag), flags == _MULTIPART, cursor.rest, data)

    def verify(self) -> None:
        """Return if the participant signed this message, else SignatureError."""
        verify_signed(self.participant_pk, self._whole)

    def to_bytes(self) -> bytes:
        """The bytes it was read from."""
        return bytes(self._whole)


def sign_message(
    keys: SigningKeyPair,
    coordinator_pk: bytes,
    tag: Tag,
    payload: bytes | memoryview,
    multipart: bool = False,
) -> bytes:
    """A signed message, not yet sealed."""
    length = (HEADER_SIZE + len(payload)).to_bytes(4, "big")
    head = keys.public + coordinator_pk + length + bytes((tag, multipart, 0, 0))
    signed = b"".join((head, payload))
    return keys.sign(signed) + signed
