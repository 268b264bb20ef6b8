"""One participant of a chosen role and its coordinator, step by step."""

from petal.participant import Fetch

from .world import Coordinator, Party, machine, params_for

CONFIG = "Prime/F32/B0/M3"


def pair(role, **options):
    """A party that has this role, and its coordinator."""
    world = Coordinator(length=options.pop("length", 5), config=options.pop("config", CONFIG))
    world.params = params_for(world, role)
    return Party(1, machine(1, **options)), world


def step_until(party, world, kind):
    while not isinstance(party.request, kind):
        party.step(world)


def asks_for(party, resource):
    return isinstance(party.request, Fetch) and party.request.resource == resource


def notices(party, kind):
    return [notice for notice in party.notices if isinstance(notice, kind)]
