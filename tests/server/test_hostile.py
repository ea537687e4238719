# SPDX-License-Identifier: Apache-2.0
"""Hostile clients of all kinds at once, an honest one beside them, and a watch over the process.

`NESTVEC_HOSTILE_SECONDS=60` for the full length. `NESTVEC_HOSTILE_RECORD=file.json` keeps what the watch saw;
`bench/load/hostile_curve.py` draws it."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time

import hostile
import pytest
from process import Served
from waiting import wait_until

SECONDS = float(os.environ.get("NESTVEC_HOSTILE_SECONDS", "12"))
CLIENTS = 64
MEMORY = 512  # MiB, of the whole process
TOLERANCE = 64
KEYS = "honest-key-of-a-customer,hostile-key-of-another"
HONEST = {"Authorization": "Bearer honest-key-of-a-customer"}


class Beside(threading.Thread):
    """Calls something again and again and notes when it began, how long it took and what came of it."""

    def __init__(self, call, pause, begin):
        super().__init__()
        self.call, self.pause, self.begin = call, pause, begin
        self.over = threading.Event()
        self.seen = []

    def run(self):
        while not self.over.wait(self.pause):
            start = time.monotonic()
            try:
                found = self.call()
            except OSError as failure:
                found = repr(failure)
            self.seen.append((start - self.begin, time.monotonic() - start, found))

    def finish(self):
        self.over.set()
        self.join()
        return self.seen


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """What was seen: resident memory, the honest client's calls, probes; memory before and after."""
    with Served(tmp_path_factory.mktemp("hostile"), "--cpu-memory", f"{MEMORY}Mi", "--max-connections", "256",
                env={"NESTVEC_API_KEYS": KEYS}) as served:
        # What the model itself takes for a full batch, which the plan counts, it keeps.
        for texts in (["word " * 9000], ["word " * 300] * 64, ["a"], ["word " * 9000], ["a"]):
            assert served.embed(texts, headers=HONEST).status == 200
        host, port = served.address
        begin = time.monotonic()
        before = served.rss()
        beside = {
            "memory": Beside(served.rss, 0.05, begin),
            "honest": Beside(lambda: served.embed(["a short text"], headers=HONEST).status, 0.05, begin),
            "health": Beside(lambda: served.call("GET", "/health").status, 0.1, begin),
            "metrics": Beside(lambda: served.call("GET", "/metrics").status, 0.5, begin),
        }
        for thread in beside.values():
            thread.start()
        ran = subprocess.run([sys.executable, hostile.__file__, host, str(port), str(SECONDS), str(CLIENTS),
                              KEYS.partition(",")[2]], check=True, capture_output=True, text=True)
        seen = {name: thread.finish() for name, thread in beside.items()}
        with contextlib.suppress(AssertionError):  # a test of its own says so
            wait_until(lambda: served.rss() <= before * 1.1, "memory as before", seconds=30)
        after = served.rss()
        assert served.embed(headers=HONEST).status == 200
    seen |= {"before": before, "after": after, "kinds": json.loads(ran.stdout), "seconds": SECONDS}
    if record := os.environ.get("NESTVEC_HOSTILE_RECORD"):
        with open(record, "w") as file:
            json.dump(seen, file)
    for name in ("honest", "health", "metrics"):
        taken = sorted(seconds for _, seconds, _ in seen[name])
        print(f"{name}: {len(taken)} calls, p50 {1e3 * taken[len(taken) // 2]:.0f} ms, "
              f"p99 {1e3 * taken[len(taken) * 99 // 100]:.0f} ms, longest {1e3 * taken[-1]:.0f} ms")
    print(f"memory: before {before >> 20} MiB, most {max(size for _, _, size in seen['memory']) >> 20} MiB, "
          f"after {after >> 20} MiB")
    return seen


def test_every_kind_was_tried(attacked):
    assert set(attacked["kinds"]) == set(hostile.KINDS)


def test_memory_stays_within_its_budget(attacked):
    assert max(size for _, _, size in attacked["memory"]) < (MEMORY + TOLERANCE) << 20


def test_memory_goes_back(attacked):
    assert attacked["after"] <= attacked["before"] * 1.1, f"{attacked['before'] >> 20} MiB before, {attacked['after'] >> 20} after"


@pytest.mark.parametrize("who", ["honest", "health", "metrics"])
def test_others_are_answered_throughout(attacked, who):
    assert attacked[who]
    assert {found for _, _, found in attacked[who]} == {200}
