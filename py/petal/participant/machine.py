"""The participant as a machine: event in, effects out. No clock, no socket, no thread in it."""

from petal.crypto import RandomBytes, SigningKeyPair
from petal.errors import DecodeError, ParticipantError, RoundError
from petal.participant import (
    private,
    round_task,
    snapshot,
    sum_task,
    update_task,
    upload,
    upload_progress,
)
from petal.participant.delays import Delays
from petal.participant.events import (
    Done,
    Effect,
    Elapsed,
    Event,
    Request,
    Scalar,
    Unchanged,
    Wait,
)
from petal.participant.memory import Memory
from petal.participant.notices import StateChanged, Unavailable
from petal.participant.patience import Patience
from petal.participant.stages import FETCH_ANSWERS, Context, Stage, Trouble
from petal.participant.transitions import PATIENT, SENDING, TABLE, Outcome, State, Step
from petal.participant.weights import check_scalar
from petal.privacy import Account, LocalPrivacy
from petal.round import Role, RoundParameters

DEFAULT_MESSAGE_SIZE = 1 << 20

_STAGES: dict[State, Stage] = {
    State.SENDING_SUM: upload.SENDING,
    State.FETCHING_MODEL: round_task.FETCHING_MODEL,
    State.TRAINING: update_task.TRAINING,
    State.AWAITING_SUMS: update_task.AWAITING_SUMS,
    State.MASKING: update_task.MASKING,
    State.SENDING_UPDATE: upload.SENDING,
    State.AWAITING_SEEDS: sum_task.AWAITING_SEEDS,
    State.SUMMING_MASKS: sum_task.SUMMING_MASKS,
    State.SENDING_SUM2: upload.SENDING,
}
_CHECK = Stage(round_task.fetch_params, round_task.check_params, FETCH_ANSWERS)


class Machine:
    """A participant in one coordinator's rounds.

    `start()`, `resume()` and each `receive(event)` give effects: any notices, then at most one
    request, which is to be answered with exactly one event. `Done` needs no answer.
    """

    def __init__(
        self,
        keys: SigningKeyPair,
        *,
        random: RandomBytes,
        scalar: Scalar = 1,
        max_message_size: int = DEFAULT_MESSAGE_SIZE,
        rounds: int | None = None,
        privacy: LocalPrivacy | None = None,
        delays: Delays | None = None,
    ):
        """`scalar` is this participant's weight in the mean, `max_message_size` the largest sealed
        message in bytes, `rounds` how many to see to their end (None: no end), `privacy` what
        noise the updates get (None: none)."""
        if max_message_size < upload.SMALLEST_MESSAGE:
            raise ValueError(f"max_message_size must be at least {upload.SMALLEST_MESSAGE}")
        if rounds is not None and rounds < 1:
            raise ValueError("rounds must be at least 1, or None for no end")
        memory = Memory(keys, check_scalar(scalar), max_message_size, rounds)
        if privacy is not None:
            memory.privacy = private.opened(privacy, memory)
        self._set_up(memory, random, delays)

    def _set_up(self, memory: Memory, random: RandomBytes, delays: Delays | None) -> None:
        self._ctx = Context(memory, random)
        self._delays = delays or Delays()
        self._patience = Patience()
        self._step: Step | None = None
        self._attempt, self._delay = 0, 0.0

    def __repr__(self) -> str:
        return f"<Machine {self.public_key.hex()[:8]} {self.state}>"

    @classmethod
    def restore(
        cls,
        saved: bytes,
        *,
        random: RandomBytes,
        progress: bytes | None = None,
        privacy: LocalPrivacy | None = None,
        delays: Delays | None = None,
    ) -> "Machine":
        """The participant that `save` wrote, here or elsewhere; SnapshotError if it is none.

        `progress` is what `save_progress` gave since, if anything. `resume()` then goes on where
        it stood. `privacy` are new settings, for what comes; what was spent stays spent.
        PrivacyError where the participant was without any.
        """
        machine, memory = cls.__new__(cls), snapshot.decode(saved)
        if progress is not None:
            upload_progress.apply(memory, progress)
        if privacy is not None:
            memory.privacy = private.changed(privacy, memory)
        machine._set_up(memory, random, delays)
        return machine

    def save(self) -> bytes:
        """All of the participant, at any moment. Holds its secret keys: keep it as safe."""
        return snapshot.encode(self._ctx.memory)

    def save_progress(self) -> bytes:
        """What the parts sent since the last `save` changed, while in a state that sends; small."""
        return upload_progress.encode(self._ctx.memory)

    def extend(self, rounds: int | None) -> None:
        """See `rounds` more rounds to their end, counted from now, or go on without end.

        Takes a participant that was done back to work; not to be called while being driven.
        """
        memory = self._ctx.memory
        memory.rounds = None if rounds is None else memory.ended + rounds
        if memory.state is State.FINISHED:
            memory.state, memory.params = State.JOINING, None

    @property
    def state(self) -> State:
        return self._ctx.memory.state

    @property
    def step(self) -> Step | None:
        """What it does in its state; None until `start` or `resume`."""
        return self._step

    @property
    def role(self) -> Role | None:
        """This round's role; NONE also after the coordinator refused a message."""
        return self._ctx.memory.role

    @property
    def params(self) -> RoundParameters | None:
        return self._ctx.memory.params

    @property
    def public_key(self) -> bytes:
        return self._ctx.memory.keys.public

    @property
    def privacy(self) -> Account | None:
        """What of the privacy budget is spent; None where updates are not noised."""
        return self._ctx.memory.privacy

    @property
    def rounds_ended(self) -> int:
        return self._ctx.memory.ended

    def resume(self) -> list[Effect]:
        """Begin, or go on after `restore`, with a look at the round parameters.

        A request that was outstanding is made again.
        """
        if self.state is State.FINISHED:
            return [Done()]
        if self.state in SENDING:
            self._ctx.memory.retried = True
        self._step = Step.CHECKING
        self._patience.forget()
        budget = private.budget(self._ctx.memory)
        return [StateChanged(self.state), *budget, self._request()]

    start = resume

    def receive(self, event: Event) -> list[Effect]:
        """Take the answer to the last request; ParticipantError if it is no answer to that."""
        before = self.state
        self._move(self._interpret(event))
        notices, self._ctx.notices[:] = self._ctx.notices[:], []
        if self.state is not before:
            notices.append(StateChanged(self.state))
        return [*notices, self._request()]

    def _interpret(self, event: Event) -> Outcome:
        stage = self._stage()
        if not self._expects(event, stage):
            raise ParticipantError(f"{type(event).__name__} answers nothing in {self!r}")
        if stage is None:
            return Outcome.ELAPSED
        try:
            return stage.receive(self._ctx, self._patience.heard(event))
        except Trouble as trouble:
            return self._trouble(str(trouble))
        except (DecodeError, RoundError) as error:
            return self._trouble(f"the coordinator's answer makes no sense: {error}")

    def _expects(self, event: Event, stage: Stage | None) -> bool:
        if self._step is None or self.state is State.FINISHED:
            return False
        if isinstance(event, Unchanged) and not self._patience.open:
            return False
        return isinstance(event, stage.answers if stage else Elapsed)

    def _trouble(self, reason: str) -> Outcome:
        self._patience.forget()
        self._attempt += 1
        self._delay = self._delays.failing(self._attempt, self._ctx.random)
        self._ctx.tell(Unavailable(reason, self._attempt, self._delay))
        return Outcome.TROUBLE

    def _stage(self) -> Stage | None:
        if self._step is Step.CHECKING:
            return _CHECK
        return _STAGES.get(self.state) if self._step is Step.WORKING else None

    def _move(self, outcome: Outcome) -> None:
        old, step = self.state, self._step
        self._ctx.memory.state, self._step = TABLE[old, step, outcome]
        if self.state is not old:
            self._patience.looks = 0
        # Looking at the parameters is no success while the state's own work goes on failing.
        failing = outcome in (Outcome.TROUBLE, Outcome.ELAPSED)
        only_looked = outcome is Outcome.SAME and self._step is Step.WORKING
        if not failing and not only_looked:
            self._attempt = 0

    def _request(self) -> Request:
        if self.state is State.FINISHED:
            return Done()
        stage = self._stage()
        if stage:
            request = stage.request(self._ctx)
            patient = (self.state, self._step) in PATIENT
            return self._patience.asking(request, self._ctx.random) if patient else request
        return Wait(self._pause())

    def _pause(self) -> float:
        if self._attempt:
            return self._delay
        if any(self.state is state for state, _ in PATIENT) and self._patience.at_once():
            return 0.0
        return self._delays.polling(self._ctx.random)
