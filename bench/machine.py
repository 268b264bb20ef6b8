"""What the numbers were measured on: without it they say little."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from cryptography.hazmat.backends.openssl import backend

ROOT = Path(__file__).resolve().parents[1]


def about() -> dict[str, str]:
    """The machine, the versions that matter, and how busy it is now."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "openssl": backend.openssl_version_text().split()[1],
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load before": load(),
    }


def load() -> str:
    """How many programs wanted a core on average, in the last 1 and 5 minutes."""
    one, five, _ = os.getloadavg()
    return f"{one:.2f} (1 min), {five:.2f} (5 min)"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
