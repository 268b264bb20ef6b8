"""``petal enrol``: keys and tokens on the command line, and what it says to slips of the pen."""

import tomllib

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from petal.client.authority import Authority
from petal.crypto import SigningKeyPair
from petal.participant import Machine
from petal.wire import EnrolmentToken
from petal_server.cli import main
from petal_server.server import summary
from petal_server.settings import Settings

PARTICIPANT = b"p" * 32


def said(*arguments):
    result = CliRunner().invoke(main, ["enrol", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "authority.pem"
    Authority.new(path)
    return path


def pem(key, password=None):
    kind = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kind)


def test_help_teaches_the_whole_way():
    code, text, _ = said("--help")
    assert code == 0
    for step in ("enrol new-key", "public_keys =", "enrol token --key", "--enrolment TOKEN"):
        assert step in text


def test_a_new_key_is_its_owners_alone_and_prints_the_setting(tmp_path):
    path = tmp_path / "authority.pem"
    code, text, told = said("new-key", path)
    assert code == 0
    assert str(path) in told
    assert path.stat().st_mode & 0o777 == 0o600
    settings = Settings(**tomllib.loads(text))
    secret = load_pem_private_key(path.read_bytes(), None)
    assert settings.admission.public_keys == (secret.public_key().public_bytes_raw().hex(),)
    assert secret.private_bytes_raw().hex() not in text + told


def test_the_coordinator_says_at_its_start_that_it_asks_for_tokens():
    assert "enrolment" not in summary(Settings())
    settings = Settings(admission={"public_keys": ["0" * 64]})
    assert "Admits only participants with an enrolment token" in summary(settings)


def test_a_key_is_never_written_over(key):
    before = key.read_bytes()
    code, _, told = said("new-key", key)
    assert code == 1
    assert "is there already and is left as it is" in told
    assert key.read_bytes() == before
    code, _, told = said("new-key", key.parent / "no" / "folder.pem")
    assert code == 1
    assert "cannot be written" in told


def test_tokens_are_good_for_whom_and_how_long_they_say(key):
    second = b"q" * 32
    code, text, _ = said("token", "--key", key, "--valid", "2h", PARTICIPANT.hex(), second.hex())
    assert code == 0
    tokens = [EnrolmentToken.parse(line) for line in text.splitlines()]
    assert [token.participant_pk for token in tokens] == [PARTICIPANT, second]
    authority = Authority.load(key)
    for token in tokens:
        token.verify(authority.public_key)
    whole = EnrolmentToken.parse(authority.token(PARTICIPANT, 7200))
    assert 0 <= whole.expires - tokens[0].expires <= 60


def test_a_token_is_shown_and_checked(key):
    authority = Authority.load(key)
    token = authority.token(PARTICIPANT, 3600)
    code, text, _ = said("show", token, "--public-key", authority.public_key.hex())
    assert code == 0
    assert PARTICIPANT.hex() in text
    assert EnrolmentToken.parse(token).until in text
    assert f"signed by   {authority.public_key.hex()}" in text


def test_what_show_finds_wrong(key):
    authority = Authority.load(key)
    other = SigningKeyPair.generate().public.hex()
    for arguments, wanted in (
        ((authority.token(PARTICIPANT, 60), "--public-key", other), "another authority signed it"),
        ((authority.token(PARTICIPANT, -60),), "it has expired"),
        (("nonsense",), "an enrolment token has 140 characters, not 8"),
    ):
        code, _, told = said("show", *arguments)
        assert code == 1
        assert wanted in told


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"nonsense", "holds no private key in PEM"),
        (pem(ed25519.Ed25519PrivateKey.generate(), b"secret"), "in PEM without password"),
        (pem(rsa.generate_private_key(65537, 2048)), "another kind of key than Ed25519"),
    ],
    ids=["nonsense", "with a password", "RSA"],
)
def test_files_that_hold_no_authority(tmp_path, content, wanted):
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    code, _, told = said("token", "--key", path, PARTICIPANT.hex())
    assert code == 1
    assert wanted in told


@pytest.mark.parametrize("valid", ["30", "0d", "-1d", "1.5h", "d", "999999d", "1 d"])
def test_times_that_are_none(key, valid):
    code, _, told = said("token", "--key", key, "--valid", valid, PARTICIPANT.hex())
    assert code == 2
    assert "as in 90m, 12h, 30d, 4w" in told


def test_public_keys_that_are_none(key):
    for bad in ("ab", PARTICIPANT.hex() + "\n", "ä" * 64):
        code, _, told = said("token", "--key", key, bad)
        assert code == 2
        assert "a public key is 64 hexadecimal digits" in told


def test_a_participants_own_key(tmp_path):
    machine = Machine(SigningKeyPair.generate(), random=bytes)
    state = tmp_path / "me.petal"
    state.write_bytes(machine.save())
    assert said("public-key", state)[1] == machine.public_key.hex() + "\n"
    state.write_bytes(b"x")
    code, _, told = said("public-key", state)
    assert code == 1
    assert "not a saved Petal participant" in told


def test_a_key_that_openssl_made(tmp_path):
    """PKCS #8 as `openssl genpkey -algorithm ed25519` writes it."""
    path = tmp_path / "key.pem"
    path.write_text(
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n"
    )
    # RFC 8032, section 7.1, test 1.
    wanted = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert Authority.load(path).public_key.hex() == wanted
