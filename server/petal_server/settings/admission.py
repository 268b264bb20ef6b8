"""``[admission]``: who may take part."""

from typing import Self

from pydantic import Field, model_validator

from petal_server.settings.fields import KeyFile, PublicKeys, Section


class AdmissionSettings(Section):
    """The authorities whose tokens are asked for, and whom they regret."""

    public_keys: PublicKeys = Field(
        (),
        max_length=16,
        description="Public keys of enrolment authorities, 64 hexadecimal digits each; only "
        "participants with a token that one of them signed are admitted. Left out, everybody is.",
    )
    revoked: KeyFile | None = Field(
        None,
        description="A file with public keys of participants who are admitted no more, one a line; "
        "read again when it changes.",
    )

    @model_validator(mode="after")
    def _revoked_needs_keys(self) -> Self:
        if self.revoked and not self.public_keys:
            raise ValueError("revoked needs public_keys: without them everybody is admitted")
        return self
