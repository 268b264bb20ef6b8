"""What is left of a data folder when its process is killed, found without killing this one.

The system keeps what a process has written whether or not that process lives on, so a copy of the
files, taken between two calls, is what the next process would find.
"""

import shutil
from contextlib import asynccontextmanager
from itertools import count

from petal_server.phases import PhaseName
from petal_server.storage import SqliteStorage

from .clock import FakeClock
from .harness import running

_numbers = count()


def copy_of(folder):
    """A copy of a folder that a living store uses; nobody holds the copy."""
    copy = folder.with_name(f"{folder.name} copy {next(_numbers)}")
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("lock", "petal.db-shm"))
    return copy


def opened_after_a_kill(folder, **options):
    """A store on what ``folder`` holds at this moment; a context manager."""
    return SqliteStorage(copy_of(folder), **options)


class Killable:
    """Coordinators one after the other on one clock, each on what the last one left behind."""

    def __init__(self, folder, **options):
        self.folder, self.options, self.clock = folder, options, FakeClock()

    @asynccontextmanager
    async def start(self, phase=PhaseName.SUM, settings=None, **options):
        with SqliteStorage(self.folder, **self.options, **options) as store:
            async with running(settings, store=store, clock=self.clock, phase=phase) as found:
                yield found
                # The rest of this block never happened for the next one.
                self.folder = copy_of(self.folder)
