"""One call that takes part, from a program."""

import asyncio

import pytest

from petal.client import participate


@pytest.mark.filterwarnings("error")
def test_in_a_notebook_a_blocking_call_says_what_to_call():
    async def cell():
        return participate("http://127.0.0.1:1", lambda _model, _params: None, rounds=1)

    with pytest.raises(RuntimeError, match=r"use `await participate_async\(\.\.\.\)` instead"):
        asyncio.run(cell())
