"""What the official client needs, in one place."""

import platform
import sys

import pytest


def pytest_collection_modifyitems(items):
    if platform.machine() in ("x86_64", "AMD64") and sys.platform in ("linux", "darwin"):
        return
    why = "the official client (xaynet-sdk-python 0.1.0) exists for x86-64 Linux and macOS only"
    for item in items:
        if item.get_closest_marker("official"):
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_configure(config):
    config.addinivalue_line("markers", "official: needs the official client's compiled wheel")
