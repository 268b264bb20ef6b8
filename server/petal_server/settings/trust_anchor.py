"""``[trust_anchor]``: whom each global model is shown before it is published."""

from typing import Literal, Self

from pydantic import Field, model_validator

from petal_server.settings.fields import Entry, ExactAddress, Section


class TrustAnchorSettings(Section):
    """Xaynet's section, which is empty there: its trust anchor is compiled in."""

    url: ExactAddress | None = Field(
        None,
        repr=False,
        description="Each global model is posted to this address before it is published; an answer "
        "of 2xx takes it. Left out, nobody is asked.",
    )
    call: Entry | None = Field(
        None,
        description='A Python function instead, as "module:function"; raising refuses the model.',
    )
    timeout: float = Field(
        30, ge=0.1, le=3600, description="Seconds in which it must have taken the model."
    )
    on_failure: Literal["fail_round", "publish"] = Field(
        "fail_round",
        description="What to do with a model that was not taken: give up the round, or publish the "
        "model all the same.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.url and self.call:
            raise ValueError("url and call exclude each other: name one of them")
        return self
