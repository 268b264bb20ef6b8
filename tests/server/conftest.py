import pytest
import structlog


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def as_logged_by_default():
    """Whatever tests that ran before in this process made of the log."""
    structlog.reset_defaults()
