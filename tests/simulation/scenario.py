"""What a seed draws: a coordinator's settings, who takes part, what goes wrong."""

import random
from dataclasses import dataclass

from petal.mask import BoundType, DataType, GroupType, MaskConfig, ModelType
from petal.participant import Delays
from petal_server.settings import Settings

SMALL_MESSAGE = 4096
DELAYS = Delays(poll=1.5, first=0.5, cap=4.0)
REQUEST_TIMEOUT = 4.0


@dataclass(frozen=True)
class Faults:
    """How bad the network, the machines and the store are. Chances are per request or call."""

    latency: float
    lost: float
    doubled: float
    straggling: float
    outages: tuple[tuple[float, float, str], ...]
    crash_every: float | None
    crash_for_good: float
    restarts: tuple[float, ...]
    store: float
    training: float


CALM = Faults(0.05, 0, 0, 0, (), None, 0, (), 0, 0)


@dataclass(frozen=True)
class Scenario:
    """One seed's world.

    `attacks` per virtual second, all attackers together; `grim` if some of them are of a kind
    that no rule refuses. `disk_seconds` is the longest wait for a durable store, there and back.
    """

    settings: Settings
    peers: int
    message_size: int
    faults: Faults
    attacks: float
    grim: bool
    over_http: bool
    durable: bool
    disk_seconds: float
    rounds: int

    @property
    def config(self) -> MaskConfig:
        return self.settings.mask.config.vect


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    rng = random.Random(f"{seed}/scenario")
    config = _config(rng)
    parts = rng.choice((2, 3)) if rng.random() < 0.06 else 0
    length = parts * 3800 // config.bytes_per_number if parts else rng.randint(3, 8)
    attacked, durable = rng.random() < 0.7, rng.random() < 0.3
    return Scenario(
        settings=_settings(rng, config, length, _longest_wait(seed)),
        peers=rng.choice((3, 6, 7, 8, 8, 9, 10)),
        message_size=SMALL_MESSAGE if rng.random() < 0.7 else 1 << 20,
        faults=_faults(rng, durable) if rng.random() < 0.8 else CALM,
        attacks=rng.choice((0.2, 1, 3)) if attacked else 0,
        grim=attacked and rng.random() < 0.5,
        over_http=rng.random() < 0.05,
        durable=durable,
        disk_seconds=rng.choice((0, 0.3)) if durable else 0,
        rounds=rng.choice((1, 2, 4)),
    )


def _config(rng: random.Random) -> MaskConfig:
    luck = rng.random()
    if luck < 0.5:
        return MaskConfig.parse(f"Prime/F32/{rng.choice(('B0', 'B2', 'B4', 'B6'))}/M3")
    bounds = [bound for bound in BoundType if bound is not BoundType.Bmax]
    return MaskConfig(
        rng.choice(list(GroupType)),
        rng.choice(list(DataType)),
        rng.choice(bounds) if luck < 0.9 else BoundType.Bmax,
        rng.choice(list(ModelType)),
    )


def _longest_wait(seed: int) -> int:
    """Drawn apart, so that a seed's scenario is what it was before there were waits."""
    return random.Random(f"{seed}/waiting").choice((0, 25, 25))


def _settings(rng: random.Random, config: MaskConfig, length: int, longest_wait: int) -> Settings:
    sums = rng.choice((1, 1, 1, 2))
    pet = {
        "sum": {"prob": rng.choice((0.3, 0.4, 0.5)), **_limits(rng, sums)},
        "update": {"prob": rng.choice((1.0, 1.0, 0.8)), **_limits(rng, rng.choice((3, 3, 3, 4)))},
        "sum2": _limits(rng, rng.randint(1, sums)),
    }
    pet["sum2"]["count"]["max"] = pet["sum"]["count"]["max"]
    names = {"group_type": config.group, "data_type": config.data, "bound_type": config.bound}
    names["model_type"] = config.model
    return Settings(
        pet=pet,
        mask={key: value.name for key, value in names.items()},
        model={"length": length},
        api={
            "max_message_size": rng.choice((None, None, 6000)),
            "longest_wait": longest_wait,
        },
        multipart={"max_messages": rng.choice((10_000, 12)), "max_messages_per_sender": 2},
        round={"failure_delay": rng.choice((0.1, 1.0))},
        web={"enable": False},
    )


def _limits(rng: random.Random, least: int) -> dict:
    count = {"min": least, "max": least + rng.choice((0, 1, 3, 20))}
    return {"count": count, "time": {"min": rng.choice((0, 1, 3)), "max": rng.choice((12, 25))}}


def _faults(rng: random.Random, durable: bool) -> Faults:
    def some(*chances):
        return rng.choice(chances)

    return Faults(
        latency=some(0.05, 0.5, 2.0),
        lost=some(0, 0.02, 0.05, 0.2),
        doubled=some(0, 0.05, 0.2),
        straggling=some(0, 0.02, 0.1),
        outages=tuple(_outage(rng) for _ in range(rng.choice((0, 0, 1, 3)))),
        crash_every=some(0, 15, 40, 80) or None,
        crash_for_good=some(0, 0, 0.1),
        restarts=tuple(
            rng.uniform(1, 80) for _ in range(some(1, 3, 6) if durable else some(0, 0, 0, 1))
        ),
        store=some(0, 0, 0, 0.005, 0.02),
        training=some(0, 0, 0.05, 0.2),
    )


def _outage(rng: random.Random) -> tuple[float, float, str]:
    begin = rng.uniform(0, 80)
    return begin, begin + rng.uniform(0.5, 15), rng.choice(("away", "503", "502 after"))
