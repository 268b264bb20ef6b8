"""The training module of the demo's tab: what this visitor holds, and what the page asks of it.

Runs in the worker. The task's module (docs/tasks.md) comes from the page with `open_task`. Data
never leaves this module except to be shown.
"""

import types

import numpy as np
import table

task = None
held_out = None
hands = []
shard = drawn = own = checked = None
by_examples = True
trained = None
sheet = None  # the CSV file that was read last
pictures = []


def open_task(source, data):
    """Take up a task: its module's source and its data (bytes).

    Gives how many examples of each class every party holds.
    """
    global task, held_out, hands, shard, drawn, own, checked, trained
    task = types.ModuleType("task")
    exec(compile(source, "task.py", "exec"), task.__dict__)  # noqa: S102, the server's own page
    dataset = task.load(bytes(data))
    held_out = dataset.held_out
    hands = task.shards(dataset)
    shard = drawn = own = checked = task.join()
    trained = None
    return {"hands": [hand.counts() for hand in hands], "heldOut": len(held_out)}


def hold(party, images, labels, with_own, weighed=True):
    """Hold party number `party`'s shard (None: none), the visitor's drawings and their files.

    `weighed`: updates count by how many examples those are, which is not hidden.
    """
    global shard, drawn, by_examples
    by_examples = weighed
    parts = [] if party is None else [hands[int(party)]]
    drawn = task.examples(images, labels)
    shard = task.join(*parts, *([own] if with_own else []))
    return mine().counts()


def mine():
    """All that this tab trains on."""
    return task.join(shard, drawn)


def read_csv(data, classes):
    """Read a CSV file (bytes); says what was found. `take_csv` makes it the visitor's own data."""
    global sheet
    sheet = table.read(bytes(data))
    found = table.types(sheet)
    return {
        "rows": len(sheet.rows),
        "columns": [{"name": name, "type": found[name]} for name in sheet.header],
        "delimiter": table.DELIMITERS[sheet.delimiter],
        "header": sheet.named,
        "label": table.guess_label(sheet, classes),
        "first": sheet.rows[:5],
    }


def take_csv(label, columns, classes, share):
    """Make the file's rows the visitor's own data; `share` of them only checks the model."""
    return _own(*table.examples(sheet, label, columns, classes), share)


def add_picture(ink, side):
    """One image of the visitor's folder, side x side; gives it as the task sees it."""
    pictures.append(normalise(ink, side))
    return pictures[-1]


def take_pictures(labels, share):
    """Make the pictures added since `drop_pictures` the visitor's own data."""
    return _own(pictures, labels, share)


def drop_pictures():
    """Begin another folder."""
    pictures.clear()


def _own(features, labels, share):
    """Keep a `share` of every class for checking, evenly spread over the file."""
    global own, checked
    labels = np.asarray(labels, np.int64)
    kept = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = round(len(rows) * float(share))
        kept[rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]] = True
    rows = np.asarray(features)
    own = task.examples(rows[~kept], labels[~kept])
    checked = task.examples(rows[kept], labels[kept])
    return {"training": own.counts(), "checking": checked.counts()}


def forget_own():
    """Drop the visitor's files."""
    global own, checked, sheet
    own = checked = task.join()
    sheet = None
    pictures.clear()


def normalise(ink, side):
    """A drawing of side x side as one of the data's images, 64 numbers 0..16."""
    return task.from_canvas(np.asarray(ink).reshape(int(side), -1))


def train(model, round):
    """One participant's share of a round: new weights, and their weight in the mean."""
    global trained
    trained = task.train(model, mine(), int.from_bytes(round.seed[:4], "little"))
    return (trained, task.weight(mine())) if by_examples else trained


def newest():
    """The weights of the last training, None before: what never leaves this tab unmasked."""
    return trained


def evaluate(model):
    """How good the model is where nobody trained, and on what the visitor kept for checking."""
    return {
        "accuracy": task.evaluate(model, held_out),
        "loss": task.loss(model, held_out),
        "checked": task.evaluate(model, checked) if len(checked) else None,
    }


def example(number):
    """One of the examples that nobody trains on: its features and its class."""
    at = int(number) % len(held_out)
    return {"features": held_out.features[at], "label": int(held_out.labels[at])}


def predict(model, features):
    """A probability for each class."""
    return task.predict(model, np.asarray(features))
