"""How many files, connections among them, the operating system lets this process open."""

import sys

OTHER_FILES = 100
"""Files that are no connections: the store's, the log, libraries."""


def allow_connections(wanted: int) -> int:
    """Raise the limit, as far as it may be, so that ``wanted`` connections fit; how many do."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - OTHER_FILES)
