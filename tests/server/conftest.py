import pytest
import structlog

from .killed import Killable


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def as_logged_by_default():
    """Whatever tests that ran before in this process made of the log."""
    structlog.reset_defaults()


@pytest.fixture(params=[{}, {"checkpoint_updates": 1}, {"checkpoint_updates": 2}], ids=str)
def killable(tmp_path, request):
    return Killable(tmp_path / "data", **request.param)
