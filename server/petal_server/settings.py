"""What an operator can set: Xaynet's ``config.toml`` (same sections and keys) and our own sections.

Every field carries its meaning; ``docs/operating.md`` lists them and a test holds the two equal.
Read a file with :func:`petal_server.config_file.load`; the defaults here run a small example.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from petal.mask import MaskConfig, MaskConfigPair
from petal_server.log_filter import LogFilter

XAYNET_ONLY = ("metrics", "redis", "s3", "restore", "trust_anchor")
"""Sections of Xaynet's file that are accepted so that the file loads, and change nothing yet."""


class Section(BaseModel):
    """One ``[section]``: a key that it does not know is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError('must be "HOST:PORT", an IP address and a port from 0 to 65535')
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError('must be "HOST:PORT" where HOST is an IP address') from None
    return value


def _directives(value: str) -> str:
    LogFilter.parse(value)
    return value


def _file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("must be an existing file")
    return value


def _folder(value: Path) -> Path:
    if not value.is_dir():
        raise ValueError("must be an existing folder")
    return value


def _split(value: object) -> object:
    """The environment has no lists: take ``a,b`` there."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _origin(value: str) -> str:
    if value != "*" and not re.fullmatch(r"https?://[^/\s?#;,'\"]+", value):
        raise ValueError('must be "*" or an origin such as "https://app.example.org", no path')
    return value


Origin = Annotated[str, AfterValidator(_origin)]
ExistingFile = Annotated[Path, AfterValidator(_file)]


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
        for key in ("min", "max"):
            if (got := getattr(self.sum2.count, key)) > most:
                raise ValueError(
                    f"sum2.count.{key} must not exceed sum.count.max (got {got} and {most}): "
                    "only sum participants take part in sum2"
                )
        return self


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

    allow_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description='Origins such as "https://app.example.org", or "*" for any.'
    )
    max_age: int = Field(
        600, ge=0, le=86400, description="Seconds for which a browser may keep a preflight answer."
    )


class ApiSettings(Section):
    """The HTTP side."""

    bind_address: Annotated[str, AfterValidator(_address)] = Field(
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
        512 * 2**20, ge=1024, description="Bytes kept for all unfinished messages."
    )


class RoundSettings(Section):
    """How the coordinator goes from round to round."""

    failure_delay: float = Field(
        1.0,
        ge=0.01,
        le=3600,
        description="Seconds to wait after a failed round before the next one starts.",
    )


class LogSettings(Section):
    """What is logged, and how."""

    filter: Annotated[str, AfterValidator(_directives)] = Field(
        "info",
        description='Levels by target, as in Xaynet: "info" or "petal=debug,http=warn,info".',
    )
    format: Literal["console", "json"] = Field(
        "console", description="Lines for people, or one JSON object a line."
    )


class WebSettings(Section):
    """The page and the bundle."""

    enable: bool = Field(True, description="Serve the page at `/` and the bundle at `/petal/`.")
    folder: Annotated[Path, AfterValidator(_folder)] | None = Field(
        None, description="The folder with the page; left out, `web/` of this installation."
    )
    coordinators: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Origins of other coordinators that the page may join with "
        "`?coordinator=URL`; each must admit this page in its `api.cors.allow_origins`.",
    )


class Settings(BaseSettings):
    """All settings of a coordinator. Building one directly reads no file and no environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    log: LogSettings = LogSettings()
    api: ApiSettings = ApiSettings()
    pet: PetSettings = PetSettings()
    mask: MaskSettings = MaskSettings()
    model: ModelSettings = ModelSettings()
    multipart: MultipartSettings = MultipartSettings()
    round: RoundSettings = RoundSettings()
    web: WebSettings = WebSettings()
    metrics: dict[str, Any] | None = Field(None, repr=False)
    redis: dict[str, Any] | None = Field(None, repr=False)
    s3: dict[str, Any] | None = Field(None, repr=False)
    restore: dict[str, Any] | None = Field(None, repr=False)
    trust_anchor: dict[str, Any] | None = Field(None, repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @property
    def not_applied(self) -> list[str]:
        """Names of the given sections that change nothing in this version."""
        return [name for name in XAYNET_ONLY if getattr(self, name) is not None]
