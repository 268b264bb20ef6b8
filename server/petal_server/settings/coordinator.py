"""All other sections: the model and its masks, HTTP, multipart, logs, the page."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from petal.mask import MaskConfig, MaskConfigPair
from petal_server.settings.fields import (
    Address,
    Directives,
    ExistingFile,
    ExistingFolder,
    Origins,
    Section,
)


class MaskSettings(Section):
    """The masking configuration of weights and scalar alike."""

    group_type: Literal["Integer", "Prime", "Power2"] = Field(
        "Prime", description="The family of the finite group that masks live in."
    )
    data_type: Literal["F32", "F64", "I32", "I64"] = Field(
        "F32", description="The data type of a weight."
    )
    bound_type: Literal["B0", "B2", "B4", "B6", "Bmax"] = Field(
        "B0",
        description="Weights are cut off at 1 (B0), 100 (B2), 10^4 (B4), 10^6 (B6) or the type's "
        "largest (Bmax).",
    )
    model_type: Literal["M3", "M6", "M9", "M12"] = Field(
        "M3", description="At most 10^3, 10^6, 10^9 or 10^12 updates may be added in a round."
    )

    @property
    def config(self) -> MaskConfigPair:
        """The configuration that the round's parameters carry."""
        names = (self.group_type, self.data_type, self.bound_type, self.model_type)
        config = MaskConfig.parse("/".join(names))
        return MaskConfigPair(config, config)


class ModelSettings(Section):
    """The model that is trained."""

    length: int = Field(4, ge=1, le=2**32 - 1, description="The number of weights of the model.")


class CorsSettings(Section):
    """Which other web origins may call this coordinator from a page."""

    allow_origins: Origins = Field(
        (), description='Origins such as "https://app.example.org", or "*" for any.'
    )
    max_age: int = Field(
        600, ge=0, le=86400, description="Seconds for which a browser may keep a preflight answer."
    )


class ApiSettings(Section):
    """The HTTP side."""

    bind_address: Address = Field(
        "127.0.0.1:8081", description="The IP address and port to listen on; port 0 takes any."
    )
    tls_certificate: ExistingFile | None = Field(
        None, description="PEM certificate chain; with `tls_key` it turns HTTPS on."
    )
    tls_key: ExistingFile | None = Field(None, description="PEM private key of `tls_certificate`.")
    tls_client_auth: ExistingFile | None = Field(
        None, description="PEM trust anchor: clients must show a certificate that it signed."
    )
    max_message_size: int | None = Field(
        None,
        ge=1024,
        description="Largest accepted POST /message in bytes; left out, the largest that this "
        "round's settings can need.",
    )
    stop_timeout: int = Field(
        10, ge=0, description="Seconds that open requests get to finish when the server stops."
    )
    longest_wait: int = Field(
        25,
        ge=0,
        le=600,
        description="Seconds for which a participant that waits for news may have its request kept "
        "open; below the time-outs of proxies in front. 0 answers all at once.",
    )
    cors: CorsSettings = CorsSettings()

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be set together")
        if self.tls_client_auth and not self.tls_certificate:
            raise ValueError("tls_client_auth needs tls_certificate and tls_key")
        return self

    @property
    def host_and_port(self) -> tuple[str, int]:
        """What a socket binds to."""
        host, _, port = self.bind_address.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)


class MultipartSettings(Section):
    """Bounds on messages that arrive in chunks and are not complete yet."""

    max_messages_per_sender: int = Field(
        2, ge=1, description="Unfinished messages kept for one participant; the oldest makes room."
    )
    max_messages: int = Field(
        10_000, ge=1, description="Unfinished messages kept for all participants."
    )
    max_total_size: int = Field(
        512 * 2**20,
        ge=1024,
        description="Bytes kept for all unfinished messages, and for those just completed until "
        "they are dealt with.",
    )
    timeout: float = Field(
        120,
        ge=0.1,
        description="Seconds after which an unfinished message of which no further part came is "
        "forgotten.",
    )


class RoundSettings(Section):
    """How the coordinator goes from round to round."""

    failure_delay: float = Field(
        1.0,
        ge=0.01,
        le=3600,
        description="Seconds to wait after a failed round before the next one starts.",
    )


class StorageSettings(Section):
    """Where rounds and global models are kept."""

    kind: Literal["sqlite", "memory"] = Field(
        "sqlite",
        description="In `path`, so that a restart goes on with the same round; or in memory, where "
        "everything is gone when the process ends.",
    )
    path: Path = Field(
        Path("petal-data"),
        description="The folder, made if it is missing. Only one coordinator can use it at a time.",
    )
    keep_models: int = Field(
        20, ge=0, description="The newest global models that are kept; 0 keeps all."
    )
    checkpoint_size: int = Field(
        64 * 2**20,
        ge=4096,
        description="Bytes of masked models in the journal after which their sum is written down; "
        "a restart has at most so much to add up again.",
    )


class RestoreSettings(Section):
    """What a start does with what is stored."""

    enable: bool = Field(
        True,
        description="Go on with the stored round and model. `false` begins at round 1 without a "
        "model; the files of global models stay.",
    )


class LogSettings(Section):
    """What is logged, and how."""

    filter: Directives = Field(
        "info",
        description='Levels by target, as in Xaynet: "info" or "petal=debug,http=warn,info".',
    )
    format: Literal["console", "json"] = Field(
        "console", description="Lines for people, or one JSON object a line."
    )


class WebSettings(Section):
    """The page and the bundle."""

    enable: bool = Field(True, description="Serve the page at `/` and the bundle at `/petal/`.")
    folder: ExistingFolder | None = Field(
        None, description="The folder with the page; left out, `web/` of this installation."
    )
    task: str | None = Field(
        None,
        description="The learning task that the page takes up, a folder in `demo/tasks`; left out, "
        "the one whose model is this coordinator's.",
    )
    coordinators: Origins = Field(
        (),
        description="Origins of other coordinators that the page may join with "
        "`?coordinator=URL`; each must admit this page in its `api.cors.allow_origins`.",
    )
