"""Who may take part: anybody, or whoever brings a token that a set authority signed.

A token says all that there is to check, so the coordinator keeps no list of who is enrolled.
"""

from collections.abc import Callable

from starlette.datastructures import Headers

from petal.errors import DecodeError, SignatureError
from petal.wire import EnrolmentToken
from petal.wire.enrolment import ADMISSION_HEADER, HEADER
from petal_server.outcome import Reason, Rejection
from petal_server.revoked import Revoked
from petal_server.settings import AdmissionSettings

LEEWAY = 60.0
"""Seconds by which our clock may be ahead of the authority's."""


class Admission:
    """The rule for one coordinator. ``wall`` gives the date in seconds since the epoch."""

    def __init__(self, settings: AdmissionSettings, wall: Callable[[], float]) -> None:
        self._authorities = tuple(bytes.fromhex(key) for key in settings.public_keys)
        self._revoked = Revoked(settings.revoked) if settings.revoked else frozenset()
        self._wall = wall

    @property
    def hint(self) -> dict[str, str]:
        """Headers of ``GET /params`` by which a participant knows before it trains for nothing."""
        return {ADMISSION_HEADER: "enrolment"} if self._authorities else {}

    def check(self, token: str | None, participant_pk: bytes) -> None:
        """Return if the participant, who has proven to own its key, may take part.

        Raises:
            Rejection: It may not. Each cause has its reason.
        """
        if not self._authorities:
            return
        if not token:
            raise Rejection(Reason.NOT_ENROLLED)
        parsed = _parsed(token)
        if parsed.participant_pk != participant_pk:
            raise Rejection(Reason.ENROLMENT_OF_ANOTHER)
        if not any(_signed(parsed, authority) for authority in self._authorities):
            raise Rejection(Reason.ENROLMENT_SIGNATURE)
        if self._wall() >= parsed.expires + LEEWAY:
            raise Rejection(Reason.ENROLMENT_EXPIRED, f"since {parsed.until}")
        if participant_pk in self._revoked:
            raise Rejection(Reason.ENROLMENT_REVOKED)


def token_in(headers: Headers) -> str | None:
    """The token as it came with a request; one too many makes it one that does not parse."""
    return ",".join(headers.getlist(HEADER)) or None


def _parsed(token: str) -> EnrolmentToken:
    try:
        return EnrolmentToken.parse(token)
    except DecodeError as error:
        raise Rejection(Reason.ENROLMENT_MALFORMED, str(error)) from error


def _signed(token: EnrolmentToken, authority: bytes) -> bool:
    try:
        token.verify(authority)
    except SignatureError:
        return False
    return True
