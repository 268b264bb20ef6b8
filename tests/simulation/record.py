"""What the simulation knows of one round of the coordinator."""

from collections import Counter
from dataclasses import dataclass, field

from petal.round import RoundParameters
from petal.wire import Tag
from petal_server.settings import Settings

from . import exact
from .exact import Elements
from .letters import Draft, Letter, Vote


@dataclass(eq=False)
class Record:
    """A round from its beginning on.

    `accepted` holds, by tag and author, what was accepted; `ends` when each phase was over;
    `result` is None while the round goes on, `model` the bytes of its global model. `faults` is
    how often a store had failed before, `interrupted` whether the coordinator was restarted.
    """

    number: int
    params: RoundParameters
    settings: Settings
    began: float
    faults: int
    accepted: dict[Tag, dict[bytes, Letter]] = field(
        default_factory=lambda: {tag: {} for tag in Tag}
    )
    ends: dict[Tag, float] = field(default_factory=dict)
    result: str | None = None
    model: bytes | None = None
    interrupted: bool = False
    _masks: dict[bytes, Elements] = field(default_factory=dict)

    def limits(self, tag: Tag):
        """The count and time settings of the phase that takes this kind of message."""
        return getattr(self.settings.pet, tag.name.lower())

    @property
    def drafts(self) -> list[Draft]:
        return [letter.content for letter in self.accepted[Tag.UPDATE].values()]

    @property
    def votes(self) -> list[Vote]:
        return [letter.content for letter in self.accepted[Tag.SUM2].values()]

    def total(self, parts) -> Elements:
        return exact.total(parts, self.params.model_length, self.params.mask_config)

    def mask(self, seed: bytes) -> Elements:
        """The mask of a seed in this round's configuration."""
        if seed not in self._masks:
            params = self.params
            self._masks[seed] = exact.mask_of(seed, params.model_length, params.mask_config)
        return self._masks[seed]

    def claimed_mask(self, sum_pk: bytes) -> Elements | None:
        """The sum of the masks of the seeds this sum participant was told; None if one is noise."""
        seeds = [draft.claims[sum_pk] for draft in self.drafts]
        return None if None in seeds else self.total(self.mask(seed) for seed in seeds)

    def elected(self) -> Elements | None:
        """The mask with the most votes; None if two have as many."""
        ranked = Counter(vote.mask for vote in self.votes).most_common()
        tie = len(ranked) > 1 and ranked[0][1] == ranked[1][1]
        return None if tie else ranked[0][0]

    def unmasked(self) -> Elements:
        """The sum of the masked models, the elected mask taken off."""
        config = self.params.mask_config
        masked = self.total(part for draft in self.drafts for part in (draft.coded, draft.mask))
        return masked.plus(self.elected(), config, -1)
