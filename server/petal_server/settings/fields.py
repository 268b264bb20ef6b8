"""What a section is, and the types of values that a plain type does not describe."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_settings import NoDecode

from petal.wire.enrolment import public_key
from petal_server.log_filter import LogFilter
from petal_server.revoked import read_revoked


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


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", value):
        raise ValueError('must be an address such as "http://127.0.0.1:8086"')
    return value.rstrip("/")


def _exact_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s#]*)?", value):
        raise ValueError('must be an address such as "https://notary.example.org/models"')
    return value


def _entry(value: str) -> str:
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*", value):
        raise ValueError('must be "module:function", such as "my_notary:publish"')
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError('must be an address or network such as "10.0.0.0/8"') from None


def _public_key(value: str) -> str:
    return public_key(value).hex()


def _key_file(value: Path) -> Path:
    read_revoked(_file(value))
    return value


Address = Annotated[str, AfterValidator(_address)]
Directives = Annotated[str, AfterValidator(_directives)]
ExistingFile = Annotated[Path, AfterValidator(_file)]
ExistingFolder = Annotated[Path, AfterValidator(_folder)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_split)
]
KeyFile = Annotated[Path, AfterValidator(_key_file)]
PublicKeys = Annotated[
    tuple[Annotated[str, AfterValidator(_public_key)], ...], NoDecode, BeforeValidator(_split)
]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_split)
]
WebAddress = Annotated[str, AfterValidator(_web_address)]
ExactAddress = Annotated[str, AfterValidator(_exact_address)]
Entry = Annotated[str, AfterValidator(_entry)]
