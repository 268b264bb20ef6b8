"""One file as it is sent: its bytes, their compressed forms, how long it may be kept."""

import gzip
import hashlib
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

# A wheel is deflated already; gzip would only cost time.
COMPRESSED = {".npz", ".whl"}
REVALIDATE = "no-cache"
FOREVER = "public, max-age=31536000, immutable"
_REFUSED = re.compile(r";\s*q=0(\.0*)?\s*$")


@dataclass
class Asset:
    """One file as it is sent."""

    name: str
    body: bytes
    cache: str = REVALIDATE
    zstd: bytes | None = field(default=None, repr=False)
    digest: str = field(default="", repr=False)
    _zipped: bytes | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self):
        self.suffix = Path(self.name).suffix
        self.digest = self.digest or hashlib.sha256(self.body).hexdigest()[:32]

    @property
    def compressible(self) -> bool:
        return self.suffix not in COMPRESSED and len(self.body) > 256

    def gzipped(self) -> bytes:
        """The body under gzip, made at the first request."""
        with self._lock:
            if self._zipped is None:
                self._zipped = gzip.compress(self.body, 6, mtime=0)
            return self._zipped

    @property
    def quick_to_zip(self) -> bool:
        """Whether a thread would cost more than zipping: a page has dozens of small scripts."""
        return self._zipped is not None or len(self.body) < 1 << 16

    def encoding(self, accepted: str) -> str:
        """What to send of "zstd", "gzip" and "" to who says so in Accept-Encoding."""
        offers = (offer for offer in accepted.split(",") if not _REFUSED.search(offer))
        names = {offer.partition(";")[0].strip() for offer in offers}
        if self.zstd is not None and "zstd" in names:
            return "zstd"
        return "gzip" if self.compressible and "gzip" in names else ""
