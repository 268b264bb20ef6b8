"""Whom each global model is shown before it is published: a notary, a ledger, an evaluation.

As Xaynet's trust anchor, which it calls with the unmasked model before broadcasting it. Ours is an
HTTP address or a Python function of the operator's.
"""

import inspect
import os
import pkgutil
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import Protocol

import httpx
import numpy as np

from petal.client.driver import in_thread
from petal.client.http import user_of, without_user
from petal_server.settings import TrustAnchorSettings


class TrustAnchorError(Exception):
    """It did not take the model, or cannot be asked; ``str()`` is for logs and for everybody."""


@dataclass(frozen=True)
class UnmaskedModel:
    """A global model that is not published yet.

    ``id`` is ``ROUND_SEEDHEX``, ``updates`` how many updates it is the mean of. ``npy`` and
    ``bincode`` are the very bytes that ``GET /model`` will answer.
    """

    id: str
    round_id: int
    updates: int
    npy: bytes = field(repr=False)
    bincode: bytes = field(repr=False)

    @property
    def weights(self) -> np.ndarray:
        """The model, shape (length,), in the data type's dtype."""
        return np.load(BytesIO(self.npy), allow_pickle=False)


class TrustAnchor(Protocol):
    """What a coordinator asks of it."""

    async def publish_proof(self, model: UnmaskedModel) -> None:
        """Return if the model may be published; raise if not, or if that cannot be settled.

        After a crash it is asked again, for the same model with the same ``id``.
        """


class HttpTrustAnchor:
    """Posts the model's ``.npy``; any 2xx takes it. Redirects are not followed."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._user, self._timeout = without_user(url), user_of(url), timeout

    async def publish_proof(self, model: UnmaskedModel) -> None:
        try:
            async with (
                httpx.AsyncClient(auth=self._user, timeout=self._timeout) as client,
                client.stream(
                    "POST", self._url, content=model.npy, headers=_headers(model)
                ) as answer,
            ):
                if not answer.is_success:
                    raise TrustAnchorError(f"it answered with status {answer.status_code}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not the error's text: the address may hold a password.
            raise TrustAnchorError(f"it cannot be reached: {type(error).__name__}") from error


def _headers(model: UnmaskedModel) -> dict[str, str]:
    """What a receiver needs to know; the digest is RFC 9530's."""
    digest = b64encode(sha256(model.npy).digest()).decode()
    return {
        "Content-Type": "application/x-npy",
        "Content-Digest": f"sha-256=:{digest}:",
        "Petal-Model-Id": model.id,
        "Petal-Updates": str(model.updates),
    }


class PythonTrustAnchor:
    """Calls a function with the model; a plain one runs in a thread."""

    def __init__(self, function: Callable[[UnmaskedModel], object]) -> None:
        self._function = function

    async def publish_proof(self, model: UnmaskedModel) -> None:
        if inspect.iscoroutinefunction(self._function):
            await self._function(model)
        else:
            # Not one of the pool's threads: one that hangs would be missing for messages.
            result = await in_thread(self._function, model)
            if inspect.isawaitable(result):  # of an object with a coroutine as its __call__, say
                await result


def trust_anchor_of(settings: TrustAnchorSettings) -> TrustAnchor | None:
    """The one that the settings name; None where they name none.

    Raises:
        TrustAnchorError: There is no such function.
    """
    if settings.url:
        return HttpTrustAnchor(settings.url, settings.timeout)
    return PythonTrustAnchor(_function(settings.call)) if settings.call else None


def _function(name: str) -> Callable[[UnmaskedModel], object]:
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # where an operator's own file lies
    try:
        function = pkgutil.resolve_name(name)
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        raise TrustAnchorError(f"{name} cannot be imported: {detail}") from error
    if not callable(function):
        raise TrustAnchorError(f"{name} is no function")
    return function
