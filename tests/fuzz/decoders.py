"""Each decoder with what it must keep to: a named error, or something that encodes back."""

from hashlib import sha256

from petal import mask, wire
from petal.errors import DecodeError, LengthMismatchError, SnapshotError
from petal.participant import REQUESTS, Fetched, Machine, State
from petal.participant.models import decode_global_model
from petal.participant.snapshot import MAGIC

F32 = mask.MaskConfigPair.of(mask.MaskConfig.parse("Prime/F32/B0/M3"))


def reads_back(decode, encode, refusals=DecodeError):
    """A target for one decoder: what it takes, `encode` gives again to the last byte."""

    def target(data: bytes) -> None:
        try:
            decoded = decode(data)
        except refusals:
            return
        encoded = encode(decoded)
        assert encoded == data, f"{data.hex()} was read, {encoded.hex()} written"

    return target


def global_model(data: bytes) -> None:
    try:
        weights = decode_global_model(data, 4, F32)
    except (DecodeError, LengthMismatchError):
        return
    assert (weights.shape, weights.dtype) == ((4,), "<f4")


def snapshot(data: bytes) -> None:
    """Refused by name, or taken up as it was and able to go on."""
    try:
        machine = Machine.restore(data, random=bytes)
    except SnapshotError:
        return
    assert machine.save() == data, "taken up as something else"
    assert isinstance(machine.resume()[-1], REQUESTS)
    if machine.params is not None and machine.state is not State.FINISHED:
        # The round is the same: now it must be able to do what its state is about.
        same = Fetched("params", 200, wire.encode_params(machine.params))
        assert isinstance(machine.receive(same)[-1], REQUESTS)


def snapshot_inside(data: bytes) -> None:
    """With magic and checksum made right, so that what is between them is read."""
    body = MAGIC + data
    snapshot(body + sha256(body).digest())


def chunks(data: bytes) -> None:
    """A series of chunks, each with a length in front: bounded, whatever comes."""
    assembler, rest = wire.Assembler(256), data
    while rest:
        size, part, rest = rest[0], rest[1 : rest[0] + 1], rest[rest[0] + 1 :]
        before = assembler.nbytes, len(assembler)
        try:
            whole = assembler.add(wire.Chunk.from_bytes(part))
        except DecodeError:
            assert before == (assembler.nbytes, len(assembler)), f"changed by a refusal of {size}"
            continue
        assert assembler.nbytes <= 256
        assert whole is None or len(whole) == assembler.nbytes


def payload(tag: wire.Tag):
    return reads_back(lambda data: wire.parse_payload(tag, data), lambda p: p.to_bytes())


DECODERS = {
    "sum": payload(wire.Tag.SUM),
    "update": payload(wire.Tag.UPDATE),
    "sum2": payload(wire.Tag.SUM2),
    "mask_object": reads_back(mask.MaskObject.from_bytes, lambda o: o.to_bytes()),
    "message": reads_back(wire.Message.from_bytes, lambda m: m.to_bytes()),
    "chunk": reads_back(wire.Chunk.from_bytes, lambda c: c.to_bytes()),
    "params": reads_back(wire.decode_params, wire.encode_params),
    "sums": reads_back(lambda d: wire.decode_dictionary(d, 32), wire.encode_dictionary),
    "seeds": reads_back(
        lambda d: wire.decode_dictionary(d, wire.SEALED_SEED_SIZE), wire.encode_dictionary
    ),
    "model": reads_back(wire.decode_model, wire.encode_model),
    # Latin-1 is what HTTP headers arrive as; every byte is a character of it.
    "enrolment": reads_back(
        lambda d: wire.EnrolmentToken.parse(d.decode("latin-1")), lambda t: str(t).encode("latin-1")
    ),
    "global_model": global_model,
    "snapshot": snapshot,
    "snapshot_inside": snapshot_inside,
    "chunks": chunks,
}
