"""The official Xaynet participant, timed where it does the work that ours does.

It runs in its own process against a stub coordinator in this one. A transition of its state
machine asks for the round's parameters and then does one step: deriving and adding the masks of
all seeds is one, masking the model is another. The stub notes what was asked for, which tells the
steps apart.
"""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

from petal.crypto import EncryptionKeyPair, seal
from petal.mask import MaskConfigPair
from petal.round import RoundParameters
from petal.wire import Message, SumPayload, encode_dictionary, encode_params

_CLIENT = Path(__file__).with_name("official_client.py")
_MOST_TICKS = 50


class OfficialFailed(Exception):
    """The official participant did not do what it was started for."""


def installed() -> bool:
    """Whether the compiled participant is there; it has wheels for x86-64 Linux and macOS only."""
    return find_spec("xaynet_sdk") is not None


class Official:
    """A process with the official participant; use as a context manager."""

    def __init__(self, config: MaskConfigPair):
        self._stub = _Stub(config)

    def __enter__(self) -> "Official":
        self._process = subprocess.Popen(
            [sys.executable, str(_CLIENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._stub.close()

    def sum_masks(self, seeds: int, length: int) -> float:
        """Seconds to derive, check and add the masks of so many seeds, in one transition."""
        self._stub.begin(length, sum_prob=1.0, seeds=seeds)
        self._call("new", self._stub.url)
        self._tick_until("/seeds")
        self._call("tick")  # opens the seeds
        return self._call("tick")

    def mask(self, length: int) -> float:
        """Seconds to mask a model that it holds as big rationals already."""
        self._stub.begin(length, sum_prob=-1.0)
        self._call("new", self._stub.url)
        self._call("tick")  # learns the round's parameters, which the model is checked against
        self._call("model", length)
        self._tick_until("/sums")
        self._call("tick")  # takes the model
        return self._call("tick")

    def _tick_until(self, path: str) -> None:
        for _ in range(_MOST_TICKS):
            self._call("tick")
            if path in self._stub.asked:
                return
        raise OfficialFailed(f"it never asked for {path}, only {sorted(self._stub.asked)}")

    def _call(self, *command) -> float:
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise OfficialFailed(f"the official participant ended with {self._process.wait()}")
        return json.loads(answer)


class _Stub:
    """As much of a coordinator as one participant needs to come to the step that is timed."""

    def __init__(self, config: MaskConfigPair):
        self._config, self._keys = config, EncryptionKeyPair.generate()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body are two writes: without this each answer waits 40 ms for an ACK.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._answer(stub.get(self.path.partition("?")[0]))

            def do_POST(self) -> None:
                stub.post(self.rfile.read(int(self.headers["content-length"])))
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                """Say nothing: the table is on this terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def begin(self, length: int, sum_prob: float, seeds: int = 0) -> None:
        """A new round, which makes sum participants of all (probability 1) or of none (-1)."""
        params = RoundParameters(
            self._keys.public, sum_prob, 1.0, os.urandom(32), self._config, length
        )
        self.asked: set[str] = set()
        self._answers = {"/params": encode_params(params), "/sums": self._sums()}
        self._seeds = seeds

    def get(self, path: str) -> bytes:
        self.asked.add(path)
        return self._answers[path]

    def post(self, body: bytes) -> None:
        """The sum message names the key to which the seeds are sealed."""
        message = Message.from_bytes(self._keys.open(body))
        to = SumPayload.from_bytes(message.payload).ephemeral_pk
        sealed = {os.urandom(32): seal(to, os.urandom(32)) for _ in range(self._seeds)}
        self._answers["/seeds"] = encode_dictionary(sealed)

    def _sums(self) -> bytes:
        return encode_dictionary({os.urandom(32): EncryptionKeyPair.generate().public})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
