"""Work that would hold up the event loop, in threads (libsodium and numpy let go of the lock)."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A pool of threads, one a core unless ``threads`` says otherwise.

    More would gain nothing, and each that waits for the interpreter's lock makes the event loop
    wait longer for it: with six threads on two cores up to 90 ms.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads or os.cpu_count(), "petal")

    async def run(self, work: Callable[P, T], *args: P.args) -> T:
        """``work(*args)`` in a thread; its exception is raised here."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._pool.shutdown()
