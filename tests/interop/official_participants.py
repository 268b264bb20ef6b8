"""Official Xaynet participants (`xaynet-sdk-python` 0.1.0) against any coordinator.

    python tests/interop/official_participants.py URL -n 20 --processes 4

Each has a number i. As an update participant it sends 0 everywhere but `value` at weight i, and
its scalar is (i % 3 + 1) / 4: the global model then tells who took part and with what weight.
Prints a JSON object a line to stdout: {"participant", "event": "ready" | "model" | "trained" |
"role" | "error" | "log", ...}. Runs until its standard input is closed.

The client holds the interpreter lock while it waits for the network, so participants that share
a process wait for each other; --processes spreads them.
"""

import argparse
import json
import logging
import subprocess
import sys
import threading

ROLES = {0: "none", 1: "sum", 2: "update"}


def scalar_of(number):
    """Binary fractions within every bound: nothing is lost on the way."""
    return (number % 3 + 1) / 4


def weights_of(number, length, value):
    """`value` at the participant's own place, 0 elsewhere."""
    return [value if place == number % length else type(value)(0) for place in range(length)]


_writing = threading.Lock()


def tell(**fields):
    """One whole line at a time, whichever thread it comes from."""
    write(json.dumps(fields) + "\n")


def write(line):
    with _writing:
        sys.stdout.write(line)
        sys.stdout.flush()


class Warnings(logging.Handler):
    """Whatever the client complains of is an event too."""

    def emit(self, record):
        tell(event="log", level=record.levelname, message=record.getMessage())


def participant_class(xaynet_sdk, tell):
    """The program of a Xaynet user; `xaynet_sdk` is the official package or petal.client."""

    class Participant(xaynet_sdk.ParticipantABC):
        def __init__(self, number, length, value):
            self.number, self.length, self.value = number, length, value
            super().__init__()

        def deserialize_training_input(self, global_model: list) -> list:
            return global_model

        def train_round(self, training_input):
            tell(participant=self.number, event="trained", from_model=training_input is not None)
            return weights_of(self.number, self.length, self.value)

        def serialize_training_result(self, training_result) -> list:
            return training_result

        def on_new_global_model(self, global_model) -> None:
            tell(participant=self.number, event="model", model=global_model)

    return Participant


def take_part(options):
    """Spawn this process's participants and watch them until standard input ends."""
    import xaynet_sdk

    logging.getLogger("participant").addHandler(Warnings(logging.WARNING))
    value = int(options.value) if options.integers else options.value
    handles = {}
    for number in range(options.first, options.first + options.participants):
        handles[number] = xaynet_sdk.spawn_participant(
            options.url,
            participant_class(xaynet_sdk, tell),
            args=(number, options.length, value),
            scalar=scalar_of(number),
        )
        tell(participant=number, event="ready")
    watch = Watch(handles)
    wait_for_end(watch)
    return int(watch.dead)


class Watch:
    """Looks at the client's roles; true once a participant's thread has ended."""

    def __init__(self, handles):
        self.handles, self.roles, self.dead = handles, {}, False

    def __call__(self):
        for number, handle in self.handles.items():
            # The client holds the lock while it works, so this never meets it at work.
            role = ROLES[handle._xaynet_participant.task()]
            if self.roles.get(number) != role:
                self.roles[number] = role
                tell(participant=number, event="role", role=role)
            if not handle.is_alive():
                self.dead = True
                tell(participant=number, event="error", message="its thread ended")
        return self.dead


def spread(options):
    """One child process for each share; standard input's end goes to all, their lines through."""
    shares = [options.participants // options.processes] * options.processes
    for index in range(options.participants % options.processes):
        shares[index] += 1
    children, first = [], options.first
    for share in filter(None, shares):
        command = [sys.executable, __file__, options.url, "-n", str(share), "--first", str(first)]
        command += ["--length", str(options.length), "--value", str(options.value)]
        command += ["--integers"] if options.integers else []
        children.append(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        first += share
    forwarders = [threading.Thread(target=forward, args=(child,)) for child in children]
    for forwarder in forwarders:
        forwarder.start()
    wait_for_end(lambda: any(child.poll() is not None for child in children))
    for child in children:
        child.stdin.close()
    for forwarder in forwarders:
        forwarder.join()
    return max(child.wait() for child in children)


def forward(child):
    for line in child.stdout:
        write(line)


def wait_for_end(over):
    """Return when standard input is closed, or `over()` says so."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.wait(0.02) and not over():
        pass


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="the coordinator's address")
    parser.add_argument("-n", "--participants", type=int, default=20)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first participant")
    parser.add_argument("--length", type=int, required=True, help="the model's length")
    parser.add_argument("--value", type=float, default=0.5, help="the one weight that is not 0")
    parser.add_argument("--integers", action="store_true", help="for the types I32 and I64")
    options = parser.parse_args()
    return spread(options) if options.processes > 1 else take_part(options)


if __name__ == "__main__":
    sys.exit(main())
