"""What the page makes of a visitor's CSV file."""

import numpy as np
import pytest

from demo import table
from petal_server.demo_tasks import find_tasks

from .test_assets import WEB

KINDS = ["malignant", "benign"]
SIMPLE = b"name,size,weight,kind\na,1,2.5,benign\nb,3,4,malignant\n"


def test_delimiter_header_types_and_label_are_found():
    for delimiter, word in ((",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")):
        read = table.read(SIMPLE.replace(b",", delimiter.encode()))
        assert table.DELIMITERS[read.delimiter] == word
        assert (read.header, read.named) == (["name", "size", "weight", "kind"], True)
        assert list(table.types(read).values()) == ["text", "number", "number", "text"]
        assert table.guess_label(read, KINDS) == "kind"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_common_encoding_and_line_end(encoding, end):
    read = table.read(SIMPLE.decode().replace("\n", end).replace("a,", "é,").encode(encoding))
    assert read.column("name") == ["é", "b"]
    assert read.lines == [2, 3]


def test_the_task_s_own_file_gives_the_task_s_own_numbers():
    task = find_tasks(WEB)["cancer"]
    module = task.load_module()
    read = table.read(task.data.read_bytes())
    assert table.guess_label(read, KINDS) == "diagnosis"
    features, labels = table.examples(read, "diagnosis", task.about["columns"], KINDS)
    dataset = module.load(task.data)
    whole = module.join(dataset.training, dataset.held_out)
    assert sorted(map(tuple, features)) == sorted(map(tuple, whole.features))
    assert np.bincount(labels).tolist() == whole.counts() == [212, 357]


def test_columns_are_found_by_other_spellings_in_any_order():
    read = table.read(b"id;diagnosis;Radius_SE;radius_mean\n9;M;0,5;14\n8;B;1,5;12\n")
    features, labels = table.examples(read, "diagnosis", ["mean radius", "radius error"], KINDS)
    assert features.tolist() == [[14, 0.5], [12, 1.5]]
    assert labels.tolist() == [0, 1]


def test_a_file_without_header_is_taken_in_order():
    read = table.read(b"7,0,16\n1,5,6\n")
    assert (read.named, read.header) == (False, ["column 1", "column 2", "column 3"])
    features, labels = table.examples(read, "column 1", 2, list("0123456789"))
    assert (features.tolist(), labels.tolist()) == ([[0, 16], [5, 6]], [7, 1])


def test_quoted_cells_keep_delimiters_and_lines():
    read = table.read(b'what,n\n"a, b\nc",1\nd,2\n')
    assert read.column("what") == ["a, b\nc", "d"]
    assert read.lines == [3, 4]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\xff\xfa\x00", "CSV UTF-8"),
        (b"only\n1\n", "this file has 1"),
        (b"a,b\n", "no row below"),
        (b"a,a\n1,2\n", "Column 2 needs a name"),
        (b"a,\n1,2\n", "Column 2 needs a name"),
        (b"a,b\n1,2\n1,2,3\n", "Row 3 has 3 cells, the first row 2"),
        (b'a,b\n1,"2\n', "cannot be read"),
        (b"a,b\n" + b"1,2\n" * 100_002, "more than 100,000 rows"),
        (b"x" * 20_000_001, "larger than 20 MB"),
        (b",".join(b"c%d" % i for i in range(2001)) + b"\n", "2 to 2,000 columns"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(data, said):
    with pytest.raises(ValueError, match=said):
        table.read(data)


@pytest.mark.parametrize(
    ("cells", "label", "said"),
    [
        ("x,2,benign", "kind", "Row 3, column “size”: “x” is no number"),
        ("nan,2,benign", "kind", "Row 3, column “size”: “nan” is no number"),
        (",2,benign", "kind", "Row 3, column “size”: the cell is empty"),
        ("1,2,odd", "kind", "Row 3, column “kind”: “odd” is none of malignant, benign"),
        ("x,y,odd", "kind", r"is none of malignant, benign\. 2 more cells are wrong"),
        ("1,2,benign", "sort", "no column “sort”"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(cells, label, said):
    read = table.read(f"size,weight,kind\n1,2,benign\n{cells}\n".encode())
    with pytest.raises(ValueError, match=said):
        table.examples(read, label, ["size", "weight"], KINDS)


def test_missing_columns_are_named():
    read = table.read(SIMPLE)
    with pytest.raises(ValueError, match="lacks 1 of the 2 columns that this task needs: “height”"):
        table.examples(read, "kind", ["size", "height"], KINDS)
    with pytest.raises(ValueError, match=r"needs 64 columns of numbers .* has 2"):
        table.examples(read, "kind", 64, KINDS)
