"""The journal: torn tails at every byte, damage at every byte, checkpoints."""

import pytest

from petal.mask import Aggregation
from petal_server.storage import StorageError
from petal_server.storage.journal import HEAD, MAGIC, Journal, Position, remove_journals

from .stored import CONFIG, LENGTH, masked, total

ROUND = 5


def journal(folder, position=None):
    return Journal(folder, ROUND, position or Position())


def summed(found):
    """How many models a journal holds, and their sum."""
    aggregation = Aggregation(CONFIG, LENGTH)
    found.sum_into(aggregation)
    return aggregation.nb_models, aggregation.object()


@pytest.fixture
def written(tmp_path):
    """A journal of three models; the positions after each of them."""
    found, positions = journal(tmp_path), []
    for number in (1, 2, 3):
        found.append(number, masked(number))
        positions.append(found.position)
    found.sync()
    found.close()
    return found.path, positions


def test_an_empty_journal_has_no_file(tmp_path):
    found = journal(tmp_path)
    found.sync()
    assert summed(found)[0] == 0
    assert found.position == Position()
    assert list(tmp_path.iterdir()) == []


def test_models_are_summed_again(tmp_path, written):
    _, positions = written
    found = journal(tmp_path, positions[-1])
    assert summed(found) == (3, total((1, 2, 3)))
    found.close()


def test_a_tail_torn_at_any_byte_is_cut_off_and_told(tmp_path, written, capsys):
    path, (_, before, after) = written
    data = path.read_bytes()
    for size in range(before.end, after.end + 1):
        path.write_bytes(data[:size])
        found = journal(tmp_path, before)
        told = capsys.readouterr().out
        assert ("cut off what was never answered for" in told) == (size > before.end)
        assert f"bytes={size - before.end}" in told or size == before.end
        assert summed(found) == (2, total((1, 2)))
        # What comes next takes the torn record's place.
        found.append(3, masked(9))
        found.sync()
        assert summed(found) == (3, total((1, 2, 9)))
        found.close()


def test_a_tail_of_anything_is_cut_off(tmp_path, written):
    path, (_, before, _) = written
    data = path.read_bytes()[: before.end]
    for tail in (bytes(1000), b"\xff" * 1000, data):
        path.write_bytes(data + tail)
        found = journal(tmp_path, before)
        assert summed(found) == (2, total((1, 2)))
        assert path.stat().st_size == before.end
        found.close()


def test_a_first_record_that_never_counted_is_removed(tmp_path, written, capsys):
    path, _ = written
    found = journal(tmp_path)
    assert not path.exists()
    assert "cut off what was never answered for" in capsys.readouterr().out
    found.append(1, masked(7))
    assert summed(found) == (1, masked(7))
    found.close()


def test_a_counted_journal_that_is_too_short_is_an_error(tmp_path, written):
    path, positions = written
    data = path.read_bytes()
    for size in range(positions[-1].end):
        path.write_bytes(data[:size])
        with pytest.raises(StorageError, match=r"5-0\.journal is damaged at byte .* backup"):
            summed(journal(tmp_path, positions[-1]))
    path.unlink()
    with pytest.raises(StorageError, match="is damaged at byte 0"):
        journal(tmp_path, positions[-1])


def test_a_byte_changed_anywhere_is_an_error(tmp_path, written):
    path, positions = written
    data = path.read_bytes()
    for place in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[place] ^= flip
            path.write_bytes(changed)
            found = journal(tmp_path, positions[-1])
            with pytest.raises(StorageError, match="is damaged at byte"):
                summed(found)
            found.close()


def test_a_record_twice_or_left_out_is_an_error(tmp_path, written):
    path, positions = written
    data, size = path.read_bytes(), positions[1].end - positions[0].end
    first, rest = data[: positions[0].end], data[positions[0].end :]
    for changed in (first + rest[size:], first + rest[:size] + rest, first + rest[size:] + rest):
        path.write_bytes(changed)
        found = journal(tmp_path, Position(0, len(changed)))
        with pytest.raises(StorageError, match="is damaged at byte"):
            summed(found)
        found.close()


def test_a_size_beyond_the_end_is_not_read(tmp_path, written):
    path, _ = written
    head = HEAD.pack(b"M", 0, 1, 1 << 62)
    path.write_bytes(MAGIC + head)
    found = journal(tmp_path, Position(0, len(MAGIC) + len(head)))
    with pytest.raises(StorageError, match="is damaged at byte 8"):
        summed(found)
    found.close()


def test_a_model_of_another_length_is_an_error(tmp_path, written):
    _, positions = written
    found = journal(tmp_path, positions[-1])
    with pytest.raises(StorageError, match="is damaged at byte 8"):
        found.sum_into(Aggregation(CONFIG, LENGTH + 1))
    found.close()


def test_a_checkpoint_begins_a_file_of_its_own(tmp_path, written):
    path, positions = written
    found = journal(tmp_path, positions[-1])
    found.begin_with(3, total((1, 2, 3)))
    found.append(4, masked(4))
    found.sync()
    assert found.path != path
    assert summed(found) == (4, total((1, 2, 3, 4)))
    reopened = journal(tmp_path, found.position)
    assert summed(reopened) == (4, total((1, 2, 3, 4)))
    assert found.position.first == 3
    # Until the database says that the new file counts, the old one does.
    before = journal(tmp_path, positions[-1])
    assert summed(before) == (3, total((1, 2, 3)))
    for each in (found, reopened, before):
        each.close()


def test_a_checkpoint_torn_at_any_byte_leaves_the_old_file_in_force(tmp_path, written):
    _, positions = written
    found = journal(tmp_path, positions[-1])
    found.begin_with(3, total((1, 2, 3)))
    found.close()
    data = found.path.read_bytes()
    for size in range(len(data) + 1):
        found.path.write_bytes(data[:size])
        old = journal(tmp_path, positions[-1])
        remove_journals(tmp_path, but=old.path)
        assert not found.path.exists()
        assert summed(old) == (3, total((1, 2, 3)))
        old.close()


def test_journals_are_removed_but_one(tmp_path, written):
    path, _ = written
    (tmp_path / "4-0.journal").touch()
    (tmp_path / "keep.txt").touch()
    remove_journals(tmp_path, but=path)
    assert {each.name for each in tmp_path.iterdir()} == {path.name, "keep.txt"}
    remove_journals(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["keep.txt"]
