"""Compiles mask.c to mask.wasm with the pinned `ziglang` package: python web/kernel/build.py."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "mask.c"
ARTEFACT = HERE / "mask.wasm"
FLAGS = [
    *(
        "-target",
        "wasm32-freestanding",
        "-mcpu=generic+simd128",
        "-std=c11",
        "-O3",
        "-fno-strict-aliasing",
    ),
    *("-Wall", "-Wextra", "-Werror", "-nostdlib", "-fno-builtin-memset"),
    *("-Wl,--no-entry", "-Wl,--strip-all", "-Wl,--export=__heap_base"),
]


def build(target: Path) -> None:
    """Write the module to `target`; the same source gives the same bytes."""
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, SOURCE.name, "-o", str(target)]
    subprocess.run(command, cwd=HERE, check=True)


if __name__ == "__main__":
    build(ARTEFACT)
    print(f"{ARTEFACT}: {ARTEFACT.stat().st_size} bytes")
