"""What phases share: the round, the store, the inbox, the board, the clock."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from petal.crypto import RandomBytes
from petal_server.clock import Clock
from petal_server.events import Events
from petal_server.inbox import Inbox
from petal_server.multipart import Reassembly
from petal_server.outcome import Outcome
from petal_server.phases.names import PhaseName
from petal_server.published import Board
from petal_server.settings import Settings
from petal_server.storage import CoordinatorState, Storage
from petal_server.trust_anchor import TrustAnchor
from petal_server.workers import Workers


@dataclass
class Context:
    """Everything a phase reads and writes; only the machine's task writes to it.

    ``counts`` holds this round's messages: phase to outcome to number. ``began`` is the clock's
    time at which the phase began, maybe before this process did.
    """

    settings: Settings
    clock: Clock
    random: RandomBytes
    store: Storage
    workers: Workers
    inbox: Inbox
    reassembly: Reassembly
    state: CoordinatorState
    trust_anchor: TrustAnchor | None = None
    phase: PhaseName = PhaseName.IDLE
    began: float = 0.0
    board: Board = field(default_factory=Board)
    counts: dict[PhaseName, Counter[Outcome]] = field(default_factory=lambda: defaultdict(Counter))
    last_failure: str | None = None
    events: Events = field(default_factory=Events)
