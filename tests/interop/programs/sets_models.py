"""A Xaynet user's program: sets a local model whenever a new global model is announced."""

import json
import sys

import xaynet_sdk

URL, MODEL_FILE, NUMBER = sys.argv[1], sys.argv[2], int(sys.argv[3])


def main() -> None:
    participant, global_model_notifier = xaynet_sdk.spawn_async_participant(URL)
    try:
        while global_model_notifier.wait():
            global_model = participant.get_global_model()
            if global_model is not None:
                with open(MODEL_FILE, "a") as filehandle:
                    filehandle.write(json.dumps(global_model) + "\n")
            participant.set_local_model([NUMBER / 8, -0.5, 0.345, 1])
    except KeyboardInterrupt:
        state = participant.stop()
        json.dumps(state)
        print("participant", NUMBER, "stopped")


if __name__ == "__main__":
    main()
