"""Brings an enrolment token along where a coordinator asks for one. Runs in CPython and a tab."""

import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from petal.errors import DecodeError, EnrolmentError, ParticipantError
from petal.wire import EnrolmentToken
from petal.wire.enrolment import ADMISSION_HEADER, HEADER

Source = str | Callable[[bytes], str | Awaitable[str | None] | None]
"""A token, or what gives one for a public key (32 bytes); None from it means: there is none."""

# The reasons that the coordinator gives, and what a person can do about each.
ADVICE = {
    "not_enrolled": "it admits only participants that bring an enrolment token",
    "enrolment_malformed": "the token arrives damaged, or is of a version that it does not know",
    "enrolment_of_another": "the token was issued for another public key",
    "enrolment_signature": "the token is of an authority that it does not trust",
    "enrolment_expired": "the token has expired by its clock",
    "enrolment_revoked": "the participant's enrolment was revoked",
}
# A token is renewed so long before it expires, or when half its time is over: a message may be on
# its way for a while.
MARGIN = 60.0


def read_token(path: Path) -> str:
    """The token in a file; ParticipantError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ParticipantError(f"the enrolment token in {path} cannot be read: {error}") from error


class Enrolment:
    """One participant's token, kept or asked for when it is first needed."""

    def __init__(
        self,
        source: Source | None,
        public_key: bytes,
        clock: Callable[[], float] = time.time,
    ):
        """`clock` gives seconds since the epoch. EnrolmentError for a token that is none, or
        another participant's."""
        self._source, self._public_key, self._clock = source, public_key, clock
        self._asked = False
        self._token: EnrolmentToken | None = None
        self._good_until = 0.0
        if isinstance(source, str):
            self._keep(self._checked(source))

    @property
    def headers(self) -> dict[str, str]:
        """What goes with `POST /message`; nothing where the coordinator asks for nothing."""
        return {HEADER: str(self._token)} if self._asked and self._token else {}

    async def prepare(self, headers: Mapping[str, str]) -> None:
        """Have a token where `GET /params` says that one is needed, before anything is trained.

        EnrolmentError if there is none; whatever the source raises.
        """
        self._asked = headers.get(ADMISSION_HEADER) == "enrolment"
        if self._asked and not self._lasts():
            await self._obtain(ADVICE["not_enrolled"])

    async def renew(self, reason: str) -> None:
        """Get another token after the coordinator refused this one, if the source has one."""
        unsent, self._asked = not self._asked, True
        if unsent and self._lasts():
            return  # something on the way keeps the coordinator's question from participants
        before, self._token = self._token, None
        await self._obtain(ADVICE[reason])
        if self._token == before:
            raise self._refusal(ADVICE[reason])

    def refused(self, reason: str) -> EnrolmentError:
        """The error for a new token that the coordinator refuses as well."""
        return self._refusal(ADVICE[reason])

    def _lasts(self) -> bool:
        return self._token is not None and self._clock() < self._good_until

    async def _obtain(self, why: str) -> None:
        if isinstance(self._source, str):
            text = self._source
        else:
            text = self._source(self._public_key) if self._source else None
            text = await text if inspect.isawaitable(text) else text
        if not text:
            raise self._refusal(why)
        self._keep(self._checked(text))
        if self._clock() >= self._token.expires:
            raise self._refusal(f"the token expired at {self._token.until} by this clock")

    def _keep(self, token: EnrolmentToken) -> None:
        self._token, left = token, token.expires - self._clock()
        margin = 0 if isinstance(self._source, str) else min(MARGIN, left / 2)
        self._good_until = token.expires - margin

    def _checked(self, text: object) -> EnrolmentToken:
        try:
            token = EnrolmentToken.parse(str(text).strip())
        except DecodeError as error:
            raise EnrolmentError(f"that is no enrolment token: {error}") from error
        if token.participant_pk != self._public_key:
            other = f"{ADVICE['enrolment_of_another']}, {token.participant_pk.hex()}"
            raise self._refusal(other)
        return token

    def _refusal(self, why: str) -> EnrolmentError:
        return EnrolmentError(
            f"the coordinator does not admit this participant: {why}. Ask whoever runs it for a "
            f"token for the public key {self._public_key.hex()}"
        )
