"""``[pet.sum]``, ``[pet.update]``, ``[pet.sum2]``: who takes part in a round, and for how long."""

from typing import Self

from pydantic import Field, model_validator

from petal_server.settings.fields import Section


class CountSettings(Section):
    """How many accepted messages a phase needs and takes."""

    min: int = Field(1, ge=1, description="The phase ends once this many messages are accepted.")
    max: int = Field(
        100, ge=1, description="Messages after this many are discarded until `time.min` has passed."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min must not exceed max (got min {self.min}, max {self.max})")
        return self


class UpdateCountSettings(CountSettings):
    """As for the other phases, but the protocol needs three updates to hide each one."""

    min: int = Field(
        3,
        ge=3,
        description="The phase ends once this many updates are accepted; three are the least that "
        "hide each one.",
    )
    max: int = Field(
        1000, ge=3, description="Updates after this many are discarded until `time.min` has passed."
    )


class TimeSettings(Section):
    """How long a phase collects messages, in seconds."""

    min: float = Field(
        2, ge=0, allow_inf_nan=False, description="The phase lasts at least this many seconds."
    )
    max: float = Field(
        60,
        ge=0,
        allow_inf_nan=False,
        description="The round fails if the phase lacks messages after this many seconds.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min must not exceed max (got min {self.min}, max {self.max})")
        return self


class SumSettings(Section):
    """Who registers for the sum task, and for how long."""

    prob: float = Field(
        0.4, gt=0, lt=1, description="The probability that a participant is a sum participant."
    )
    count: CountSettings = CountSettings()
    time: TimeSettings = TimeSettings()


class UpdateSettings(Section):
    """Who sends a masked model, and for how long."""

    prob: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The probability that a participant which does not sum is an update "
        "participant.",
    )
    count: UpdateCountSettings = UpdateCountSettings()
    time: TimeSettings = TimeSettings(min=3, max=300)


class Sum2Settings(Section):
    """How many sum participants must return the sum of the masks, and for how long."""

    count: CountSettings = CountSettings()
    time: TimeSettings = TimeSettings(min=2, max=120)


class PetSettings(Section):
    """The round: ``[pet.sum]``, ``[pet.update]``, ``[pet.sum2]``."""

    sum: SumSettings = SumSettings()
    update: UpdateSettings = UpdateSettings()
    sum2: Sum2Settings = Sum2Settings()

    @model_validator(mode="after")
    def _sum2_fits_sum(self) -> Self:
        most = self.sum.count.max
        self._follow(most)
        for key in ("min", "max"):
            if (got := getattr(self.sum2.count, key)) > most:
                raise ValueError(
                    f"sum2.count.{key} must not exceed sum.count.max (got {got} and {most}): "
                    "only sum participants take part in sum2"
                )
        return self

    def _follow(self, most: int) -> None:
        """A ``sum2.count.max`` that nobody set is no reason to refuse a small ``sum.count.max``."""
        count = self.sum2.count
        if "max" not in count.model_fields_set and count.max > most >= count.min:
            fitting = count.model_copy(update={"max": most})
            sum2 = self.sum2.model_copy(update={"count": fitting})
            object.__setattr__(self, "sum2", sum2)  # nobody has seen these settings yet
