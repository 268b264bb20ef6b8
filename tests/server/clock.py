"""A clock that moves only when a test says so."""

import asyncio
import contextlib


class FakeClock:
    def __init__(self):
        self._now = 1000.0
        self._waiting: list[tuple[float, asyncio.Event]] = []

    def now(self):
        return self._now

    def wall(self):
        return self._now + 1e9

    def advance(self, seconds):
        self._now += seconds
        for deadline, passed in self._waiting:
            if deadline <= self._now:
                passed.set()

    async def before(self, deadline, work):
        work = asyncio.ensure_future(work)
        passed = asyncio.Event()
        if deadline <= self._now:
            passed.set()
        entry = (deadline, passed)
        self._waiting.append(entry)
        timer = asyncio.ensure_future(passed.wait())
        try:
            await asyncio.wait({work, timer}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            self._waiting.remove(entry)
            for task in (work, timer):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
