"""Xaynet's `ParticipantABC`: the participant calls the user's training code."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from petal.client.background import LOG, BackgroundParticipant
from petal.client.local_model import to_weights
from petal.client.xaynet_sdk import LocalModelDataTypeMisMatch, LocalModelLengthMisMatch
from petal.participant import GlobalModel, Notice, Trained, TrainingDeferred, TrainingFailed

TrainingResult = TypeVar("TrainingResult")
TrainingInput = TypeVar("TrainingInput")


class ParticipantABC(ABC):
    """What a user writes; all methods are called in the participant's own thread."""

    @abstractmethod
    def train_round(self, training_input: TrainingInput | None) -> TrainingResult:
        """Train, from the global model or, while there is none, from None; the local model."""

    @abstractmethod
    def serialize_training_result(self, training_result: TrainingResult) -> list:
        """The local model as a list or numpy array of the round's length and data type."""

    @abstractmethod
    def deserialize_training_input(self, global_model: list) -> TrainingInput:
        """What `train_round` wants, from the global model as a list of numbers."""

    def participate_in_update_task(self) -> bool:
        """Whether to train now; while this says no it is asked again, until the round is over."""
        return True

    def on_new_global_model(self, global_model: TrainingInput | None) -> None:  # noqa: B027
        """Called in every new round with the deserialised global model; None before the first."""

    def on_stop(self) -> None:  # noqa: B027, both may be left out
        """Called by `stop`, in the thread that calls it."""


class InternalParticipant(BackgroundParticipant):
    """The handle that `spawn_participant` returns: a running thread."""

    def __init__(
        self,
        coordinator_url: str,
        participant: type[ParticipantABC],
        p_args: Sequence,
        p_kwargs: dict,
        state: Sequence[int] | None,
        scalar: float,
    ):
        super().__init__(coordinator_url, state, scalar)
        self._make_participant = lambda: participant(*p_args, **p_kwargs)
        self._participant: ParticipantABC | None = None
        self._global_model = None

    def run(self) -> None:
        """Make the user's object here, as machine learning libraries want it, and take part."""
        try:
            self._participant = self._make_participant()
        except BaseException:
            self._stopped.set()
            raise
        super().run()

    async def _train(self, model, params):
        if not self._participant.participate_in_update_task():
            return TrainingDeferred()
        result = self._participant.train_round(self._global_model)
        local_model = self._participant.serialize_training_result(result)
        try:
            return Trained(to_weights(local_model, params))
        except (LocalModelLengthMisMatch, LocalModelDataTypeMisMatch) as error:
            LOG.warning("failed to set local model: %s", error)
            return TrainingFailed(str(error))

    def _observe(self, notice: Notice) -> None:
        super()._observe(notice)
        if isinstance(notice, GlobalModel):
            self._global_model = None
            if notice.weights is not None:
                values = notice.weights.tolist()
                self._global_model = self._participant.deserialize_training_input(values)
            self._participant.on_new_global_model(self._global_model)

    def stop(self) -> list[int]:
        """End the participant; its state, secret keys included, as a list of byte values.

        `spawn_participant(..., state=...)` takes it up again. Waits for a training under way.
        UninitializedParticipant if it was stopped before.
        """
        state = self._stop_and_save()
        if self._participant is not None:
            self._participant.on_stop()
        return state
