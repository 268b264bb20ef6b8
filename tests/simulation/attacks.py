"""What attackers send. Each attack gives letters, with what they are to be rejected for.

An attack is `attack(forger, tag)`; `tag` is the kind of message that the phase takes.
"""

from dataclasses import replace

from petal.mask import GroupType, MaskConfig, MaskConfigPair, MaskObject, group
from petal.round import Role
from petal.wire import Chunk, Tag
from petal_server.outcome import Reason

from . import exact
from .letters import Draft, Vote

LOW_ORDER_KEYS = (bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f")


def _valid(forger, tag):
    sender = forger.sender(tag)
    return sender, *forger.payload(tag, sender)


def join_in(forger, tag):
    """A participant like any other, as far as anybody can see."""
    sender, payload, content = _valid(forger, tag)
    if tag is Tag.SUM:
        forger.registered.append(sender)
    return [forger.write(sender, tag, payload, content)]


def join_in_parts(forger, tag):
    sender, payload, content = _valid(forger, tag)
    if tag is Tag.SUM:
        forger.registered.append(sender)
    size = max(len(payload.to_bytes()) // forger.rng.randint(1, 6), 1)
    letters = forger.parts(sender, tag, payload, content, size)
    letters += forger.rng.choices(letters, k=forger.rng.randint(0, 2))
    forger.rng.shuffle(letters)
    return letters


def twice(forger, tag):
    """One identity, two messages of different content: the first to come counts."""
    sender, first, content = _valid(forger, tag)
    if tag is Tag.SUM:
        other = forger.identity(Role.SUM)
        second, changed = replace(first, ephemeral_pk=other.ephemeral.public), None
    elif tag is Tag.UPDATE:
        second, changed = forger.update(sender)
    else:
        second, changed = _wrong_vote(forger, first)
    return [
        forger.write(sender, tag, first, content),
        forger.write(sender, tag, second, changed),
    ]


def garbage(forger, tag):
    sender = forger.identity(Role.SUM)
    body = forger.rng.randbytes(forger.rng.randrange(400))
    return [forger.letter(sender, tag, body, flaw=Reason.SEALED_BOX)]


def damaged_box(forger, tag):
    sender, payload, _ = _valid(forger, tag)
    body = bytearray(forger.sealed(forger.signed(sender, tag, payload.to_bytes())))
    if forger.rng.random() < 0.5:
        body = body[: forger.rng.randrange(len(body))]
    else:
        body[forger.rng.randrange(len(body))] ^= 1 << forger.rng.randrange(8)
    return [forger.letter(sender, tag, bytes(body), flaw=Reason.SEALED_BOX)]


def damaged_message(forger, tag):
    """Truncated, with something behind it, with other tag or flags, or no message at all."""
    sender, payload, _ = _valid(forger, tag)
    rng, signed = forger.rng, forger.signed(sender, tag, payload.to_bytes())
    body = rng.choice(
        (
            signed[: rng.randrange(len(signed))],
            signed + rng.randbytes(rng.randint(1, 9)),
            rng.randbytes(rng.randrange(300)),
            signed[:132] + rng.choice((b"\0", b"\x04", b"\xff")) + signed[133:],
            signed[:133] + rng.choice((b"\x02", b"\x80")) + signed[134:],
            signed[:134] + rng.choice((b"\0\1", b"\1\0")) + signed[136:],
        )
    )
    return [forger.letter(sender, tag, forger.sealed(body), flaw=Reason.MALFORMED)]


def wrong_signature(forger, tag):
    sender, payload, _ = _valid(forger, tag)
    signed = bytearray(forger.signed(sender, tag, payload.to_bytes()))
    signed[forger.rng.randrange(64)] ^= 1 << forger.rng.randrange(8)
    return [forger.letter(sender, tag, forger.sealed(bytes(signed)), flaw=Reason.SIGNATURE)]


def impersonation(forger, tag):
    """In the name of an honest participant, signed with another key."""
    sender, payload, _ = _valid(forger, tag)
    victim = forger.rng.choice(forger.world.peers).keys.public
    signed = forger.signed(sender, tag, payload.to_bytes())
    signed = signed[:64] + victim + signed[96:]
    return [forger.letter(sender, tag, forger.sealed(signed), flaw=Reason.SIGNATURE)]


def other_coordinator(forger, tag):
    sender, payload, _ = _valid(forger, tag)
    elsewhere = replace(forger.params, coordinator_pk=sender.ephemeral.public)
    signed = type(forger)(forger.world, forger.rng, elsewhere).signed(
        sender, tag, payload.to_bytes()
    )
    return [forger.letter(sender, tag, forger.sealed(signed), flaw=Reason.WRONG_COORDINATOR)]


def damaged_payload(forger, tag):
    sender, payload, _ = _valid(forger, tag)
    rng, data = forger.rng, payload.to_bytes()
    damaged = rng.choice((data[: rng.randrange(len(data))], data + b"\0", rng.randbytes(50)))
    body = forger.sealed(forger.signed(sender, tag, damaged))
    return [forger.letter(sender, tag, body, flaw=Reason.PAYLOAD)]


def another_s_signature(forger, tag):
    """A task signature that somebody else made, to get at a role that was not drawn."""
    sender, payload, _ = _valid(forger, tag)
    other = forger.identity(Role.SUM if tag is not Tag.UPDATE else Role.UPDATE).tasks
    if tag is Tag.UPDATE and forger.rng.random() < 0.5:
        payload = replace(payload, update_signature=other.update_signature)
        return [forger.write(sender, tag, payload, flaw=Reason.UPDATE_SIGNATURE)]
    payload = replace(payload, sum_signature=other.sum_signature)
    return [forger.write(sender, tag, payload, flaw=Reason.SUM_SIGNATURE)]


def wrong_role(forger, tag):
    """Properly signed by somebody whom the lot gave another role."""
    luckless = forger.params.update_prob < 1 and forger.rng.random() < 0.5
    if tag is not Tag.UPDATE:
        role, flaw = Role.UPDATE, Reason.NOT_A_SUM_PARTICIPANT
    elif luckless:
        role, flaw = Role.NONE, Reason.NOT_AN_UPDATE_PARTICIPANT
    else:
        role, flaw = Role.SUM, Reason.IS_A_SUM_PARTICIPANT
    sender = forger.identity(role)
    return [forger.write(sender, tag, forger.payload(tag, sender)[0], flaw=flaw)]


def too_large(forger, tag):
    limit = forger.world.host.app.state.intake.max_message_size
    return [forger.letter(forger.identity(Role.SUM), tag, bytes(limit + 1))]


def contradicting_parts(forger, tag):
    sender, message_id = forger.identity(Role.SUM), forger.rng.randrange(1 << 16)
    first = [Chunk(0, message_id, False, data).to_bytes() for data in (b"one", b"two")]
    bad = forger.rng.choice((first[1], b"short", first[0][:4] + b"\x07\0\0\0x"))
    return [
        _part(forger, sender, tag, first[0]),
        _part(forger, sender, tag, bad),
    ]


def endless_parts(forger, tag):
    """A message that never ends; its sender may be dropped for it, nothing else may happen."""
    sender, message_id = forger.identity(Role.SUM), forger.rng.randrange(1 << 16)
    chunks = [Chunk(i, message_id, False, forger.rng.randbytes(900)) for i in range(12)]
    return [_part(forger, sender, tag, chunk.to_bytes()) for chunk in chunks]


def hoarded_parts(forger, tag):
    """Beginnings of many messages by many senders."""
    return [
        _part(forger, forger.identity(Role.SUM), tag, Chunk(1, i, False, b"x").to_bytes())
        for i in range(8)
    ]


def _part(forger, sender, tag, data):
    """A part of something that never becomes whole."""
    body = forger.sealed(forger.signed(sender, tag, data, multipart=True))
    return forger.letter(sender, tag, body, flaw=Reason.MULTIPART, part=True)


def wrong_object(forger, tag):
    """A masked model, or a vote, that cannot be part of this round's sum."""
    sender, payload, _ = _valid(forger, tag)
    name = "masked_model" if tag is Tag.UPDATE else "mask"
    found, config = getattr(payload, name), forger.params.mask_config
    other = next(kind for kind in GroupType if kind is not config.vect.group)
    foreign = MaskConfig(other, config.vect.data, config.vect.bound, config.vect.model)
    wrong = {
        Reason.MASK_CONFIG: _object(MaskConfigPair(foreign, config.unit), found.vect, 1),
        Reason.MODEL_LENGTH: _object(config, found.vect[:-1], found.unit),
    }
    highest = 256**config.vect.bytes_per_number - 1
    if highest >= config.vect.order:
        wrong[Reason.ELEMENT_OUT_OF_RANGE] = _object(
            config, [*found.vect[:-1], highest], found.unit
        )
    flaw = forger.rng.choice(list(wrong))
    return [forger.write(sender, tag, replace(payload, **{name: wrong[flaw]}), flaw=flaw)]


def _object(config, vect, unit):
    config = MaskConfigPair.of(config)
    vect = [min(number, 256**config.vect.bytes_per_number - 1) for number in vect]
    return MaskObject(config, group.from_ints(vect, config.vect.limbs), unit)


def wrong_keys(forger, tag):
    """Seeds for other sum participants than the sum dictionary has."""
    sender, payload, draft = _valid(forger, tag)
    keys, rng = list(draft.claims), forger.rng
    stranger = forger.identity(Role.SUM).pk
    chosen = rng.choice((keys[1:], [*keys, stranger], [*keys[1:], stranger], []))
    payload, draft = forger.with_claims(payload, draft, dict.fromkeys(chosen, draft.seed))
    return [forger.write(sender, tag, payload, draft)]


def wrong_seeds(forger, tag):
    """Seeds of another mask than the model is masked with, the same to all or to each its own."""
    sender, payload, draft = _valid(forger, tag)
    rng, lie = forger.rng, forger.rng.randbytes(32)
    told = (lambda: lie), (lambda: rng.randbytes(32)), (lambda: rng.choice((draft.seed, lie)))
    tell = rng.choice(told)
    claims = {pk: tell() for pk in draft.claims}
    payload, draft = forger.with_claims(payload, draft, claims)
    return [forger.write(sender, tag, payload, draft)]


def sealed_noise(forger, tag):
    """Seeds that do not open, for some or all sum participants."""
    sender, payload, draft = _valid(forger, tag)
    claims = {pk: forger.rng.choice((None, draft.seed)) for pk in draft.claims}
    payload, draft = forger.with_claims(payload, draft, claims)
    return [forger.write(sender, tag, payload, draft)]


def poison(forger, tag):
    """Group elements that stand for weights and a scalar far beyond every bound."""
    sender, payload, draft = _valid(forger, tag)
    config = forger.params.mask_config
    coded = exact.Elements(*map(_tupled, forger.noise(config)))
    masked = coded.plus(draft.mask, config)
    payload = replace(payload, masked_model=_object(config, masked.vect, masked.unit))
    draft = Draft(coded, draft.mask, draft.seed, draft.claims, None)
    return [forger.write(sender, tag, payload, draft)]


def _tupled(value):
    return tuple(value) if isinstance(value, list) else value


def wrong_vote(forger, tag):
    sender, payload, _ = _valid(forger, tag)
    return [forger.write(sender, tag, *_wrong_vote(forger, payload))]


def _wrong_vote(forger, payload):
    config = forger.params.mask_config
    vect, unit = forger.noise(config)
    vote = Vote(exact.Elements(tuple(vect), unit), honest=False)
    return replace(payload, mask=_object(config, vect, unit)), vote


def stranger_s_vote(forger, tag):
    """By somebody who may sum, but did not register."""
    sender = forger.identity(Role.SUM)
    return [forger.write(sender, tag, *forger.payload(tag, sender))]


def blocking_key(forger, tag):
    """A key that nobody can seal anything to: honest updates would be impossible."""
    sender, payload, _ = _valid(forger, tag)
    payload = replace(payload, ephemeral_pk=forger.rng.choice(LOW_ORDER_KEYS))
    return [forger.write(sender, tag, payload, flaw=Reason.PAYLOAD)]


def replay(forger, tag):
    """Messages of other people, of this round and of old ones, once more."""
    seen = forger.world.network.seen
    return [forger.rng.choice(seen) for _ in range(3)] if seen else []


ANY = (
    join_in,
    join_in_parts,
    twice,
    garbage,
    damaged_box,
    damaged_message,
    wrong_signature,
    impersonation,
    other_coordinator,
    damaged_payload,
    another_s_signature,
    wrong_role,
    too_large,
    contradicting_parts,
    endless_parts,
    hoarded_parts,
    replay,
)
HARMLESS = {
    Tag.SUM: ANY,
    Tag.UPDATE: (*ANY, wrong_object, wrong_keys),
    Tag.SUM2: (*ANY, wrong_object, stranger_s_vote),
}
# What no rule of the protocol can refuse: these are to cost a round at the most, by name.
GRIM = {
    Tag.SUM: (blocking_key,),
    Tag.UPDATE: (wrong_seeds, sealed_noise, poison),
    Tag.SUM2: (wrong_vote,),
}
