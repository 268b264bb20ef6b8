"""Reading settings from a TOML file and the environment, and saying what is wrong with them.

Order, first wins: ``PETAL__SECTION__KEY``, ``XAYNET__SECTION__KEY``, the file, the defaults.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

from petal_server.settings import XAYNET_ONLY, Settings

PREFIXES = ("PETAL__", "XAYNET__")
MAY_HOLD_SECRETS = ("metrics", "trust_anchor", *XAYNET_ONLY)
"""Sections whose values are not shown: an address may hold a password."""

SET_BY_KEY = "a section is set key by key, as in PETAL__PET__SUM__PROB=0.5"


class ConfigError(Exception):
    """Settings that cannot be used; ``str()`` has one line for each thing to correct."""


def load(path: Path | None = None) -> Settings:
    """Settings from the file at ``path`` (none: the defaults) and the environment.

    Raises:
        ConfigError: The file is missing or no TOML, or a key or value is not allowed.
    """
    if path is not None:
        _check_toml(path)
    _check_environment()
    try:
        given = _settings_from(path)().model_dump(exclude_unset=True)
    except ValidationError as error:
        lines = [_explain(details, path) for details in error.errors()]
        raise ConfigError("\n".join(lines)) from None
    except SettingsError as error:
        raise ConfigError(f"environment: {error}; {SET_BY_KEY}") from None
    return Settings(**given)


def _settings_from(path: Path | None) -> type[Settings]:
    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type, **_: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = [
                EnvSettingsSource(settings_cls, env_prefix=prefix, env_nested_delimiter="__")
                for prefix in PREFIXES
            ]
            file = [TomlConfigSettingsSource(settings_cls, toml_file=path)] if path else []
            return (*environment, *file)

    return Loaded


def _check_toml(path: Path) -> None:
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None


def _check_environment() -> None:
    """pydantic-settings ignores a variable whose section it does not know; we do not."""
    for name, prefix in _our_variables():
        section = name[len(prefix) :].split("__")[0].lower()
        if section not in Settings.model_fields:
            known = ", ".join(Settings.model_fields)
            raise ConfigError(
                f"environment variable {name}: unknown section [{section}]; known are {known}"
            )


def _our_variables() -> Iterator[tuple[str, str]]:
    for name in os.environ:
        for prefix in PREFIXES:
            if name.upper().startswith(prefix):
                yield name, prefix


def _explain(details: Mapping[str, Any], path: Path | None) -> str:
    loc = [str(part) for part in details["loc"] if part != "function-after"]
    key, place = ".".join(loc), _place(loc, path)
    if details["type"] == "extra_forbidden":
        return f"{place}: unknown key {key}; {_known_keys(loc)}"
    message = details["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "must be", 1)
    if isinstance(details["input"], dict | BaseModel) or loc[0] in MAY_HOLD_SECRETS:
        return f"{place}: {key}: {message}"
    return f"{place}: {key}: {message} (got {details['input']!r})"


def _place(loc: list[str], path: Path | None) -> str:
    """Where a person must look: the variable if one set this key, else the file."""
    wanted = "__".join(loc).upper()
    for name, prefix in _our_variables():
        tail = name.upper()[len(prefix) :]
        if tail == wanted or tail.startswith(wanted + "__") or wanted.startswith(tail + "__"):
            return f"environment variable {name}"
    return str(path) if path else "settings"


def _known_keys(loc: list[str]) -> str:
    model: type[BaseModel] = Settings
    for part in loc[:-1]:
        model = model.model_fields[part].annotation
    keys = list(model.model_fields)
    near = get_close_matches(loc[-1], keys, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    section = f"[{'.'.join(loc[:-1])}]" if loc[:-1] else "this file"
    return f"{hint}known in {section} are {', '.join(keys)}"
