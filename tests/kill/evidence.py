"""What the crowd was told, held against the models that came out."""

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import chain, combinations
from pathlib import Path

from petal.wire import decode_model

from . import weights

MOST_DOUBTFUL = 12


class Lost(AssertionError):
    """Something that was answered is not there, or is there twice."""


class Round:
    """What was told of one round: by stage, who was promised to be in, and who may be."""

    def __init__(self):
        self.promised = defaultdict(set)
        self.replayed = 0
        self.doubtful = defaultdict(set)
        self.accepted = Counter()
        self.seen = defaultdict(set)

    def sent(self, stage, number, outcome, reason):
        if outcome == "accepted":
            self.accepted[stage, number] += 1
        self.replayed += reason == "replayed"
        if outcome == "accepted" or reason == "replayed":
            self.promised[stage].add(number)
        elif outcome is None or reason == "coordinator_error":
            self.doubtful[stage].add(number)


class Evidence:
    """All lines of the crowd, by round; `numbers` gives a public key's participant."""

    def __init__(self, numbers: dict[str, int]):
        self._numbers = numbers
        self.rounds: dict[str, Round] = defaultdict(Round)
        self.warnings: Counter[str] = Counter()

    def add(self, line: dict) -> None:
        if line["kind"] == "warning":
            self.warnings[line["text"]] += 1
            return
        found = self.rounds[line["round"]]
        if line["kind"] == "saw":
            found.seen[line["resource"]].add(frozenset(self._numbers[k] for k in line["keys"]))
        else:
            found.sent(line["stage"], line["number"], line["outcome"], line["reason"])

    def check(self, models: Path, log: list[dict]) -> Counter:
        """Hold every model file, every promise and the coordinator's log against one another.

        Counts of what was held.

        Raises:
            Lost: Something does not fit.
        """
        counts: Counter[str] = Counter()
        lost_parts = [text for text in self.warnings if "lost parts" in text]
        _must(not lost_parts, f"parts that were answered are gone: {lost_parts}")
        for seed, found in self.rounds.items():
            self._check_round(seed, found)
            counts["updates answered for"] += len(found.promised["update"])
            counts["messages without an answer"] += sum(map(len, found.doubtful.values()))
            counts["messages taken before they were sent again"] += found.replayed
        ended = {line["round"] for line in log if line["event"] == "round failed"}
        counts["rounds that failed"], modelled = len(ended), set()
        for path in models.glob("*.bincode"):
            number, _, seed = path.stem.partition("_")
            included = self._included(seed, decode_model(path.read_bytes()), counts)
            counts["updates in models"] += len(included)
            _must(int(number) not in modelled, f"round {number} has two models")
            modelled.add(int(number))
        self._check_numbers(ended | modelled, log)
        return counts

    def _check_numbers(self, ended: set[int], log: list[dict]) -> None:
        """A round is over when it has a model or has failed for a reason; a kill is none."""
        begun = {line["round"] for line in log if line["event"] == "phase starts"} - {0}
        vanished = begun - ended - {max(begun)}
        _must(not vanished, f"rounds {sorted(vanished)} ended without a model and without a reason")
        _must(begun == set(range(1, max(begun) + 1)), f"rounds were numbered {sorted(begun)}")

    def _check_round(self, seed: str, found: Round) -> None:
        twice = [who for who, count in found.accepted.items() if count > 1]
        _must(not twice, f"round {seed}: accepted twice: {twice}")
        for stage, resource in (("sum", "sums"), ("update", "seeds")):
            seen, promised = found.seen[resource], found.promised[stage]
            _must(len(seen) < 2, f"round {seed}: {resource} changed: {seen}")
            for keys in seen:
                _must(promised <= keys, f"round {seed}: {promised - keys} lost from {resource}")
                extra = keys - promised - found.doubtful[stage]
                _must(not extra, f"round {seed}: {extra} in {resource} without having sent")

    def _included(self, seed: str, model: list[Fraction], counts: Counter) -> set[int]:
        """Whose updates are in a model: exactly those it must hold, each once."""
        found = self.rounds[seed]
        for keys in found.seen["seeds"]:
            counts["models whose updates were seen"] += 1
            right = model == weights.mean(sorted(keys), bytes.fromhex(seed))
            _must(right, f"round {seed}: the model is not the mean of {sorted(keys)}")
            return set(keys)
        # Nobody lived to tell what it saw: some of those without an answer may be in.
        counts["models whose updates were searched for"] += 1
        promised, doubtful = found.promised["update"], found.doubtful["update"]
        for some in _subsets(doubtful - promised):
            keys = promised.union(some)
            if len(keys) > 2 and model == weights.mean(sorted(keys), bytes.fromhex(seed)):
                return keys
        raise Lost(f"round {seed}: the model is no mean of {promised} and some of {doubtful}")


def _subsets(doubtful: set[int]):
    _must(len(doubtful) <= MOST_DOUBTFUL, f"too many without an answer to tell: {doubtful}")
    ordered = sorted(doubtful)
    return chain.from_iterable(combinations(ordered, size) for size in range(len(ordered) + 1))


def _must(condition: bool, text: str) -> None:
    if not condition:
        raise Lost(text)
