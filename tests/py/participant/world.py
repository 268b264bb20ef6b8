"""A coordinator in one process, and a loop that lets machines take part in its rounds.

It is written from the protocol, apart from petal_server, so that the machine is not tested
against the code of the same hand alone; the server's own tests and the interop tests use the
real one. Phases move on when the test says so or when all who can have sent.
"""

import base64
import io
import random
from collections import Counter

import numpy as np

from petal.crypto import EncryptionKeyPair, SigningKeyPair
from petal.mask import Aggregation, MaskConfig, MaskConfigPair
from petal.participant import (
    REQUESTS,
    Delays,
    Done,
    Elapsed,
    Fetch,
    Fetched,
    Machine,
    MaskModel,
    Post,
    Posted,
    Receipt,
    SumMasks,
    Train,
    Trained,
    Wait,
    carry_out,
)
from petal.round import Role, RoundParameters, next_round_seed
from petal.wire import (
    Assembler,
    Chunk,
    Message,
    Tag,
    encode_dictionary,
    encode_params,
    parse_payload,
)

PHASE_OF = {Tag.SUM: "sum", Tag.UPDATE: "update", Tag.SUM2: "sum2"}


class Coordinator:
    """Answers Fetch and Post requests as the protocol says; keeps every opened message."""

    def __init__(self, config="Prime/F32/B0/M3", length=5, probs=(0.4, 1.0), seed=0):
        config = MaskConfig.parse(config)
        self.random = random.Random(seed).randbytes
        self.config, self.length = MaskConfigPair(config, config), length
        self.probs = probs
        self.seed, self.model, self.rounds = bytes(32), None, 0
        self.receipts, self.largest = True, 1 << 30
        self.sealed, self.opened = [], []
        self.new_round()

    def new_round(self):
        self.keys = EncryptionKeyPair.generate(self.random)
        self.seed = next_round_seed(self.keys.secret, self.seed, *self.probs)
        self.params = RoundParameters(
            self.keys.public, *self.probs, self.seed, self.config, self.length
        )
        self.phase, self.sums, self.seeds = "sum", {}, {}
        self.updates, self.masks, self.voted = set(), Counter(), set()
        self.aggregation = Aggregation(self.config, self.length)
        self.assemblers = {}
        self.rounds += 1

    def next_phase(self):
        if self.phase == "sum":
            self.phase, self.seeds = "update", {pk: {} for pk in self.sums}
        elif self.phase == "update":
            self.phase = "sum2"
        else:
            ((mask, _),) = self.masks.most_common(1)
            self.model = self.aggregation.unmask(mask)
            self.exact = self.aggregation.unmask_exact(mask)
            self.new_round()

    def fetched(self, request: Fetch) -> Fetched:
        body = getattr(self, "_" + request.resource)(dict(request.query))
        assert body is None or len(body) <= request.limit
        return Fetched(request.resource, 204 if body is None else 200, body or b"")

    def _params(self, _):
        return encode_params(self.params)

    def _sums(self, _):
        return None if self.phase == "sum" else encode_dictionary(self.sums)

    def _seeds(self, query):
        if self.phase != "sum2":
            return None
        return encode_dictionary(self.seeds[base64.b64decode(query["pk"], validate=True)])

    def _model(self, _):
        if self.model is None:
            return None
        out = io.BytesIO()
        np.save(out, self.model)
        return out.getvalue()

    def posted(self, request: Post) -> Posted:
        self.sealed.append(request.body)
        if len(request.body) > self.largest:
            return Posted(413)
        try:
            outcome, reason = self._message(request.body), None
        except AssertionError as refusal:
            outcome, reason = "rejected", str(refusal)
        return Posted(200, Receipt(outcome, reason) if self.receipts else None)

    def _message(self, sealed):
        data = self.keys.open(sealed)
        message = Message.from_bytes(data)
        message.verify()
        assert message.coordinator_pk == self.keys.public
        assert PHASE_OF[message.tag] == self.phase, "wrong phase"
        payload = bytes(message.payload)
        self.opened.append(data)
        if message.multipart:
            chunk = Chunk.from_bytes(payload)
            key = (message.participant_pk, chunk.message_id)
            payload = self.assemblers.setdefault(key, Assembler(1 << 30)).add(chunk)
            if payload is None:
                return "pending"
        self._take(message.participant_pk, parse_payload(message.tag, payload))
        return "accepted"

    def _take(self, sender, payload):
        if payload.tag is Tag.SUM:
            assert sender not in self.sums, "already registered"
            self.sums[sender] = payload.ephemeral_pk
        elif payload.tag is Tag.UPDATE:
            assert sender not in self.updates, "already updated"
            assert set(payload.local_seeds) == set(self.sums), "seeds for other keys"
            self.aggregation.add(payload.masked_model)
            self.updates.add(sender)
            for key, sealed in payload.local_seeds.items():
                self.seeds[key][sender] = sealed
        else:
            assert sender in self.sums, "no sum participant"
            assert sender not in self.voted, "already voted"
            self.voted.add(sender)
            self.masks[payload.mask] += 1


def machine(number, *, seed=0, **options):
    """A machine whose key and randomness follow from its number."""
    source = random.Random(f"{seed}/{number}")
    keys = SigningKeyPair.generate(source.randbytes)
    options.setdefault("delays", Delays(poll=0.01))
    return Machine(keys, random=source.randbytes, **options)


def weights_of(number, params):
    """The fixed model of participant `number`: inside every bound, exact in every dtype."""
    dtype = params.mask_config.vect.data.dtype
    if dtype.kind == "i":
        return ((np.arange(params.model_length) + number) % 3 - 1).astype(dtype)
    return (((np.arange(params.model_length) * 7 + number) % 17 - 8) / 16).astype(dtype)


def request_of(effects):
    """The one request among the effects, which is to stand last."""
    found = [effect for effect in effects if isinstance(effect, REQUESTS)]
    assert len(found) == 1
    assert effects[-1] is found[0]
    return found[0]


def answer(request, coordinator, train):
    """The event that answers a request in a world without faults."""
    match request:
        case Fetch():
            return coordinator.fetched(request)
        case Post():
            return coordinator.posted(request)
        case Wait():
            return Elapsed()
        case Train():
            return train(request)
        case MaskModel() | SumMasks():
            return carry_out(request)
    raise AssertionError(request)


class Party:
    """A machine, its open request and all notices it gave."""

    def __init__(self, number, made, train=None):
        self.number, self.machine, self.notices = number, made, []
        self.train = train or (lambda request: Trained(weights_of(number, request.params)))
        self._keep(made.start())

    def _keep(self, effects):
        self.request = request_of(effects)
        self.notices += effects[:-1]

    def restart(self):
        """As after a restore: the machine asks again for what was outstanding."""
        self._keep(self.machine.resume())

    @property
    def idle(self):
        return isinstance(self.request, Wait)

    @property
    def done(self):
        return isinstance(self.request, Done)

    def step(self, coordinator):
        self.tell(answer(self.request, coordinator, self.train))

    def tell(self, event):
        self._keep(self.machine.receive(event))


def run_phase(parties, coordinator):
    """Let everybody act until all wait: then nothing more happens in this phase."""
    for party in parties:
        if party.idle:
            party.step(coordinator)
        while not party.idle and not party.done:
            party.step(coordinator)


def run_round(parties, coordinator):
    """One whole round from its sum phase to the next round's."""
    for _ in range(3):
        run_phase(parties, coordinator)
        coordinator.next_phase()


def params_for(coordinator, role, *, seed=b"s" * 32):
    """Another round of the coordinator, in which everybody has this role."""
    probs = {Role.SUM: (2.0, 0.0), Role.UPDATE: (-1.0, 2.0), Role.NONE: (-1.0, -1.0)}[role]
    old = coordinator.params
    return RoundParameters(old.coordinator_pk, *probs, seed, old.mask_config, old.model_length)
