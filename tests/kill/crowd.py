"""The load: real participants in a process of their own, each telling what it was answered.

`python -m tests.kill.crowd URL COUNT SEED` runs until its standard input ends. A line of JSON on
standard output for each message that was sent, each dictionary that was seen, each warning.
"""

import asyncio
import json
import random
import sys

from petal.client.driver import drive
from petal.client.http import HttpTransport
from petal.crypto import SigningKeyPair
from petal.errors import TransportError
from petal.participant import Delays, Machine, Receipt, Warning
from petal.wire import SEALED_SEED_SIZE, decode_dictionary, decode_params

from .weights import trained

DELAYS = Delays(poll=0.1, first=0.05, cap=0.2)
VALUE_SIZES = {"sums": 32, "seeds": SEALED_SEED_SIZE}


def tell(**facts):
    print(json.dumps(facts), flush=True)


def keys_of(number: int, seed: int) -> SigningKeyPair:
    return SigningKeyPair.from_seed(random.Random(f"{seed}/keys {number}").randbytes(32))


class Member:
    """One participant, and the transport that hears what it is answered."""

    def __init__(self, number: int, seed: int, transport: HttpTransport):
        self.number, self._transport = number, transport
        self.machine = Machine(
            keys_of(number, seed),
            random=random.Random(f"{seed}/participant {number}").randbytes,
            # Every other one sends in parts.
            max_message_size=4096 if number % 2 else 1 << 20,
            delays=DELAYS,
        )

    async def live(self):
        await drive(self.machine, self, self._train, self._observe)

    async def _train(self, _model, params):
        return trained(self.number, params.seed)

    def _observe(self, notice):
        if isinstance(notice, Warning):
            tell(kind="warning", number=self.number, text=str(notice))

    async def fetch(self, method, path, headers, body, limit):
        seed, state = self.machine.params and self.machine.params.seed, self.machine.state
        try:
            answer = await self._transport.fetch(method, path, headers, body, limit)
        except TransportError:
            if method == "POST":
                self._sent(seed, state, None)
            raise
        if method == "POST":
            self._sent(seed, state, Receipt.parse(answer.body))
        resource = path.partition("?")[0]
        if resource in VALUE_SIZES and answer.status == 200:
            await self._saw(resource, seed, answer.body)
        return answer

    def _sent(self, seed, state, receipt):
        tell(
            kind="sent",
            number=self.number,
            round=seed.hex(),
            stage=state.removeprefix("sending_"),
            outcome=receipt and receipt.outcome,
            reason=receipt and receipt.reason,
        )

    async def _saw(self, resource, seed, body):
        """Note a dictionary under its round, if the round is still on after it was fetched."""
        try:
            answer = await self._transport.fetch("GET", "params", {}, None, 1000)
        except TransportError:
            return
        if decode_params(answer.body).seed == seed:
            keys = [key.hex() for key in decode_dictionary(body, VALUE_SIZES[resource])]
            tell(kind="saw", number=self.number, round=seed.hex(), resource=resource, keys=keys)


async def main(url: str, count: int, seed: int):
    async with HttpTransport(url) as transport:
        members = [Member(number, seed, transport) for number in range(count)]
        living = [asyncio.create_task(member.live()) for member in members]
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait({ended, *living}, return_when=asyncio.FIRST_COMPLETED)
        for task in living:
            task.cancel()
        for result in await asyncio.gather(*living, return_exceptions=True):
            if not isinstance(result, asyncio.CancelledError):
                raise RuntimeError(f"a participant ended: {result!r}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
