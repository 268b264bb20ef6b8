"""TLS of the native client: whom it trusts, how it shows who it is, what went wrong."""

import ssl
from pathlib import Path

from petal.errors import ParticipantError


def tls_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext | bool:
    """Trust the authority in `ca` beside the system's; show the certificate in `cert`.

    PEM files all; `key` may be left out where `cert` holds the private key as well.
    ParticipantError if one cannot be used.
    """
    if key and not cert:
        raise ParticipantError("a client key needs its certificate as well: --cert FILE")
    if not ca and not cert:
        return True
    context = ssl.create_default_context()
    try:
        if ca:
            context.load_verify_locations(ca)
    except ssl.SSLError:
        raise ParticipantError(f"{ca} holds no certificate in PEM form") from None
    try:
        if cert:
            context.load_cert_chain(cert, key)
    except ssl.SSLError:
        files = f"{cert} and {key} do" if key else f"{cert} does"
        raise ParticipantError(
            f"{files} not hold a client certificate and its private key in PEM form"
        ) from None
    return context


def tls_advice(error: BaseException) -> str | None:
    """What to do where TLS is behind the error, or None where it is not."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its TLS certificate is not trusted ({cause.verify_message}): name the authority "
            "that signed it, with --ca FILE"
        )
    if cause.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS there: its address may begin with http://"
    return None
