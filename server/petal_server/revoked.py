"""The file of participants who are no longer admitted."""

from pathlib import Path

import structlog

from petal.wire.enrolment import public_key

log = structlog.get_logger("petal.intake")


def read_revoked(path: Path) -> frozenset[bytes]:
    """The public keys in a file, one a line; what stands behind a ``#`` is for people.

    Raises:
        ValueError: The file cannot be read, or a line is no key; it says which.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {error}") from None
    keys = set()
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            try:
                keys.add(public_key(text))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return frozenset(keys)


class Revoked:
    """The keys in a file, read again when it has changed.

    A file that cannot be read, or not any more, leaves the keys as they were and is logged: a slip
    of the pen must not let anybody back in, nor keep everybody out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._keys = read_revoked(path)

    def __contains__(self, pk: bytes) -> bool:
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._read_again()
        return pk in self._keys

    def _read_again(self) -> None:
        try:
            self._keys = read_revoked(self._path)
        except ValueError as error:
            log.error("admission.revoked: the list before stays in force", detail=str(error))
        else:
            log.info("admission.revoked was read again", keys=len(self._keys))

    def _stamp(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
