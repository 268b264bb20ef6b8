"""What a thousand attackers can make a real coordinator's process take of memory."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from petal.wire import decode_params

from .flood import flooding
from .members import summers
from .test_serve import SECONDS, serving

JSON = {"accept": "application/json"}
MEBIBYTE = 2**20
PART = 128 * 1024
PARTS, BODIES = 48 * MEBIBYTE, 32 * MEBIBYTE
CONNECTIONS = 1000
FOR_EACH_CONNECTION = 160 * 1024
"""uvicorn reads up to 64 KiB ahead; the rest is its own state and that of the request."""

SETTINGS = {
    "PETAL__STORAGE__KIND": "sqlite",
    "PETAL__MULTIPART__MAX_TOTAL_SIZE": str(PARTS),
    "PETAL__LIMITS__BODY_MEMORY": str(BODIES),
    "PETAL__LIMITS__BODY_MEMORY_PER_ADDRESS": str(BODIES),
    "PETAL__MODEL__LENGTH": "200000",
    "PETAL__PET__SUM__TIME__MIN": "600",
    "PETAL__PET__SUM__TIME__MAX": "600",
    "PETAL__LOG__FILTER": "error",
}


def memory(process, field):
    """Bytes of resident memory: ``VmRSS`` now, ``VmHWM`` at its highest."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(f"{field}:"))
    return int(found.split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from Linux' /proc")
def test_a_thousand_endless_messages(tmp_path):
    with serving(**SETTINGS, PETAL__STORAGE__PATH=str(tmp_path)) as (url, process, _):
        params = decode_params(httpx.get(f"{url}/params").content)
        before = memory(process, "VmRSS")
        with flooding(urlsplit(url).port, CONNECTIONS, 64 * 1024) as report:
            until(lambda: report()["open"] == CONNECTIONS, "all attackers are connected")
            until(lambda: report() and multipart_bytes(url) > PARTS - PART, "parts fill their room")
            sent = report()["answers"]
            until(lambda: report()["answers"] > sent + 2 * CONNECTIONS, "more attacks")
            assert an_honest_message(url, params) == "accepted"
        peak = memory(process, "VmHWM")
    # The bound that docs/operating.md states.
    bound = PARTS + 4 * BODIES + CONNECTIONS * FOR_EACH_CONNECTION
    print(
        f"before {before / 1e6:.0f} MB, peak {peak / 1e6:.0f} MB, bound {bound / 1e6:.0f} MB more"
    )
    assert peak - before < bound


def until(condition, what):
    patience = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < patience, what


def multipart_bytes(url):
    lines = ask("GET", f"{url}/metrics").text.splitlines()
    line = next(line for line in lines if line.startswith("petal_multipart_bytes "))
    return float(line.split()[1])


def an_honest_message(url, params):
    body, answers = summers(params, 1)[0].sum(), []

    def accepted():
        answers.append(ask("POST", f"{url}/message", content=body))
        assert answers[-1].status_code in (200, 503)
        return answers[-1].status_code == 200

    until(accepted, "there is room for an honest message")
    return answers[-1].json()["outcome"]


def ask(method, url, **options):
    return httpx.request(method, url, headers=JSON, timeout=SECONDS, **options)
