"""What an operator can set: Xaynet's ``config.toml`` (same sections and keys) and our own sections.

Every field carries its meaning; ``docs/operating.md`` lists them and a test holds the two equal.
Read a file with :func:`petal_server.config_file.load`; the defaults here run a small example.
"""

from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from petal_server.settings.admission import AdmissionSettings
from petal_server.settings.coordinator import (
    ApiSettings,
    CorsSettings,
    LogSettings,
    MaskSettings,
    ModelSettings,
    MultipartSettings,
    RestoreSettings,
    RoundSettings,
    StorageSettings,
    WebSettings,
)
from petal_server.settings.limits import LimitSettings
from petal_server.settings.operators import EventSettings, InfluxSettings, MetricsSettings
from petal_server.settings.pet import CountSettings, PetSettings, TimeSettings
from petal_server.settings.trust_anchor import TrustAnchorSettings

__all__ = [
    "XAYNET_ONLY",
    "AdmissionSettings",
    "ApiSettings",
    "CorsSettings",
    "CountSettings",
    "EventSettings",
    "InfluxSettings",
    "LimitSettings",
    "LogSettings",
    "MetricsSettings",
    "MultipartSettings",
    "Settings",
    "StorageSettings",
    "TimeSettings",
    "TrustAnchorSettings",
]

XAYNET_ONLY = ("redis", "s3")
"""Sections of Xaynet's file that are accepted so that the file loads, and change nothing yet."""


class Settings(BaseSettings):
    """All settings of a coordinator. Building one directly reads no file and no environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    log: LogSettings = LogSettings()
    api: ApiSettings = ApiSettings()
    pet: PetSettings = PetSettings()
    mask: MaskSettings = MaskSettings()
    model: ModelSettings = ModelSettings()
    admission: AdmissionSettings = AdmissionSettings()
    trust_anchor: TrustAnchorSettings = TrustAnchorSettings()
    limits: LimitSettings = LimitSettings()
    multipart: MultipartSettings = MultipartSettings()
    round: RoundSettings = RoundSettings()
    storage: StorageSettings = StorageSettings()
    restore: RestoreSettings = RestoreSettings()
    web: WebSettings = WebSettings()
    metrics: MetricsSettings = MetricsSettings()
    events: EventSettings = EventSettings()
    redis: dict[str, Any] | None = Field(None, repr=False)
    s3: dict[str, Any] | None = Field(None, repr=False)

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
