"""Settings from Xaynet's file and the environment, and a clear word about everything wrong."""

import os
from pathlib import Path

import pytest

from petal_server.config_file import PREFIXES, ConfigError, load
from petal_server.settings import Settings

ROOT = Path(__file__).parents[2]
FILES = [
    path.relative_to(ROOT)
    for folder in ("deploy", "examples")
    for path in sorted(ROOT.joinpath(folder).rglob("*.toml"))
    if "node_modules" not in path.parts
]
XAYNET = """
[log]
filter = "xaynet=debug,http=warn,info"
[api]
bind_address = "127.0.0.1:8081"
[pet.sum]
prob = 0.01
count = { min = 10, max = 100 }
time = { min = 5, max = 3600 }
[pet.update]
prob = 0.1
count = { min = 3, max = 10000 }
time = { min = 10, max = 3600 }
[pet.sum2]
count = { min = 5, max = 90 }
time = { min = 6, max = 3601 }
[mask]
group_type = "Prime"
data_type = "F32"
bound_type = "B0"
model_type = "M3"
[model]
length = 4
[metrics.influxdb]
url = "http://127.0.0.1:8086"
db = "metrics"
[redis]
url = "redis://:hunter2@127.0.0.1/"
[s3]
access_key = "minio"
secret_access_key = "minio123"
region = ["minio", "http://localhost:9000"]
[restore]
enable = true
"""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in os.environ:
        if name.upper().startswith(PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "config.toml"
        path.write_text(text)
        return path

    return write


def test_xaynets_own_file(config):
    settings = load(config(XAYNET))
    pet = settings.pet
    assert (pet.sum.prob, pet.sum.count.min, pet.sum.count.max) == (0.01, 10, 100)
    assert (pet.update.prob, pet.update.time.min, pet.update.time.max) == (0.1, 10, 3600)
    assert (pet.sum2.count.min, pet.sum2.count.max) == (5, 90)
    assert (pet.sum2.time.min, pet.sum2.time.max) == (6, 3601)
    assert str(settings.mask.config.vect) == "Prime/F32/B0/M3"
    assert settings.mask.config.unit == settings.mask.config.vect
    assert settings.model.length == 4
    assert settings.api.host_and_port == ("127.0.0.1", 8081)
    assert settings.restore.enable


def test_sections_that_change_nothing_are_named_and_stay_hidden(config):
    settings = load(config(XAYNET))
    assert settings.not_applied == ["redis", "s3"]
    assert "minio123" not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_without_a_file_everything_has_a_default():
    assert load() == load(None)
    assert load().model_dump() == Settings().model_dump()
    assert load().not_applied == []


def test_the_environment_wins_over_the_file_and_petal_over_xaynet(config, monkeypatch):
    path = config(XAYNET)
    monkeypatch.setenv("XAYNET__PET__SUM__COUNT__MIN", "11")
    monkeypatch.setenv("XAYNET__PET__SUM__COUNT__MAX", "90")
    monkeypatch.setenv("PETAL__PET__SUM__COUNT__MIN", "12")
    monkeypatch.setenv("PETAL__API__CORS__ALLOW_ORIGINS", "https://a.example,http://b.example:8080")
    settings = load(path)
    assert (settings.pet.sum.count.min, settings.pet.sum.count.max) == (12, 90)
    assert settings.pet.sum.prob == 0.01
    assert settings.api.cors.allow_origins == ("https://a.example", "http://b.example:8080")


def test_building_settings_reads_no_environment(monkeypatch):
    monkeypatch.setenv("PETAL__MODEL__LENGTH", "99")
    monkeypatch.setenv("MODEL", '{"length": 98}')
    assert Settings().model.length == 4
    assert load().model.length == 99


def test_sum2_takes_no_more_than_sum_where_nothing_is_said(config, monkeypatch):
    few = load(config("[pet.sum.count]\nmax = 4"))
    assert (few.pet.sum2.count.min, few.pet.sum2.count.max) == (1, 4)
    some = load(config("[pet.sum.count]\nmax = 9\n[pet.sum2]\ntime = { min = 7 }"))
    assert (some.pet.sum2.count.max, some.pet.sum2.time.min) == (9, 7)
    assert load(config("[pet.sum.count]\nmax = 500")).pet.sum2.count.max == 100
    monkeypatch.setenv("PETAL__PET__SUM2__COUNT__MAX", "3")
    assert load(config("[pet.sum.count]\nmax = 4")).pet.sum2.count.max == 3
    monkeypatch.setenv("PETAL__PET__SUM2__COUNT__MAX", "5")
    with pytest.raises(ConfigError, match=r"must not exceed sum.count.max \(got 5 and 4\)"):
        load(config("[pet.sum.count]\nmax = 4"))


@pytest.mark.parametrize("path", FILES or ["none was found"], ids=str)
def test_the_files_that_come_with_petal_are_good(path):
    assert load(ROOT / path)


BAD = [
    ("[pet.sum]\nprob = 1.5", "pet.sum.prob: must be less than 1 (got 1.5)"),
    ("[pet.sum]\nprob = 0", "pet.sum.prob: must be greater than 0 (got 0)"),
    ("[pet.update]\nprob = 1.01", "pet.update.prob: must be less than or equal to 1 (got 1.01)"),
    ("[pet.update]\nprob = nan", "pet.update.prob: must be less than or equal to 1 (got nan)"),
    ("[pet.update]\ncount = { min = 2 }", "pet.update.count.min: must be greater than or equal"),
    ("[pet.sum]\ncount = { min = 9, max = 8 }", "pet.sum.count: min must not exceed max (got min"),
    ("[pet.sum2]\ntime = { min = 9, max = 8 }", "pet.sum2.time: min must not exceed max (got min"),
    ("[pet.sum2]\ntime = { max = inf }", "pet.sum2.time.max: must be a finite number (got inf)"),
    ("[pet.sum2.count]\nmax = 101", "pet: sum2.count.max must not exceed sum.count.max (got 101"),
    ("[pet.sum]\ncuont = 1", "unknown key pet.sum.cuont; did you mean count? known in [pet.sum]"),
    ("[pets]\na = 1", "unknown key pets; did you mean pet? known in this file are log, api"),
    ("[mask]\nbound_type = 'B1'", "mask.bound_type: must be 'B0', 'B2', 'B4', 'B6' or 'Bmax'"),
    ("[model]\nlength = 0", "model.length: must be greater than or equal to 1 (got 0)"),
    ("[model]\nlength = 4294967296", "model.length: must be less than or equal to 4294967295"),
    ("[model]\nlength = 'four'", "model.length: must be a valid integer"),
    ("[api]\nbind_address = 'localhost'", 'api.bind_address: must be "HOST:PORT", an IP address'),
    ("[api]\nbind_address = 'local:80'", "HOST is an IP address (got 'local:80')"),
    ("[api]\nbind_address = '[::1]:65536'", "a port from 0 to 65535 (got '[::1]:65536')"),
    ("[api]\ntls_key = '/not/there'", "api.tls_key: must be an existing file (got '/not/there')"),
    ("[log]\nfilter = 'petal=loud'", "log.filter: 'petal=loud' is not LEVEL or TARGET=LEVEL"),
    ("[web]\nfolder = '/not/there'", "web.folder: must be an existing folder"),
    ("[api.cors]\nallow_origins = ['a.example']", 'api.cors.allow_origins.0: must be "*" or an'),
    ("s3 = 'a secret'", "s3: "),
]


@pytest.mark.parametrize(("text", "wanted"), BAD, ids=[wanted[:32] for _, wanted in BAD])
def test_a_wrong_key_or_value_names_file_key_and_what_is_allowed(config, text, wanted):
    path = config(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert wanted in str(caught.value)
    assert "a secret" not in str(caught.value)


def test_everything_wrong_is_said_at_once(config):
    with pytest.raises(ConfigError) as caught:
        load(config("[model]\nlength = 0\n[pet.sum]\nprob = 2\nnope = 1"))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PETAL__PET__SUM__COUNT__MIN", "0", "pet.sum.count.min: must be greater than or equal"),
        ("XAYNET__PET__SUM__COUNTS", "1", "unknown key pet.sum.counts; did you mean count?"),
        ("XAYNET__PETS__SUM", "1", "unknown section [pets]"),
        ("petal__model__length", "x", "model.length: must be a valid integer"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, name, value, wanted):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load()
    assert str(caught.value).startswith(f"environment variable {name}: ")
    assert wanted in str(caught.value)


def test_a_section_in_one_variable_is_explained(monkeypatch):
    monkeypatch.setenv("PETAL__PET", "x")
    with pytest.raises(ConfigError, match="set key by key, as in PETAL__PET__SUM__PROB"):
        load()


def test_a_file_that_is_missing_or_no_toml(tmp_path, config):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="is not valid TOML: Expected"):
        load(config("[pet"))
    path = config("")
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load(path)


@pytest.mark.parametrize("given", ["tls_certificate", "tls_key", "tls_client_auth"])
def test_half_of_a_tls_setting_is_refused(config, tmp_path, given):
    with pytest.raises(ConfigError, match=r"api: tls_"):
        load(config(f"[api]\n{given} = '{tmp_path / 'config.toml'}'"))


def test_an_ipv6_address(config):
    assert load(config("[api]\nbind_address = '[::1]:80'")).api.host_and_port == ("::1", 80)


def test_an_address_with_a_password_is_not_shown_when_it_is_wrong(config):
    path = config('[metrics.influxdb]\nurl = "ftp://operator:hunter2@h/"\n')
    with pytest.raises(ConfigError, match="must be an address such as") as caught:
        load(path)
    assert "hunter2" not in str(caught.value)
