"""Fuzz everything that reads bytes of the network, guided by coverage (atheris, libFuzzer).

An input that breaks a promise is kept in the folder that is named, and the exit status is not 0;
run it again with --input FILE.
"""

import argparse
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed; it has wheels for CPython 3.11 to 3.13 on x86-64 Linux")

with atheris.instrument_imports(include=["petal", "petal_server"]):
    from . import targets


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000, help="inputs to try (%(default)s)")
    parser.add_argument("--seconds", type=int, default=0, help="stop after so long (no limit)")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (%(default)s)")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), help="where to keep")
    parser.add_argument("--input", type=Path, help="try this one file and stop")
    asked = parser.parse_args()
    if asked.input:
        targets.run(asked.input.read_bytes())
        return
    asked.found.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(targets.seeds()):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [f"-runs={asked.runs}", f"-max_total_time={asked.seconds}", f"-seed={asked.seed}"]
        options += [f"-artifact_prefix={asked.found}/", "-max_len=2048", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, corpus], targets.run)
        atheris.Fuzz()


main()
