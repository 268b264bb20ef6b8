"""All that a participant knows; what `snapshot` writes and `machine` works on."""

from dataclasses import dataclass, field, fields

import numpy as np

from petal.crypto import RandomBytes, SigningKeyPair
from petal.participant.events import Scalar
from petal.participant.transitions import SENDING, State
from petal.privacy import Account
from petal.round import Role, RoundParameters
from petal.wire import MIN_MESSAGE_SIZE, Tag, Upload
from petal.wire.chunks import MAX_CHUNKS

TAGS = dict(zip(SENDING, (Tag.SUM, Tag.UPDATE, Tag.SUM2), strict=True))


@dataclass(slots=True, repr=False)
class Memory:
    """The participant's own settings, then what belongs to the current round.

    `ended` counts rounds seen to their end, `privacy` what their updates have spent (None: they
    are not noised). `noise_seed` (32) is that of this round's update. `weights` has shape
    (model_length,) in the data type's dtype; `payload` is the whole message being sent, `part`
    the next part of it, `retried` tells that this part may have arrived before, `restarts` how
    often the message began anew.
    """

    keys: SigningKeyPair
    scalar: Scalar
    max_message_size: int
    rounds: int | None
    state: State = State.JOINING
    ended: int = 0
    privacy: Account | None = None
    # Everything below is this round's.
    params: RoundParameters | None = None
    role: Role | None = None
    sum_signature: bytes | None = None
    update_signature: bytes | None = None
    ephemeral_key: bytes | None = None
    model: np.ndarray | None = None
    weights: np.ndarray | None = None
    weights_scalar: Scalar | None = None
    noise_seed: bytes | None = None
    sums: dict[bytes, bytes] | None = None
    mask_seed: bytes | None = None
    seeds: tuple[bytes, ...] | None = None
    payload: bytes | None = None
    message_id: int | None = None
    part: int = 0
    restarts: int = 0
    retried: bool = False
    _upload: Upload | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"<Memory of participant {self.keys.public.hex()[:8]}, {self.state}>"

    @property
    def over(self) -> bool:
        """Whether the participant has seen as many rounds to their end as it was asked to."""
        return self.rounds is not None and self.ended >= self.rounds

    def begin(self, params: RoundParameters) -> None:
        """Forget the last round, secrets first of all, and start this one."""
        if self.params is not None:
            self.ended += 1
        for each in fields(self)[7:]:
            setattr(self, each.name, each.default)
        self.params = params

    def compose(self, payload: bytes, message_id: int) -> None:
        """Have a payload to send, from its first part."""
        self.payload, self.message_id, self.part = payload, message_id, 0
        self.retried = False
        self.forget_upload()

    def sent(self) -> None:
        """Nothing is left to send: let go of the payload."""
        self.payload = self.message_id = None
        self.part = self.restarts = 0
        self.retried = False
        self.forget_upload()

    def forget_upload(self) -> None:
        self._upload = None

    def upload(self, random: RandomBytes) -> Upload:
        """The payload cut into parts, sealed one by one as they are asked for."""
        if self._upload is None:
            # A message has MAX_CHUNKS parts at the most: an enormous one goes out in larger ones.
            smallest = len(self.payload) // MAX_CHUNKS + MIN_MESSAGE_SIZE
            self._upload = Upload(
                self.keys,
                self.params.coordinator_pk,
                TAGS[self.state],
                self.payload,
                max_message_size=max(self.max_message_size, smallest),
                message_id=self.message_id,
                random=random,
            )
        return self._upload
