"""Compiles keep_below.c for this machine: `python py/petal/mask/native/build.py`.

Installing from a checkout does it too, and making a wheel (`deploy/build_hook.py`). Where no
compiler is to be had nothing is made, and masks are derived by numpy alone.
"""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "keep_below.c"
LIBRARY = HERE / ("keep_below.dll" if sys.platform == "win32" else "keep_below.so")
FLAGS = ["-shared", "-fPIC", "-O3", "-std=c11", "-Wall", "-Wextra", "-Werror"]


def build() -> Path | None:
    """The library, made anew where the source is newer; None if no compiler can."""
    if LIBRARY.is_file() and LIBRARY.stat().st_mtime >= SOURCE.stat().st_mtime:
        return LIBRARY
    return next((LIBRARY for compiler in _compilers() if _compile(compiler)), None)


def _compilers() -> Iterator[list[str]]:
    """The system's, then the one that the tests' `ziglang` package brings."""
    if found := shutil.which("cc"):
        yield [found]
    if importlib.util.find_spec("ziglang"):
        yield [sys.executable, "-m", "ziglang", "cc"]


def _compile(compiler: list[str]) -> bool:
    scratch = LIBRARY.with_suffix(".new")  # a process may have the old one loaded
    command = [*compiler, *FLAGS, str(SOURCE), "-o", str(scratch)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        print(f"{compiler[0]} cannot compile {SOURCE.name}: {told.stderr}", file=sys.stderr)
        return False
    scratch.replace(LIBRARY)
    return True


if __name__ == "__main__":
    print(build() or "No C compiler can be used: masks are derived by numpy alone.")
