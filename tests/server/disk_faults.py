"""Disks that fail: what breaks under a store, by the words for it."""

import errno
import os

from petal_server.storage import journal


def fail(*_, **__):
    raise OSError(errno.EIO, "Input/output error")


def half_written(opened, data):
    os.write(opened, bytes(data)[: len(data) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


FAULTS = {
    "the journal cannot be written": lambda patch: patch.setattr(journal, "write_all", fail),
    "the disk is full in the midst of a record": lambda patch: patch.setattr(
        journal, "write_all", half_written
    ),
    "the journal cannot be synced": lambda patch: patch.setattr(journal, "sync", fail),
    "its folder cannot be synced": lambda patch: patch.setattr(journal, "sync_folder", fail),
}
