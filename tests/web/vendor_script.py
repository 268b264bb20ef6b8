"""web/fetch_vendor.py as who builds Petal runs it: a command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"
SCRIPT = WEB / "fetch_vendor.py"


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
