"""A visitor's own files: read, shown, split, trained on; errors by row and column."""

import json
import re

import numpy as np
import pytest

from petal.round import Role

from .cast import CONFIG as ONE_ROUND
from .cast import machine, playing
from .conftest import CONFIG
from .processes import ROOT, wait_until

CANCER = CONFIG.replace("2410", "266")
SAMPLE = ROOT / "web/demo/tasks/cancer/cancer.csv"
DRAW = """async ([classes, each, inverted]) => {
  const files = [];
  for (const digit of classes) for (let i = 0; i < each; i++) {
    const canvas = new OffscreenCanvas(50 + i, 40);
    const pen = canvas.getContext("2d");
    pen.fillStyle = inverted ? "black" : "white";
    pen.fillRect(0, 0, 99, 99);
    pen.fillStyle = inverted ? "white" : "black";
    pen.font = "30px sans-serif";
    pen.fillText(digit, 12 + i, 32);
    const blob = await canvas.convertToBlob();
    files.push([`some/${digit}/${i}.png`, Array.from(new Uint8Array(await blob.arrayBuffer()))]);
  }
  return files;
}"""


def ready(page):
    wait_until("data is there", lambda: " in this tab" in page.inner_text("#data-note"))
    return page


@pytest.fixture
def table(coordinate, tabs):
    return ready(tabs(coordinate(config=CANCER).url + "/?party=2"))


def choose(page, text: str | bytes, name: str = "mine.csv") -> None:
    data = text.encode() if isinstance(text, str) else text
    page.set_input_files("#csv-file", {"name": name, "mimeType": "text/csv", "buffer": data})


def counts(page) -> str:
    return wait_until("the file is split", lambda: page.inner_text("#own-counts"))


def error(page) -> str:
    return wait_until(
        "an error", lambda: page.is_visible("#own-error") and page.inner_text("#own-error")
    )


def test_a_csv_is_read_shown_split_and_counted(table):
    page = table
    choose(page, SAMPLE.read_bytes())
    assert counts(page) == (
        "To train on: 456 (170 malignant, 286 benign). To check on: 113 (42 malignant, 71 benign)."
    )
    assert page.inner_text("#own-note") == (
        "mine.csv: 569 rows, 31 columns, separated by comma, names in the first row."
    )
    assert page.input_value("#own-label") == "diagnosis"
    assert page.locator("#own-table thead th").count() == 31
    assert "mean radius" in page.inner_text("#own-table thead")
    assert page.locator("#own-table tbody tr").count() == 5
    assert page.is_checked("#use-own")
    assert not page.is_checked("#use-shard")
    sample = int(re.search(r"\((\d+) rows\)", page.inner_text("#party option:checked"))[1])
    own = lambda n: page.inner_text("#data-note").startswith(f"{n} rows")  # noqa: E731
    wait_until("it is what this tab trains on", lambda: own(456))
    assert page.get_attribute("#classes", "aria-label") == "170 of malignant, 286 of benign"

    page.select_option("#own-share", "0")
    wait_until("nothing is kept back", lambda: own(569))
    page.check("#use-shard")
    wait_until("the sample counts too", lambda: own(569 + sample))
    page.click("#own-forget")
    wait_until("the file is gone", lambda: own(sample))
    assert page.is_disabled("#use-own")


def test_wrong_cells_are_named_and_the_earlier_file_stays(table):
    page = table
    choose(page, SAMPLE.read_bytes())
    before = counts(page)
    lines = SAMPLE.read_text().splitlines()
    choose(page, "\n".join([*lines[:3], lines[3].replace("21.25", "many"), *lines[4:]]))
    assert error(page) == "Row 4, column “mean texture”: “many” is no number."
    wait_until("it is not used", lambda: page.is_disabled("#use-own"))
    choose(page, "\n".join([*lines[:2], "1,2"]))
    wait_until("another error", lambda: "Row 3 has 2 cells" in page.inner_text("#own-error"))
    choose(page, "radius,kind\n1,benign\n")
    wait_until("another error", lambda: "lacks 30 of the 30" in page.inner_text("#own-error"))
    choose(page, b"\x89PNG", "picture.png")
    wait_until("another error", lambda: "is no CSV file" in page.inner_text("#own-error"))
    choose(page, SAMPLE.read_bytes())
    wait_until("the right file is read", lambda: page.inner_text("#own-counts") == before)
    assert not page.is_visible("#own-error")


def test_the_label_column_can_be_chosen(table):
    page = table
    header, *rows = SAMPLE.read_text().splitlines()
    again = [f"{row},{'benign' if i % 2 else 'malignant'}" for i, row in enumerate(rows[:100])]
    choose(page, "\n".join([f"{header},other", *again]))
    counts(page)
    page.select_option("#own-label", "other")
    wait_until(
        "half are benign", lambda: "40 malignant, 40 benign" in page.inner_text("#own-counts")
    )
    page.select_option("#own-label", "mean area")
    assert "lacks 1 of the 30 columns that this task needs: “mean area”" in error(page)
    page.select_option("#own-label", "diagnosis")
    wait_until("it is used again", lambda: page.is_checked("#use-own"))


def test_a_model_is_trained_on_a_file_and_checked_on_what_was_kept(coordinate, tabs):
    config = ONE_ROUND.replace("4000", "266")
    coordinator = coordinate(config=config, sum_prob=0.001)  # so the tabs are to update
    page = ready(tabs(coordinator.url))
    other = ready(tabs(f"{coordinator.url}/?party=1"))
    page.click("#try-sample")
    counts(page)
    others = [machine(coordinator, role) for role in (Role.SUM, Role.UPDATE)]
    for each in (page, other):
        each.click("#join")
    with playing(coordinator, *others):
        wait_until(
            "the model is checked on the file",
            lambda: re.search(r"keep for checking: [\d.]+ %", page.inner_text("#checked")),
        )
    wait_until("the numbers that left are shown", lambda: page.locator("#pairs tr").count() == 8)
    trained = page.evaluate("petal.participant.call('newest')")
    cells = [row.split("\t") for row in page.inner_text("#pairs").splitlines() if row]
    assert len({masked for *_, masked in cells}) == 8
    assert all(masked.isdigit() for *_, masked in cells)
    assert len(trained) == 266
    assert re.fullmatch(r"[\d.]+ [kM]B", page.inner_text("#sent"))
    assert float(page.inner_text("#sent").split()[0]) > 1

    with page.expect_download() as download:
        page.click("#save-npy")
    model = np.load(download.value.path(), allow_pickle=False)
    assert (model.shape, str(model.dtype)) == ((266,), "float32")
    with page.expect_download() as download:
        page.click("#save-json")
    saved = json.loads(download.value.path().read_text())
    assert (saved["task"], len(saved["weights"])) == ("cancer", 266)


@pytest.mark.parametrize("inverted", [False, True])
def test_images_are_labelled_by_folder(coordinate, tabs, tmp_path, inverted):
    page = ready(tabs(coordinate().url))
    folder = tmp_path / "images"
    for path, data in page.evaluate(DRAW, [["3", "8"], 5, inverted]):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(data))
    page.set_input_files("#image-folder", folder)
    wait_until("all are read", lambda: "labelled by folder" in page.inner_text("#own-note"))
    assert "To train on: 8 (0 0, 0 1, 0 2, 4 3," in counts(page)
    assert page.locator("#own-images li").count() == 10
    wait_until(
        "they are what this tab trains on",
        lambda: page.inner_text("#data-note").startswith("8 images"),
    )
    # Strokes are dark whatever the paper was: the corners of the 8 x 8 are blank.
    corners = page.evaluate("""() => Array.from(document.querySelectorAll("#own-images canvas"),
      (canvas) => canvas.getContext("2d").getImageData(0, 0, 8, 8).data[3])""")
    assert max(corners) == 0

    (folder / "some" / "3" / "0.png").write_bytes(b"no image at all")
    page.set_input_files("#image-folder", folder)
    assert "0.png cannot be read as an image" in error(page)
    (folder / "some" / "3").rename(folder / "some" / "three")
    page.set_input_files("#image-folder", folder)
    wait_until("the folder is named", lambda: "the folder “three”" in page.inner_text("#own-error"))


def test_a_file_may_be_dropped(table):
    page = table
    transfer = page.evaluate_handle(
        """(text) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
          return transfer;
        }""",
        SAMPLE.read_text(),
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    assert "To train on: 456" in counts(page)
    assert page.inner_text("#own-note").startswith("dropped.csv: 569 rows")


def test_a_digits_csv_needs_64_columns(coordinate, tabs):
    page = ready(tabs(coordinate().url))
    header = ",".join([*(f"p{i}" for i in range(64)), "digit"])
    rows = [",".join([*(str((i * j) % 17) for i in range(64)), str(j % 10)]) for j in range(30)]
    choose(page, "\n".join([header, *rows]))
    assert "To train on: 20 (2 0, 2 1" in counts(page)
    choose(page, "\n".join(line.partition(",")[2] for line in (header, *rows)))
    assert "needs 64 columns of numbers beside the label; the file has 63" in error(page)
    choose(page, "\n".join([header, rows[0].replace("0", "99", 1)]))
    wait_until("pixels are held to 16", lambda: "from 0 to 16" in page.inner_text("#own-error"))
