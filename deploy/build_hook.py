"""hatchling calls this where it installs from a checkout or makes a wheel: the compiled loop."""

import runpy
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = "py/petal/mask/native"


class NativeHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        library = runpy.run_path(str(Path(self.root) / NATIVE / "build.py"))["build"]()
        if library is None:
            self.app.display_warning("No C compiler: masks are derived by numpy alone.")
        elif version != "editable":
            build_data["artifacts"].append(f"{NATIVE}/{library.name}")
            build_data |= {"pure_python": False, "infer_tag": True}
