"""The training module of the demo's tab: what this visitor holds, and what the page asks of it.

Runs in the worker beside `digits`. Images never leave this module except to be shown.
"""

import digits
import numpy as np

held_out = None
hands = []
shard = drawn = digits.join()
trained = None


def load(data):
    """Read digits.npz (bytes); gives how many images of each digit every party holds."""
    global held_out, hands
    dataset = digits.load(bytes(data))
    held_out = dataset.held_out
    hands = digits.shards(dataset)
    return {
        "hands": [hand.counts() for hand in hands],
        "heldOut": len(held_out),
        "modelLength": digits.MODEL_LENGTH,
    }


def hold(party, images, labels):
    """Hold party number `party`'s shard (None: no shard) and the visitor's drawings (k of 64)."""
    global shard, drawn
    shard = digits.join() if party is None else hands[int(party)]
    drawn = digits.drawings(images, labels)
    return mine().counts()


def mine():
    """All that this tab trains on."""
    return digits.join(shard, drawn)


def normalise(ink, side):
    """A drawing of side x side as one of the data's images, 64 numbers 0..16."""
    return digits.from_canvas(np.asarray(ink).reshape(int(side), -1))


def train(model, round):
    """One participant's share of a round: new weights, and their weight in the mean."""
    global trained
    trained = digits.train(model, mine(), int.from_bytes(round.seed[:4], "little"))
    return trained, digits.weight(mine())


def newest():
    """The weights of the last training, None before: what never leaves this tab unmasked."""
    return trained


def evaluate(model):
    """Accuracy, 0..1, on the images that nobody trains on."""
    return digits.evaluate(model, held_out)


def predict(model, image):
    """Ten probabilities."""
    return digits.predict(model, image)
