"""Enrolment tokens: an authority's signed word that a participant may take part.

A token travels as a request header beside `POST /message`, never in a message, so the protocol's
bytes stay what they are. It is 105 bytes as 140 characters of unpadded URL-safe Base64: version 1,
expiry u64 big-endian (seconds since the epoch), participant pk 32, signature 64. The authority
signs CONTEXT and the 41 bytes before the signature.
"""

import base64
import binascii
import datetime
import re
import struct
from dataclasses import dataclass, field
from typing import Self

from petal.crypto import KEY_SIZE, SIGNATURE_SIZE, SigningKeyPair, sized, verify
from petal.errors import DecodeError

HEADER = "petal-enrolment"
"""The request header that carries a token."""

ADMISSION_HEADER = "petal-admission"
"""The header of `GET /params` by which a coordinator asks for one: its value is `enrolment`."""

TOKEN_LENGTH = 140
"""Characters of a token, all of them significant."""

CONTEXT = b"petal enrolment of a participant\x00"
"""Goes before what is signed, so that no signature made for anything else is a token."""

VERSION = 1
_HEAD = struct.Struct(f">BQ{KEY_SIZE}s")
_LAST = 253402300799
"""The end of the year 9999: what a date can show."""


def public_key(text: str) -> bytes:
    """A public key (32) that people wrote as 64 hexadecimal digits; ValueError if it is none."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("a public key is 64 hexadecimal digits")
    return bytes.fromhex(text)


@dataclass(frozen=True, slots=True)
class EnrolmentToken:
    """Whom it admits, until when (seconds since the epoch), and the authority's signature."""

    participant_pk: bytes
    expires: int
    signature: bytes = field(repr=False)

    @classmethod
    def issue(cls, authority: SigningKeyPair, participant_pk: bytes, expires: int) -> Self:
        """A token for `participant_pk` (32); ValueError for another length or an odd date."""
        pk = sized("participant public key", participant_pk, KEY_SIZE)
        if not 0 <= expires <= _LAST:
            raise ValueError("a token expires between the years 1970 and 9999")
        return cls(pk, expires, authority.sign(CONTEXT + _HEAD.pack(VERSION, expires, pk)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The token that `str` wrote; DecodeError if `text` is none, in every character."""
        if len(text) != TOKEN_LENGTH:
            raise DecodeError(f"an enrolment token has {TOKEN_LENGTH} characters, not {len(text)}")
        try:
            data = base64.b64decode(text.encode("ascii"), b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise DecodeError("an enrolment token is URL-safe Base64") from None
        # Python's decoder takes padding and the other alphabet's characters as well.
        whole = len(data) == _HEAD.size + SIGNATURE_SIZE
        if not whole or base64.urlsafe_b64encode(data).decode() != text:
            raise DecodeError("an enrolment token is URL-safe Base64 without padding")
        version, expires, pk = _HEAD.unpack_from(data)
        if version != VERSION or expires > _LAST:
            raise DecodeError("the enrolment token is of another version, or damaged")
        return cls(pk, expires, data[_HEAD.size :])

    def __str__(self) -> str:
        head = _HEAD.pack(VERSION, self.expires, self.participant_pk)
        return base64.urlsafe_b64encode(head + self.signature).decode()

    def verify(self, authority_pk: bytes) -> None:
        """Return if `authority_pk` (32) signed it; else SignatureError. Does not look at dates."""
        signed = CONTEXT + _HEAD.pack(VERSION, self.expires, self.participant_pk)
        verify(authority_pk, signed, self.signature)

    @property
    def until(self) -> str:
        """When it expires, for people: `2026-12-24 18:00 UTC`."""
        when = datetime.datetime.fromtimestamp(self.expires, datetime.UTC)
        return f"{when:%Y-%m-%d %H:%M} UTC"
