from pathlib import Path

import pytest

from .vendor_script import WEB, run


@pytest.fixture(scope="module")
def vendor() -> Path:
    """web/vendor, filled by the script itself where `make test` has not done so."""
    filled = run()
    assert filled.returncode == 0, filled.stderr
    return WEB / "vendor"
