"""Messages in chunks: any order, hostile chunks, and bounds on what is kept."""

import random

import pytest

from petal.wire import Chunk, Tag, Upload
from petal_server.multipart import CHUNK_COST, Reassembly
from petal_server.outcome import Outcome, Reason, Receipt, Rejection
from petal_server.phases import PhaseName
from petal_server.settings import MultipartSettings

from .clock import FakeClock
from .harness import ACCEPTED, running
from .members import summers, updaters

pytestmark = pytest.mark.anyio

PENDING = Receipt(Outcome.PENDING)
A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))


def chunk(number, data=b"data", *, message=1, last=False):
    return Chunk(number, message, last, data)


def reassembly(**bounds):
    return Reassembly(MultipartSettings(**bounds), max_message_size=10_000)


def chunked(member, payload, size=300, message_id=7):
    upload = Upload(
        member.keys,
        member.params.coordinator_pk,
        payload.tag,
        payload.to_bytes(),
        max_message_size=size,
        message_id=message_id,
        random=member.draw,
    )
    return [upload.sealed(i) for i in range(len(upload))]


async def test_a_round_of_chunks_in_any_order():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        for member in updaters(coordinator.params, 3):
            bodies = chunked(member, member.update_payload(coordinator.sums))
            assert len(bodies) > 2
            random.Random(member.number).shuffle(bodies)
            receipts = [await coordinator.post(body) for body in bodies]
            assert receipts == [PENDING] * (len(bodies) - 1) + [ACCEPTED]
        assert coordinator.ctx.reassembly.messages == 0
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)


async def test_a_chunk_sent_twice_changes_nothing():
    async with running() as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        bodies = chunked(member, member.update_payload(coordinator.sums))
        for body in [*bodies[:-1], *bodies[:-1]]:
            assert await coordinator.post(body) == PENDING
        assert await coordinator.post(bodies[-1]) == ACCEPTED


async def test_the_last_chunk_again_after_its_answer_was_lost():
    async with running() as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        bodies = chunked(member, member.update_payload(coordinator.sums))
        assert [await coordinator.post(body) for body in bodies][-1] == ACCEPTED
        wanted = Receipt(Outcome.REJECTED, Reason.REPLAYED)
        assert await coordinator.post(bodies[-1]) == wanted
        assert coordinator.ctx.reassembly.messages == 0


async def test_unfinished_messages_are_forgotten_when_the_phase_changes():
    async with running() as coordinator:
        await coordinator.to_update()
        updates = updaters(coordinator.params, 4)
        bodies = chunked(updates[3], updates[3].update_payload(coordinator.sums))
        assert await coordinator.post(bodies[0]) == PENDING
        assert coordinator.ctx.reassembly.messages == 1
        for member in updates[:3]:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        assert coordinator.ctx.reassembly.messages == 0
        late = await coordinator.post(bodies[1])
        assert late == Receipt(Outcome.REJECTED, Reason.WRONG_PHASE)


async def test_a_chunk_that_was_being_opened_when_its_phase_ended(monkeypatch):
    async with running() as coordinator:
        first, late = summers(coordinator.params, 2)
        assert await coordinator.post(first.sum()) == ACCEPTED
        body = chunked(late, late.sum_payload(), size=250)[0]
        run, moved = coordinator.ctx.workers.run, []

        async def slowly(work, *arguments):
            opened = await run(work, *arguments)
            if not moved:
                moved.append(True)
                await coordinator.reaches(PhaseName.UPDATE, after=10)
            return opened

        monkeypatch.setattr(coordinator.ctx.workers, "run", slowly)
        assert await coordinator.post(body) == Receipt(Outcome.REJECTED, Reason.WRONG_PHASE)
        assert coordinator.ctx.reassembly.messages == 0


async def test_a_chunk_without_its_header_is_rejected():
    async with running() as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        body = member.sealed(member.signed(Tag.UPDATE, bytes(7), multipart=True))
        assert await coordinator.post(body) == Receipt(Outcome.REJECTED, Reason.MULTIPART)


async def test_a_complete_message_is_checked_like_any_other():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        payload = sums[0].update_payload(coordinator.sums)
        *first, last = chunked(sums[0], payload)
        for body in first:
            assert await coordinator.post(body) == PENDING
        wanted = Receipt(Outcome.REJECTED, Reason.IS_A_SUM_PARTICIPANT)
        assert await coordinator.post(last) == wanted


async def test_a_payload_longer_than_any_is_dropped():
    async with running() as coordinator:
        member = updaters(coordinator.params, 1)[0]
        await coordinator.to_update()
        for number in range(100):
            piece = Chunk(number, 1, False, bytes(200)).to_bytes()
            receipt = await coordinator.post(
                member.sealed(member.signed(Tag.UPDATE, piece, multipart=True))
            )
            if receipt != PENDING:
                break
        assert receipt == Receipt(Outcome.REJECTED, Reason.MULTIPART)
        assert coordinator.ctx.reassembly.total_size == 0


def test_chunks_that_contradict_each_other_drop_the_message():
    kept = reassembly()
    kept.add(A, Tag.SUM, chunk(0))
    for wrong in (chunk(0, b"other"), chunk(0, last=True)):
        kept.add(A, Tag.SUM, chunk(0))
        with pytest.raises(Rejection) as caught:
            kept.add(A, Tag.SUM, wrong)
        assert caught.value.reason is Reason.MULTIPART
        assert (kept.messages, kept.total_size) == (0, 0)


def test_chunks_of_different_kinds_do_not_mix():
    kept = reassembly()
    kept.add(A, Tag.SUM, chunk(0))
    with pytest.raises(Rejection) as caught:
        kept.add(A, Tag.UPDATE, chunk(1, last=True))
    assert caught.value.reason is Reason.MULTIPART


def test_senders_and_message_ids_are_apart():
    kept = reassembly()
    for sender, message in ((A, 1), (A, 2), (B, 1)):
        assert kept.add(sender, Tag.SUM, chunk(0, sender, message=message)) is None
    for sender, message in ((B, 1), (A, 2), (A, 1)):
        whole = kept.add(sender, Tag.SUM, chunk(1, b"end", message=message, last=True))
        assert whole == sender + b"end"
    assert (kept.messages, kept.total_size) == (0, 0)


def test_a_sender_that_starts_over_loses_its_oldest_message():
    kept = reassembly(max_messages_per_sender=2)
    for message in (1, 2, 3):
        kept.add(A, Tag.SUM, chunk(0, message=message))
    assert kept.messages == 2
    assert kept.add(A, Tag.SUM, chunk(1, message=1, last=True)) is None
    assert kept.add(A, Tag.SUM, chunk(1, message=3, last=True)) == b"datadata"


def test_the_number_of_messages_is_bounded():
    kept = reassembly(max_messages=2)
    kept.add(A, Tag.SUM, chunk(0))
    kept.add(B, Tag.SUM, chunk(0))
    with pytest.raises(Rejection) as caught:
        kept.add(C, Tag.SUM, chunk(0))
    assert caught.value.reason is Reason.MULTIPART_FULL
    kept.add(A, Tag.SUM, chunk(1, last=True))
    assert kept.add(C, Tag.SUM, chunk(0)) is None


def test_the_bytes_of_all_messages_are_bounded_tiny_chunks_included():
    kept = reassembly(max_total_size=1024, max_messages=100, max_messages_per_sender=100)
    fit = 1024 // (CHUNK_COST + 1)
    for number in range(fit):
        kept.add(A, Tag.SUM, chunk(number, b"x", message=number))
    with pytest.raises(Rejection) as caught:
        kept.add(A, Tag.SUM, chunk(fit, b"x", message=fit))
    assert caught.value.reason is Reason.MULTIPART_FULL
    assert (kept.messages, kept.total_size) == (fit, fit * (CHUNK_COST + 1))
    kept.clear()
    assert (kept.messages, kept.total_size) == (0, 0)


def test_a_repeated_chunk_is_counted_once():
    kept = reassembly(max_total_size=1024)
    for _ in range(100):
        kept.add(A, Tag.SUM, chunk(0))
    assert kept.total_size == CHUNK_COST + 4


def test_a_message_of_which_nothing_more_comes_is_forgotten():
    clock = FakeClock()
    kept = Reassembly(MultipartSettings(timeout=60), 10_000, clock.now)
    for sender in (A, B):
        kept.add(sender, Tag.UPDATE, chunk(0))
    clock.advance(59)
    kept.add(B, Tag.UPDATE, chunk(1))
    kept.take_changes()
    clock.advance(2)
    kept.add(C, Tag.UPDATE, chunk(0))
    assert kept.messages == 2
    forgotten, added = kept.take_changes()
    assert forgotten == 1  # The number of A's message, for the store to forget as well.
    assert added.sender == C
    assert kept.add(A, Tag.UPDATE, chunk(1, last=True)) is None
    assert kept.add(B, Tag.UPDATE, chunk(2, last=True)) == b"data" * 3


def test_a_message_taken_up_from_the_store_has_its_time_anew():
    clock = FakeClock()
    first = Reassembly(MultipartSettings(timeout=60), 10_000, clock.now)
    first.add(A, Tag.UPDATE, chunk(0))
    stored = first.take_changes()
    clock.advance(100)
    second = Reassembly(MultipartSettings(timeout=60), 10_000, clock.now)
    second.restore(stored)
    clock.advance(59)
    assert second.add(A, Tag.UPDATE, chunk(1, last=True)) == b"data" * 2


def test_what_is_being_dealt_with_counts():
    kept = reassembly(max_total_size=4000)
    with kept.holding(3000):
        kept.add(A, Tag.UPDATE, chunk(0, bytes(500)))
        with pytest.raises(Rejection) as caught:
            kept.add(B, Tag.UPDATE, chunk(0, bytes(500)))
        assert caught.value.reason is Reason.MULTIPART_FULL
    kept.add(B, Tag.UPDATE, chunk(0, bytes(500)))
