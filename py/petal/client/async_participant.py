"""Xaynet's `AsyncParticipant`: the user trains anywhere and sets the local model at any time."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from petal.client.background import BackgroundParticipant
from petal.client.http import HttpTransport
from petal.client.local_model import to_weights
from petal.client.xaynet_sdk import GlobalModelDataTypeMisMatch, GlobalModelUnavailable
from petal.errors import DecodeError, LengthMismatchError, TransportError
from petal.participant import GlobalModel, Notice, Trained, TrainingDeferred
from petal.participant.models import MAX_PARAMS_BYTES, decode_global_model, max_model_bytes
from petal.round import RoundParameters
from petal.wire import decode_params

_NPY = {"accept": "application/x-npy, application/octet-stream;q=0.5"}


class AsyncParticipant(BackgroundParticipant):
    """The handle that `spawn_async_participant` returns: a running thread."""

    def __init__(
        self,
        coordinator_url: str,
        notifier: threading.Event,
        state: Sequence[int] | None,
        scalar: float,
    ):
        super().__init__(coordinator_url, state, scalar)
        self._notifier = notifier
        self._local_model: Sequence | np.ndarray | None = None

    def get_global_model(self) -> list | None:
        """The newest global model as a list of numbers, None before there is one.

        GlobalModelUnavailable if the coordinator cannot be asked, GlobalModelDataTypeMisMatch if
        what it publishes is no model of the round in force.
        """
        self._living()
        self._notifier.clear()
        try:
            model = _run(self._fetch_model())
        except (TransportError, DecodeError) as error:
            raise GlobalModelUnavailable(f"failed to fetch global model: {error}") from error
        except LengthMismatchError as error:
            raise GlobalModelDataTypeMisMatch(str(error)) from error
        return None if model is None else model.tolist()

    def set_local_model(self, local_model: Sequence | np.ndarray) -> None:
        """Keep the local model for the next time this participant updates; replaces the last.

        LocalModelLengthMisMatch or LocalModelDataTypeMisMatch if it is not what the round in
        force asks for.
        """
        params = self._living().params
        if params is None:
            params = _params_now(self._url)
        self._local_model = to_weights(local_model, params)

    def stop(self) -> list[int]:
        """End the participant; its state, secret keys included, as a list of byte values.

        `spawn_async_participant(..., state=...)` takes it up again. UninitializedParticipant if
        it was stopped before.
        """
        state = self._stop_and_save()
        self._notifier.clear()
        return state

    async def _train(self, model, params):
        local_model, self._local_model = self._local_model, None
        if local_model is None:
            return TrainingDeferred()
        return Trained(local_model)

    def _observe(self, notice: Notice) -> None:
        super()._observe(notice)
        if isinstance(notice, GlobalModel):
            self._notifier.set()

    async def _fetch_model(self) -> np.ndarray | None:
        async with HttpTransport(self._url) as transport:
            params = await _fetch_params(transport)
            limit = max_model_bytes(params.model_length, params.mask_config)
            answer = await transport.fetch("GET", "model", _NPY, None, limit)
        if answer.status == 204:
            return None
        _expect_200(answer.status)
        return decode_global_model(answer.body, params.model_length, params.mask_config)


async def _fetch_params(transport: HttpTransport) -> RoundParameters:
    answer = await transport.fetch("GET", "params", {}, None, MAX_PARAMS_BYTES)
    _expect_200(answer.status)
    return decode_params(answer.body)


def _run(coroutine: Coroutine):
    """Wait for it, also where this thread has an event loop running, as in a notebook."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _expect_200(status: int) -> None:
    if status != 200:
        raise TransportError(f"the coordinator answered with status {status}", status)


def _params_now(url: str) -> RoundParameters | None:
    async def fetch() -> RoundParameters:
        async with HttpTransport(url) as transport:
            return await _fetch_params(transport)

    try:
        return _run(fetch())
    except (TransportError, DecodeError):
        return None
