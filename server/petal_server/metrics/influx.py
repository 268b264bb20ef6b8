"""Xaynet's measurements, pushed to InfluxDB in its line protocol as they happen.

The names, tags and values are Xaynet's, so that its dashboards go on working. What cannot be
pushed waits in a short queue; a database that is down costs points, never a round.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress

import httpx
import structlog

from petal.client.http import user_of, without_user
from petal_server.events import Event, MasksCounted, MessageHandled, PhaseStarted, RoundFailed
from petal_server.outcome import Outcome
from petal_server.phases import Context, PhaseName

log = structlog.get_logger("petal.metrics")

PUSH_EVERY = 1.0
TIMEOUT = 5.0
"""Seconds."""

MOST_WAITING = 10_000
"""Points that are kept while the database does not take any; the oldest go first."""

BATCH = 1000

PHASE_NUMBERS = {phase: number for number, phase in enumerate(PhaseName)}
"""As Xaynet numbers them: idle 0 to shutdown 6."""

MESSAGES = {
    Outcome.ACCEPTED: "message_accepted",
    Outcome.REJECTED: "message_rejected",
    Outcome.DISCARDED: "message_discarded",
}


class InfluxPush:
    """Collects points and pushes them to the database ``db`` at ``url``."""

    def __init__(self, ctx: Context, url: str, db: str) -> None:
        self._ctx = ctx
        self._address, self._user, self._db = f"{without_user(url)}/write", user_of(url), db
        self._points: deque[str] = deque(maxlen=MOST_WAITING)
        self._last_time = 0
        self._works = True
        self._stopping = asyncio.Event()
        ctx.events.listen(self._take)

    async def run(self) -> None:
        """Push every second; after ``stop`` once more, and return."""
        async with httpx.AsyncClient(auth=self._user, timeout=TIMEOUT) as client:
            while not self._stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), PUSH_EVERY)
                await self._push(client)

    def stop(self) -> None:
        """Have ``run`` end. Cancelling it would lose what is on the way."""
        self._stopping.set()

    async def _push(self, client: httpx.AsyncClient) -> None:
        try:
            await self._push_all(client)
        except Exception as error:
            # Nobody waits for this task; it has to go on by itself.
            log.error("points are lost", exc_info=error)

    async def _push_all(self, client: httpx.AsyncClient) -> None:
        while self._points:
            batch = [self._points.popleft() for _ in range(min(BATCH, len(self._points)))]
            if not await self._write(client, "\n".join(batch)):
                room = MOST_WAITING - len(self._points)
                self._points.extendleft(reversed(batch[-room:] if room else []))
                return

    async def _write(self, client: httpx.AsyncClient, lines: str) -> bool:
        """Whether the points are settled: a refused one would be refused again."""
        try:
            answer = await client.post(
                self._address, params={"db": self._db, "precision": "ns"}, content=lines.encode()
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._note(False, type(error).__name__)
        if answer.is_server_error:
            return self._note(False, f"status {answer.status_code}")
        if not answer.is_success:
            log.warning("InfluxDB refuses points", status=answer.status_code)
            return True
        return self._note(True, "")

    def _note(self, works: bool, detail: str) -> bool:
        """Log a change, not every failure of many. The address may hold a password."""
        if works is not self._works:
            self._works = works
            if works:
                log.info("InfluxDB takes points again")
            else:
                log.warning("InfluxDB does not answer; points wait", detail=detail)
        return works

    def _take(self, event: Event) -> None:
        match event:
            case PhaseStarted():
                self._phase_started(event)
            case MessageHandled() if event.receipt.outcome in MESSAGES:
                name = MESSAGES[event.receipt.outcome]
                self._add(name, "1i", event.round_id, event.phase)
            case MasksCounted():
                masks = f"{event.masks}i"
                self._add("masks_total_number", masks, event.round_id, PhaseName.UNMASK)
            case RoundFailed():
                title = (
                    f'title="Phase error",description="{event.phase.value}: {event.reason.value}"'
                )
                self._points.append(f"event {title} {self._now()}")

    def _phase_started(self, event: PhaseStarted) -> None:
        self._points.append(f"phase value={PHASE_NUMBERS[event.phase]}i {self._now()}")
        if event.phase is not PhaseName.SUM:
            return
        params = self._ctx.state.params
        self._points.append(f"round_total_number value={event.round_id}i {self._now()}")
        self._add("round_param_sum", f"{params.sum_prob}", event.round_id, PhaseName.IDLE)
        self._add("round_param_update", f"{params.update_prob}", event.round_id, PhaseName.IDLE)

    def _add(self, name: str, value: str, round_id: int, phase: PhaseName) -> None:
        tags = f"phase={PHASE_NUMBERS[phase]},round_id={round_id}"
        self._points.append(f"{name},{tags} value={value} {self._now()}")

    def _now(self) -> int:
        """Nanoseconds, never the same twice: points with equal time and tags replace each other."""
        self._last_time = max(time.time_ns(), self._last_time + 1)
        return self._last_time
