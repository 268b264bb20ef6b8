"""Even the coordinator, which opens every message, finds only uniform numbers in an update."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import uvicorn

from petal import wire
from petal.crypto import EncryptionKeyPair
from petal.errors import SealedBoxError
from petal.mask import MaskConfig
from petal_server.app import create_app
from petal_server.config_file import load

from .conftest import CONFIG
from .processes import wait_until

ORDER = MaskConfig.parse("Prime/F32/B2/M3").order


@dataclass
class Operator:
    """A coordinator in this process, by someone who keeps all bodies and all round keys."""

    app: object
    server: uvicorn.Server = field(init=False)
    bodies: list[bytes] = field(default_factory=list)
    keys: dict[bytes, EncryptionKeyPair] = field(default_factory=dict)

    def __post_init__(self):
        self.server = uvicorn.Server(uvicorn.Config(self, port=0, log_config=None))
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()
        wait_until("the coordinator listens", lambda: self.server.started)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    async def __call__(self, scope, receive, send):
        """The application, its incoming bodies kept."""
        body = bytearray()

        async def keeping():
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await self.app(scope, keeping, send)
        if scope["type"] == "http":
            keys = self.app.state.context.state.keys
            self.keys[keys.public] = keys
            if scope["path"] == "/message":
                self.bodies.append(bytes(body))

    def updates(self) -> list[wire.UpdatePayload]:
        opened = [message for body in self.bodies if (message := self._open(body))]
        return [
            wire.parse_payload(message.tag, message.payload)
            for message in opened
            if message.tag == wire.Tag.UPDATE
        ]

    def _open(self, body: bytes) -> wire.Message | None:
        for keys in self.keys.values():
            try:
                return wire.Message.from_bytes(keys.open(body))
            except SealedBoxError:
                continue
        return None

    def close(self) -> None:
        self.server.should_exit = True
        self._thread.join()


@pytest.fixture
def operator(tmp_path) -> Iterator[Operator]:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(sum_prob=0.3))
    operator = Operator(create_app(load(config)))
    yield operator
    operator.close()


def test_an_opened_update_shows_no_weight(operator, tabs, natives):
    page = tabs(operator.url + "/?party=0")
    page.evaluate("""() => {
      window.sent = [];
      petal.participant.addEventListener("message", async ({ detail: { stage, outcome } }) => {
        if (stage !== "update" || outcome !== "accepted") return;
        sent.push(Array.from(await petal.participant.call("newest")));
      });
    }""")
    page.click("#join")
    natives(operator.url, range(1, 5))
    wait_until("the tab's update is accepted", lambda: page.evaluate("sent.length") > 0)
    updates = operator.updates()
    assert updates
    # A shard of n images weighs n / 100, so that is what the weights were multiplied by.
    scalar = int(page.inner_text("#data-note").split()[0]) / 100
    weights = np.array(page.evaluate("sent[0]")) * scalar
    plain = np.floor((weights + 100) * 1e10)
    for update in updates:
        seen = np.array(update.masked_model.vect, dtype=np.float64)
        assert len(seen) == len(plain)
        assert not np.isclose(seen, plain, rtol=0, atol=2).any()
        # Uniform below the order: mean 1/2 and no correlation with the weights, at 6 sigma.
        share = seen / ORDER
        assert abs(share.mean() - 0.5) < 6 / np.sqrt(12 * len(share))
        assert abs(np.corrcoef(share, weights)[0, 1]) < 6 / np.sqrt(len(share))
