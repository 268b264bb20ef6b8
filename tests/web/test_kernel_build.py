"""The committed kernel is what its source compiles to."""

import importlib.util
from pathlib import Path

KERNEL = Path(__file__).parents[2] / "web" / "kernel"


def test_the_artefact_is_built_from_the_source(tmp_path):
    spec = importlib.util.spec_from_file_location("kernel_build", KERNEL / "build.py")
    kernel = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernel)
    kernel.build(tmp_path / "mask.wasm")
    assert (tmp_path / "mask.wasm").read_bytes() == kernel.ARTEFACT.read_bytes(), (
        "web/kernel/mask.wasm is not what mask.c compiles to: run python web/kernel/build.py"
    )
