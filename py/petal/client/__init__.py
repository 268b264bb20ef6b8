"""Take part in rounds over HTTP, and Xaynet's Python API: `import petal.client as xaynet_sdk`.

Names are looked up when they are first used, so that the driver can be imported in a tab, where
there is no httpx.
"""

from importlib import import_module

_HOME = {
    "AsyncParticipant": "async_participant",
    "CryptoInit": "xaynet_sdk",
    "GlobalModelDataTypeMisMatch": "xaynet_sdk",
    "GlobalModelUnavailable": "xaynet_sdk",
    "HttpTransport": "http",
    "InternalParticipant": "participant",
    "LocalModelDataTypeMisMatch": "xaynet_sdk",
    "LocalModelLengthMisMatch": "xaynet_sdk",
    "ParticipantABC": "participant",
    "ParticipantInit": "xaynet_sdk",
    "ParticipantRestore": "xaynet_sdk",
    "Response": "transport",
    "Transport": "transport",
    "UninitializedParticipant": "xaynet_sdk",
    "drive": "driver",
    "participate": "session",
    "participate_async": "session",
    "spawn_async_participant": "spawn",
    "spawn_participant": "spawn",
}
# Modules that users of xaynet_sdk name; the others stay private.
_MODULES = ("async_participant", "participant", "xaynet_sdk")

__all__ = sorted([*_HOME, *_MODULES])


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
