"""Bad days of an upload: limits, lost parts, a round that is over."""

from petal.crypto import SigningKeyPair
from petal.participant import Delivered, Post, Posted, Refused, State, Train, Warning
from petal.participant.memory import Memory
from petal.round import Role
from petal.wire import Message

from .pair import notices, pair, step_until
from .world import Coordinator, params_for


def test_a_round_that_changes_within_an_upload_ends_the_upload():
    party, world = pair(Role.UPDATE, length=20_000, max_message_size=4096)
    world.phase = "update"
    step_until(party, world, Post)
    party.step(world)
    old = party.request
    assert old.total > 20
    world.new_round()
    world.params = params_for(world, Role.UPDATE, seed=b"n" * 32)
    for _ in range(40):
        if isinstance(party.request, Post):
            party.tell(Posted(200))
        elif isinstance(party.request, Train):
            break
        else:
            party.step(world)
    assert party.machine.state is State.TRAINING
    assert notices(party, Refused) == []


def test_a_coordinator_that_takes_only_small_messages_gets_small_ones():
    party, world = pair(Role.UPDATE, length=20_000)
    world.phase, world.largest = "update", 10_000
    step_until(party, world, Post)
    while party.machine.state is State.SENDING_UPDATE:
        party.step(world)
    assert Delivered("update", "accepted") in party.notices
    assert len(world.updates) == 1


def test_a_coordinator_that_takes_not_even_the_smallest_refuses():
    party, world = pair(Role.UPDATE, length=20_000)
    world.phase, world.largest = "update", 100
    step_until(party, world, Post)
    while party.machine.state is State.SENDING_UPDATE:
        party.step(world)
    (refused,) = notices(party, Refused)
    assert "4096 bytes is too large" in str(refused)


def test_a_coordinator_that_forgot_parts_gets_the_message_again():
    """It was restarted while the message came in, and kept the round but not the parts."""
    party, world = pair(Role.UPDATE, length=3000, max_message_size=4096)
    world.phase = "update"
    step_until(party, world, Post)
    party.step(world)
    party.step(world)
    world.assemblers.clear()
    while party.machine.state is State.SENDING_UPDATE:
        party.step(world)
    assert "lost parts" in str(notices(party, Warning)[0])
    assert Delivered("update", "accepted") in party.notices
    ids = {Message.from_bytes(data).payload[2:4].tobytes() for data in world.opened}
    assert len(ids) == 2


def test_a_coordinator_that_always_forgets_is_given_up():
    party, world = pair(Role.UPDATE, length=3000, max_message_size=4096)
    world.phase = "update"
    step_until(party, world, Post)
    for _ in range(100):
        if party.machine.state is not State.SENDING_UPDATE:
            break
        party.step(world)
        world.assemblers.clear()
    assert "4 times in a row" in str(notices(party, Refused)[0])


def test_a_payload_of_too_many_small_parts_goes_out_in_larger_ones():
    """A message has 65,536 parts at the most."""
    memory = Memory(SigningKeyPair.generate(), 1, 4096, None, State.SENDING_UPDATE)
    memory.params = params_for(Coordinator(), Role.UPDATE)
    memory.compose(bytes(65_536 * 4096), 7)
    assert 65_000 < len(memory.upload(bytes)) <= 65_536
