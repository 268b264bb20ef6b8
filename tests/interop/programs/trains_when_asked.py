"""A Xaynet user's program: trains when it is asked to, keeps the newest global model in a file."""

import json
import logging
import sys
from typing import Optional

import xaynet_sdk

URL, MODEL_FILE, NUMBER = sys.argv[1], sys.argv[2], int(sys.argv[3])
LOG = logging.getLogger(__name__)


class Participant(xaynet_sdk.ParticipantABC):
    def __init__(self, model: list, name: str) -> None:
        self.model = model
        self.name = name
        super().__init__()

    def deserialize_training_input(self, global_model: list) -> list:
        assert isinstance(global_model, list)
        return global_model

    def train_round(self, training_input: Optional[list]) -> list:  # noqa: UP045, as users wrote it
        LOG.info("%s trains from %s", self.name, training_input)
        return self.model

    def serialize_training_result(self, training_result: list) -> list:
        return training_result

    def participate_in_update_task(self) -> bool:
        return True

    def on_new_global_model(self, global_model: Optional[list]) -> None:  # noqa: UP045
        if global_model is not None:
            with open(MODEL_FILE, "a") as filehandle:
                filehandle.write(json.dumps(global_model) + "\n")

    def on_stop(self) -> None:
        print(self.name, "stopped")


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    participant = xaynet_sdk.spawn_participant(
        URL, Participant, args=([NUMBER / 8, -0.5, 0.345, 1], f"participant {NUMBER}")
    )
    try:
        participant.join()
    except KeyboardInterrupt:
        participant.stop()


if __name__ == "__main__":
    main()
