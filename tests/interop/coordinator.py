"""The real coordinator, `petal serve`, in a process of its own on a free port."""

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

SECONDS = 60
ROOT = Path(__file__).parents[2]

CONFIG = """
[api]
bind_address = "127.0.0.1:0"
{api}
[log]
filter = "petal=debug,info"
format = "json"
[web]
enable = false
[storage]
path = "{folder}/petal-data"
[mask]
group_type = "{}"
data_type = "{}"
bound_type = "{}"
model_type = "{}"
[model]
length = {length}
[round]
failure_delay = 0.1
[pet.sum]
prob = 0.4
count = {{ min = 1, max = 100 }}
time = {{ min = {time}, max = {longest} }}
[pet.update]
prob = 1.0
count = {{ min = 3, max = 100 }}
time = {{ min = {time}, max = {longest} }}
[pet.sum2]
count = {{ min = 1, max = 100 }}
time = {{ min = {time}, max = {longest} }}
"""


class Coordinator:
    """Its address, and its log: one dictionary a line, complete once it has ended."""

    def __init__(self, url, process):
        self.url, self.process, self.log = url, process, []

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(json.loads(line))

    def events(self, event):
        return [line for line in self.log if line["event"] == event]


@contextmanager
def coordinator(folder, masking, length, *, time=1.0, more="", api=""):
    """A running coordinator, phases of at least `time` seconds; it has to end well when asked to.

    `more` goes at the end of its settings, `api` into that section.

    The lot may give a round too few participants of a role: that round fails soon.
    """
    config = Path(folder, "config.toml")
    config.write_text(
        CONFIG.format(
            *masking.split("/"), api=api, folder=folder, length=length, time=time, longest=time + 5
        )
        + more
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PETAL__", "XAYNET__"))}
    process = subprocess.Popen(
        [sys.executable, "-c", "from petal_server.cli import main; main()", "serve", "-c", config],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    found = re.search(r"https?://\S+", first)
    assert found, (first, process.stderr.read())
    running = Coordinator(found[0].rstrip("/"), process)
    reader = threading.Thread(target=running.read_log)
    reader.start()
    try:
        yield running
    finally:
        process.terminate()
        code = process.wait(SECONDS)
        reader.join(SECONDS)
        process.stdout.close()
        process.stderr.close()
    assert code == 0
