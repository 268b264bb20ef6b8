"""The two commands' help and their answers to bad input; real rounds are in tests/interop."""

import os

import pytest
from click.testing import CliRunner

from petal.client import cli
from petal.client.crowd import KINDS
from petal.client.state_file import held, read_state, write_file
from petal.crypto import SigningKeyPair
from petal.errors import ParticipantError, SnapshotError
from petal.participant import Machine
from petal.wire import EnrolmentToken

TRAIN = "def train(model, round):\n    return None\n"


participate = cli.participate
drive_test = cli.test_drive


def said(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.fixture
def script(tmp_path):
    file = tmp_path / "training.py"
    file.write_text(TRAIN)
    return file


def test_help_teaches():
    code, text = said(participate, "--help")
    assert code == 0
    assert "def train(model, round):" in text
    assert "--state me.petal" in text
    code, text = said(drive_test, "--help")
    assert code == 0
    assert "petal test-drive -n 20" in text
    assert all(kind in text for kind in KINDS)


@pytest.mark.parametrize("command", [participate, drive_test])
def test_a_bad_address(command, script):
    extra = ("--train", script) if command is participate else ()
    code, text = said(command, "-u", "localhost:8081", *extra)
    assert code == 2
    assert "it looks like http://127.0.0.1:8081" in text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\n", "has no function train(model, round)"),
        ("train = 3\n", "has no function train(model, round)"),
        ("import no_such_module_at_all\n", "No module named 'no_such_module_at_all'"),
        ("def train(:\n", "could not be imported"),
    ],
)
def test_a_training_file_that_is_none(tmp_path, source, expected):
    file = tmp_path / "bad_training.py"
    file.write_text(source)
    code, text = said(participate, "--train", file)
    assert code == 1
    assert expected in text


def test_a_training_file_may_import_its_neighbour(tmp_path):
    from petal.client.terminal import load_trainer

    (tmp_path / "neighbour_of_training.py").write_text("VALUE = 7\n")
    file = tmp_path / "imports_neighbour.py"
    file.write_text("from neighbour_of_training import VALUE\ndef train(m, r):\n    return VALUE\n")
    assert load_trainer(file)(None, None) == 7


def test_missing_files(tmp_path):
    code, text = said(participate, "--train", tmp_path / "none.py")
    assert code == 2
    assert "does not exist" in text


def test_a_state_file_that_is_none(tmp_path, script):
    state = tmp_path / "state"
    state.write_bytes(b"something else entirely")
    code, text = said(participate, "--train", script, "--state", state)
    assert code == 1
    assert "not a saved Petal participant" in text
    assert state.read_bytes() == b"something else entirely"


def test_a_state_file_that_cannot_be_written(tmp_path, script):
    code, text = said(participate, "--train", script, "--state", tmp_path / "no" / "state")
    assert code == 1
    assert "cannot be written" in text


def test_one_state_file_is_one_participant_at_a_time(tmp_path, script):
    """Two would send two updates, and the one saved last would forget what the other spent."""
    state = tmp_path / "state"
    arguments = ("--train", script, "--state", state, "--rounds", "1")
    with held(state):
        code, text = said(participate, *arguments)
        assert code == 1
        assert "takes part already, in another process" in text
        assert not state.exists()
    with held(state):
        pass
    with pytest.raises(RuntimeError), held(state):
        raise RuntimeError("it ended badly")
    with held(state), held(tmp_path / "another"), held(None):
        pass


def test_the_key_that_a_refused_token_is_told_with_is_kept(tmp_path, script):
    state, other = tmp_path / "state", bytes(32)
    token = EnrolmentToken.issue(SigningKeyPair.generate(), other, 2**31)
    code, text = said(participate, "--train", script, "--state", state, "--enrolment", token)
    assert code == 1
    kept = Machine.restore(read_state(state), random=os.urandom).public_key.hex()
    assert f"Ask whoever runs it for a token for the public key {kept}" in text


def test_ctrl_c_while_the_training_file_is_imported(tmp_path):
    file = tmp_path / "imports_for_long.py"
    file.write_text("raise KeyboardInterrupt\n")
    code, text = said(participate, "--train", file)
    assert (code, text.strip()) == (1, "Aborted!")


def test_files_are_replaced_whole(tmp_path):
    file = tmp_path / "state"
    assert read_state(file) is None
    write_file(file, b"one")
    write_file(file, b"two")
    assert read_state(file) == b"two"
    assert file.stat().st_mode & 0o777 == 0o600

    def breaks(handle):
        handle.write(b"half of thr")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        write_file(file, breaks)
    assert read_state(file) == b"two"
    assert [each.name for each in tmp_path.iterdir()] == ["state"]
    with pytest.raises(SnapshotError):
        read_state(tmp_path)
    with pytest.raises(ParticipantError):
        write_file(tmp_path, b"")


DP = ("--dp-epsilon", 8, "--dp-clip", 0.5)


def test_help_teaches_differential_privacy():
    _, text = said(participate, "--help")
    assert "--dp-epsilon 8 --dp-clip 0.5 --dp-updates 10" in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--dp-clip", 1), "--dp-clip does nothing without --dp-epsilon"),
        (("--dp-epsilon", 8, "--dp-updates", 3), "--dp-epsilon needs --dp-clip, the L2 norm"),
        (DP, "--dp-epsilon needs either --dp-updates or --dp-noise"),
        ((*DP, "--dp-updates", 3, "--dp-noise", 1), "needs either --dp-updates or --dp-noise"),
        ((*DP, "--dp-noise", 0.5), "each costs 27.8. Take more noise or a larger budget"),
        ((*DP, "--dp-updates", 3, "--dp-delta", 0.5), "delta is 0.5"),
        (("--dp-epsilon", 0), "0.0 is not in the range x>0"),
        ((*DP, "--dp-updates", 3, "--scalar", 0), "with a scalar of 0 nothing counts"),
    ],
)
def test_options_of_differential_privacy_that_do_not_fit(script, tmp_path, options, says):
    code, text = said(participate, "--train", script, "--state", tmp_path / "me.petal", *options)
    assert code != 0
    assert says in " ".join(text.split())


def test_a_budget_needs_a_file_to_be_kept_in(script):
    code, text = said(participate, "--train", script, *DP, "--dp-updates", 3)
    assert code == 2
    assert "--dp-epsilon needs --state FILE: a restart must not forget" in " ".join(text.split())


def test_a_state_without_differential_privacy_gets_none_later(tmp_path, script):
    state = tmp_path / "me.petal"
    write_file(state, Machine(SigningKeyPair.generate(), random=os.urandom).save())
    code, text = said(participate, "--train", script, "--state", state, *DP, "--dp-updates", 3)
    assert code == 1
    assert "takes part without differential privacy" in text
