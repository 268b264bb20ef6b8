"""Between participants and the coordinator: late, lost, doubled and refused requests."""

import asyncio

from petal.client.transport import Response
from petal.errors import TransportError

from .letters import Letter
from .scenario import CALM, REQUEST_TIMEOUT

STRAGGLE = 15.0
LONGEST_WAIT = 25.0


class Network:
    """Carries requests to the host, and to the judge every letter that arrives with its receipt."""

    def __init__(self, world):
        self.world, self.rng = world, world.rng("network")
        self.seen: list[Letter] = []

    async def get(self, path, headers) -> Response:
        """Most requests are looks at what is published, so this takes the short way."""
        faults, rng = self.world.faults, self.rng
        await asyncio.sleep(min(self._delay(faults), REQUEST_TIMEOUT))
        outage = self._outage(faults)
        if outage:
            return self._refused(outage)
        if rng.random() < faults.lost:
            return await self._silence()
        answer = await self._look(path, headers, faults)
        if faults is not CALM:
            await asyncio.sleep(min(self._delay(faults), REQUEST_TIMEOUT))
        return answer

    async def _look(self, path, headers, faults) -> Response:
        """The answer; a question that is kept open is sometimes cut off, as by a proxy."""
        patience = None
        if "prefer" in headers and self.rng.random() < faults.lost:
            patience = self.rng.uniform(0, LONGEST_WAIT)
        try:
            async with asyncio.timeout(patience):
                return (await self.world.host.ask("GET", path, headers))[0]
        except TimeoutError:
            raise TransportError("the question was cut off") from None

    async def post(self, letter: Letter) -> Response:
        """As the sender of an honest participant sees it: with all faults."""
        self.seen.append(letter)
        return await self._exchange(letter)

    async def deliver(self, letter: Letter) -> Response:
        """Hand a letter to the coordinator now, and have what it says about it judged."""
        host, headers = self.world.host, {"accept": "application/json"}
        answer, receipt, arrival = await host.ask("POST", "message", headers, letter)
        self.world.oracle.judge(letter, receipt, arrival)
        return answer

    async def _exchange(self, letter):
        """A letter and its answer. What has arrived goes on if the sender dies meanwhile."""
        faults, rng = self.world.faults, self.rng
        delay = self._delay(faults)
        if delay > REQUEST_TIMEOUT:
            self.world.spawn(self._later(letter, delay))
            return await self._silence()
        await asyncio.sleep(delay)
        outage = self._outage(faults)
        if outage in ("away", "503"):
            return self._refused(outage)
        if rng.random() < faults.lost:
            return await self._silence()
        if rng.random() < faults.doubled:
            self.world.spawn(self._later(letter, self._delay(faults)))
        answer = self.world.spawn(self._carry_out(letter))
        done, _ = await asyncio.wait((answer,), timeout=REQUEST_TIMEOUT)
        if not done or rng.random() < faults.lost:
            return await self._silence()
        await asyncio.sleep(self._delay(faults))
        response = answer.result()
        if isinstance(response, TransportError):
            raise response
        return self._refused("502") if outage else response

    async def _later(self, letter, seconds):
        await asyncio.sleep(seconds)
        await self._carry_out(letter)

    async def _carry_out(self, letter):
        try:
            return await self.deliver(letter)
        except TransportError as error:
            return error

    async def _silence(self):
        await asyncio.sleep(REQUEST_TIMEOUT)
        raise TransportError("no answer in time")

    def _refused(self, outage):
        if outage == "away":
            raise TransportError("connection refused")
        return Response(int(outage[:3]), {}, b"try again later")

    def _delay(self, faults):
        if faults.straggling and self.rng.random() < faults.straggling:
            return self.rng.uniform(0, STRAGGLE)
        return self.rng.uniform(0, faults.latency)

    def _outage(self, faults):
        now = asyncio.get_running_loop().time()
        return next((kind for begin, end, kind in faults.outages if begin <= now < end), None)


class Line:
    """A participant's transport: `petal.client.drive` asks, the network answers.

    `describe(body)` makes a letter of a message; `saw(path, answer)` is given what came back.
    """

    def __init__(self, network, describe, saw):
        self._network, self._describe, self._saw = network, describe, saw

    async def fetch(self, method, path, headers, body, limit):
        if method == "POST":
            return await self._network.post(self._describe(body))
        answer = await self._network.get(path, headers)
        if len(answer.body) > limit:
            raise TransportError(f"an answer of more than {limit} bytes", answer.status)
        self._saw(path, answer)
        return answer
