"""Where the official client can be had at all: it is a compiled wheel."""

import platform
import sys

EXISTS = platform.machine() in ("x86_64", "AMD64") and sys.platform in ("linux", "darwin")
WHY_NOT = "the official client (xaynet-sdk-python 0.1.0) exists for x86-64 Linux and macOS only"
