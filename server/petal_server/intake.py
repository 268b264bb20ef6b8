"""From the bytes of a POST to a receipt: the checks before the phase's own, in protocol order.

Opening, verifying and parsing run in threads; what they find is only used if the phase has not
changed meanwhile.
"""

from dataclasses import dataclass, field

import structlog

from petal.crypto import seal, verify
from petal.errors import DecodeError, PetalError, SealedBoxError, SignatureError
from petal.round import RoundParameters, eligible, sum_task, update_task
from petal.wire import Chunk, Message, Sum2Payload, SumPayload, Tag, UpdatePayload, parse_payload
from petal_server.admission import Admission
from petal_server.events import MessageHandled
from petal_server.inbox import Request
from petal_server.outcome import Outcome, Reason, Receipt, Rejection
from petal_server.phases import Context, PhaseName
from petal_server.storage import CoordinatorState, StorageError, StoredChunk

log = structlog.get_logger("petal.intake")

Payload = SumPayload | UpdatePayload | Sum2Payload


@dataclass
class _Sender:
    """What the log may say of a message, filled in as far as the checks get."""

    participant: str = "unknown"
    tag: str | None = None
    detail: str | None = None


@dataclass
class _Arrival:
    """When a message came, and who sent it."""

    round_id: int
    phase: PhaseName
    at: float
    sender: _Sender = field(default_factory=_Sender)


class Intake:
    """Receives messages for the coordinator whose context it is given.

    ``max_message_size`` bounds one POST's body in bytes.
    """

    def __init__(self, ctx: Context, max_message_size: int, admission: Admission) -> None:
        self._ctx, self._admission = ctx, admission
        self.max_message_size = max_message_size

    async def receive(self, body: bytes | bytearray, enrolment: str | None = None) -> Receipt:
        """Check a sealed message and hand it to the phase. Never raises for what is in it.

        ``enrolment`` is the token that came with it, as it came.
        """
        arrival = self._arrival()
        try:
            receipt = await self._receive(body, enrolment, arrival.sender)
        except Rejection as rejection:
            receipt = self._reject(arrival.phase, rejection.reason)
            arrival.sender.detail = str(rejection)
        except StorageError as error:
            # The phase would not notice by itself that the store lost a chunk.
            self._ctx.inbox.fail(error)
            receipt = self._reject(arrival.phase, Reason.COORDINATOR_ERROR)
        self._tell(receipt, arrival)
        return receipt

    def refuse_too_large(self) -> Receipt:
        """The receipt for a body that was not read to its end because it is too long."""
        arrival = self._arrival()
        receipt = self._reject(arrival.phase, Reason.TOO_LARGE)
        self._tell(receipt, arrival)
        return receipt

    def _arrival(self) -> _Arrival:
        ctx = self._ctx
        return _Arrival(ctx.state.round_id, ctx.phase, ctx.clock.now())

    def _tell(self, receipt: Receipt, arrival: _Arrival) -> None:
        _log(receipt, arrival.phase, arrival.sender)
        took = self._ctx.clock.now() - arrival.at
        self._ctx.events.tell(MessageHandled(arrival.round_id, arrival.phase, receipt, took))

    def _reject(self, phase: PhaseName, reason: Reason) -> Receipt:
        self._ctx.counts[phase][Outcome.REJECTED] += 1
        return Receipt(Outcome.REJECTED, reason)

    async def _receive(
        self, body: bytes | bytearray, enrolment: str | None, sender: _Sender
    ) -> Receipt:
        ctx = self._ctx
        state, phase = ctx.state, ctx.phase
        if len(body) > self.max_message_size:
            raise Rejection(Reason.TOO_LARGE)
        message = await ctx.workers.run(self._admit, body, enrolment, state, phase.tag, sender)
        if not message.multipart:
            return await self._submit(message, message.payload, state)
        await self._refuse_more(message)
        self._still(state, phase)
        payload = self._reassemble(message)
        changes = ctx.reassembly.take_changes()
        if payload is None:
            await self._store(changes)
            await ctx.store.commit()
            return Receipt(Outcome.PENDING)
        try:
            with ctx.reassembly.holding(len(payload)):
                return await self._submit(message, payload, state)
        finally:
            # Only now: until the whole message is stored, its chunks have to be.
            await self._forget(changes)

    def _admit(
        self,
        body: bytes | bytearray,
        enrolment: str | None,
        state: CoordinatorState,
        expected: Tag | None,
        sender: _Sender,
    ) -> Message:
        message = _open(body, state, expected, sender)
        self._admission.check(enrolment, message.participant_pk)
        return message

    async def _refuse_more(self, message: Message) -> None:
        """Keep no chunk of who has had such a message accepted.

        It may be the last one sent again, after its answer was lost: no others will come.
        """
        store = self._ctx.store
        if await store.has_added(message.tag, message.participant_pk):
            await store.commit()
            raise Rejection(Reason.REPLAYED)

    async def _submit(
        self, message: Message, payload: bytes | memoryview, state: CoordinatorState
    ) -> Receipt:
        pk, tag = message.participant_pk, message.tag
        parsed = await self._ctx.workers.run(_parse, tag, payload, pk, state.params)
        return await self._ctx.inbox.submit(Request(state.round_id, tag, pk, parsed))

    async def _forget(self, changes: list[StoredChunk | int]) -> None:
        """What became of the message is decided: a store that fails now is the round's trouble."""
        try:
            await self._store(changes)
        except StorageError as error:
            self._ctx.inbox.fail(error)

    async def _store(self, changes: list[StoredChunk | int]) -> None:
        """Have the store keep a chunk, or forget the message with a number."""
        for change in changes:
            if isinstance(change, StoredChunk):
                await self._ctx.store.add_chunk(change)
            else:
                await self._ctx.store.drop_chunks(change)

    def _still(self, state: CoordinatorState, phase: PhaseName) -> None:
        if self._ctx.state is not state or self._ctx.phase is not phase:
            raise Rejection(Reason.WRONG_PHASE)

    def _reassemble(self, message: Message) -> bytes | None:
        try:
            chunk = Chunk.from_bytes(message.payload)
        except DecodeError as error:
            raise Rejection(Reason.MULTIPART, str(error)) from error
        return self._ctx.reassembly.add(message.participant_pk, message.tag, chunk)


def _open(
    body: bytes | bytearray, state: CoordinatorState, expected: Tag | None, sender: _Sender
) -> Message:
    """The checks on the envelope; fills in ``sender`` on the way."""
    try:
        message = Message.from_bytes(state.keys.open(body))
    except SealedBoxError as error:
        raise Rejection(Reason.SEALED_BOX, str(error)) from error
    except DecodeError as error:
        raise Rejection(Reason.MALFORMED, str(error)) from error
    sender.participant = message.participant_pk.hex()[:8]
    sender.tag = message.tag.name.lower()
    if message.tag is not expected:
        raise Rejection(Reason.WRONG_PHASE)
    try:
        message.verify()
    except SignatureError as error:
        raise Rejection(Reason.SIGNATURE, str(error)) from error
    if message.coordinator_pk != state.keys.public:
        raise Rejection(Reason.WRONG_COORDINATOR)
    return message


def _parse(tag: Tag, payload: bytes, pk: bytes, params: RoundParameters) -> Payload:
    """The checks on the payload: that it parses, and that its sender has this task."""
    try:
        parsed = parse_payload(tag, payload)
        if tag is Tag.SUM:
            # To a key of low order nobody can seal a seed: one would stop every honest update.
            seal(parsed.ephemeral_pk, b"")
    except PetalError as error:
        raise Rejection(Reason.PAYLOAD, str(error)) from error
    _check_signature(pk, sum_task(params.seed), parsed.sum_signature, Reason.SUM_SIGNATURE)
    sums = eligible(parsed.sum_signature, params.sum_prob)
    if tag is not Tag.UPDATE:
        if not sums:
            raise Rejection(Reason.NOT_A_SUM_PARTICIPANT)
        return parsed
    if sums:
        raise Rejection(Reason.IS_A_SUM_PARTICIPANT)
    signature = parsed.update_signature
    _check_signature(pk, update_task(params.seed), signature, Reason.UPDATE_SIGNATURE)
    if not eligible(signature, params.update_prob):
        raise Rejection(Reason.NOT_AN_UPDATE_PARTICIPANT)
    return parsed


def _check_signature(pk: bytes, task: bytes, signature: bytes, reason: Reason) -> None:
    try:
        verify(pk, task, signature)
    except SignatureError as error:
        raise Rejection(reason, str(error)) from error


def _log(receipt: Receipt, phase: PhaseName, sender: _Sender) -> None:
    facts = {"phase": phase.value, "participant": sender.participant, "tag": sender.tag}
    if receipt.reason is None:
        log.debug(f"message {receipt.outcome.value}", **facts)
        return
    detail = {"detail": sender.detail} if sender.detail not in (None, receipt.reason) else {}
    log.info(f"message {receipt.outcome.value}", reason=receipt.reason.value, **facts, **detail)
