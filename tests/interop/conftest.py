"""What the official client needs, in one place."""

import pytest

from . import official_wheel


def pytest_collection_modifyitems(items):
    if official_wheel.EXISTS:
        return
    for item in items:
        if item.get_closest_marker("official"):
            item.add_marker(pytest.mark.skip(reason=official_wheel.WHY_NOT))


def pytest_configure(config):
    config.addinivalue_line("markers", "official: needs the official client's compiled wheel")
