"""axe-core, the accessibility rules, pinned and fetched as web/vendor is."""

import hashlib
import json
import tempfile
from pathlib import Path

from vendor_registries import Registries
from vendor_sources import Cdn, Entry, Unavailable
from vendor_tools import Tools

from .processes import ROOT

LOCK = ROOT / "e2e" / "axe.lock"
FILE = ROOT / "build" / "axe.min.js"
SHA256 = "e9e5863c33a874f09bc01acd9234b7e3c871479f5eef8802fa582544465e6d01"
SIZE = 559816
PINNED = json.loads((LOCK / "package-lock.json").read_text())["packages"]["node_modules/axe-core"]
ENTRY = Entry(
    path="axe.min.js",
    size=SIZE,
    sha256=SHA256,
    package="axe-core",
    version=PINNED["version"],
    integrity=PINNED["integrity"],
    member="axe.min.js",
    carrier={},
)
# One violation a line: the rule, what it asks for, and where. Half-way through a fade a colour has
# a contrast that nobody reads by, so what fades has to have arrived.
RUN = """async () => {
  const fading = document.getAnimations().filter((a) => a instanceof CSSTransition);
  await Promise.allSettled(fading.map((a) => a.finished));
  return (await axe.run(document, { resultTypes: ["violations"] })).violations.flatMap(
  ({ id, help, nodes }) => nodes.map(({ target, any }) =>
    `${id}: ${help}: ${target} ${any[0]?.message ?? ""}`));
}"""


def source() -> str:
    """The script; fetched once, and held to its hash every time."""
    if not FILE.is_file() or _digest(FILE.read_bytes()) != SHA256:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_bytes(_fetch())
    return FILE.read_text()


def _fetch() -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            data = Cdn().read(ENTRY)
        except Unavailable:
            data = Registries(Tools(LOCK, Path(scratch))).read(ENTRY)
    assert _digest(data) == SHA256, "axe.min.js is not the file that e2e/axe.py pins"
    return data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def violations(page) -> list[str]:
    """What axe-core finds wrong on the page as it is now."""
    page.evaluate(source())
    return page.evaluate(RUN)
