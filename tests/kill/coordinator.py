"""The real `petal serve`, which is killed and started again on the same folder and port."""

import json
import os
import re
import subprocess
import sys
import threading
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import httpx

from petal.wire import decode_dictionary

from .weights import LENGTH

ROOT = Path(__file__).parents[2]
PATIENCE = 60
LOST = httpx.TransportError
CONFIG = """
[api]
bind_address = "127.0.0.1:{port}"
[log]
format = "json"
[web]
enable = false
[model]
length = {length}
[round]
failure_delay = 0.05
[storage]
path = "{folder}"
keep_models = 0
checkpoint_size = 30000
[pet.sum]
prob = 0.3
count = {{ min = 1, max = 20 }}
time = {{ min = 0.3, max = 8 }}
[pet.update]
prob = 1.0
count = {{ min = 3, max = 20 }}
time = {{ min = 0.5, max = 8 }}
[pet.sum2]
count = {{ min = 1, max = 20 }}
time = {{ min = 0.3, max = 8 }}
"""


class Coordinator:
    """A coordinator's process, one after the other; `log` holds what all of them logged."""

    def __init__(self, folder: Path):
        self.folder, self.data = folder, folder / "data"
        self.port, self.log, self.unreadable = 0, [], []
        self._client = httpx.Client(timeout=PATIENCE)

    def start(self) -> None:
        """Start the process; it may take a while to listen."""
        config = self.folder / "config.toml"
        config.write_text(CONFIG.format(port=self.port, length=LENGTH, folder=self.data))
        command = "from petal_server.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", command, "serve", "-c", config],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if not k.startswith(("PETAL__", "XAYNET__"))},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [threading.Thread(target=self._read_log)]
        self._readers[0].start()

    def wait_until_it_listens(self) -> str:
        """Its address; AssertionError with its log if it ends instead."""
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, (line, self.process.wait(PATIENCE), self.log[-5:], self.unreadable[-5:])
        self.port = int(found[1])
        return found[0]

    def _read_log(self) -> None:
        for line in self.process.stderr:
            try:
                self.log.append(json.loads(line))
            except json.JSONDecodeError:  # cut off by the kill, or a traceback
                self.unreadable.append(line)

    def end(self, how: str = "kill") -> int:
        """`kill` it as kill -9 does, or `terminate` it; the exit status."""
        getattr(self.process, how)()
        status = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            self.end()
        self._client.close()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._client.get(f"http://127.0.0.1:{self.port}/{path}", headers=headers)

    def shown(self) -> dict[str, bytes | int | None]:
        """The round's number and all that GET answers, by path.

        Nothing if the round changed in between, or nobody is there.
        """
        try:
            params, number = self.get("params").content, self.get("status").json()["round_id"]
            paths = ["sums", *map(_seeds_path, self._sum_pks())]
            found = {path: _body(self.get(path)) for path in paths}
            model = self.get("model")
            same = self.get("params").content == params
        except LOST:
            return {}
        model_id = model.headers.get("petal-model-id")
        found |= {"round": number, "params": params, f"model {model_id}": _body(model)}
        return found if same else {}

    def _sum_pks(self) -> list[bytes]:
        body = _body(self.get("sums"))
        return list(decode_dictionary(body, 32)) if body else []


def _seeds_path(pk: bytes) -> str:
    return f"seeds?pk={quote(b64encode(pk))}"


def _body(answer: httpx.Response) -> bytes | None:
    assert answer.status_code in (200, 204), answer
    return answer.content if answer.status_code == 200 else None
