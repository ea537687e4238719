# SPDX-License-Identifier: Apache-2.0
"""Threads, signals, processes and memory."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import nestvec
from command import MODELS
from interrupted import interrupted
from waiting import wait_until

TEXTS = [f"Text number {i} of a list." for i in range(64)]


def test_threads_get_the_vectors_that_one_gets(model):
    expected = {task.name: model.encode(TEXTS, task=task.name).tobytes() for task in model.info.tasks}
    results = []

    def work(task):
        for _ in range(5):
            results.append((task, model.encode(TEXTS, task=task).tobytes()))

    threads = [threading.Thread(target=work, args=(task.name,)) for task in model.info.tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 5 * len(expected)
    assert all(result == expected[task] for task, result in results)


def test_other_threads_run_during_encode(minilm):
    texts = ["word " * 200] * 25
    steps, done = [], threading.Event()

    def count():
        while not done.wait(0.001):
            steps.append(None)

    counter = threading.Thread(target=count)
    counter.start()
    before = len(steps)
    minilm.encode(texts)
    during = len(steps) - before
    done.set()
    counter.join()
    assert during > 5


def test_pickle_is_a_reference(model):
    data = pickle.dumps(model)
    assert len(data) < 1000 and str(MODELS / "v3-tiny").encode() in data
    assert pickle.loads(data) is model
    assert copy.deepcopy(model) is model


def test_pickle_in_another_process(model, python):
    script = """
import pickle, sys
model, again = pickle.loads(bytes.fromhex(sys.argv[1])), pickle.loads(bytes.fromhex(sys.argv[1]))
assert model is again
assert model.info.precision == "fp32"
print(model.encode(["A text.", "Another."]).tobytes().hex())
"""
    output = python(script, pickle.dumps(model).hex())
    assert output.strip() == model.encode(["A text.", "Another."]).tobytes().hex()


def test_workers_of_multiprocessing(python):
    """Pools start processes with "spawn" and with "fork"; a forked one loads its own model."""
    script = """
import multiprocessing, sys, nestvec

def embed(text):
    global model
    if "model" not in globals():
        model = nestvec.Model.load(sys.argv[1])
    return model.encode(text).tobytes()

texts = [f"text {i}" for i in range(8)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    rows = pool.map(embed, texts)
assert rows == [embed(text) for text in texts]
"""
    python(script, MODELS / "v3-tiny")


def test_a_forked_child_is_told(python):
    script = """
import os, pickle, sys, nestvec
model = nestvec.Model.load(sys.argv[1])
expected = model.encode("x").tobytes()
data = pickle.dumps(model)
child = os.fork()
if child == 0:
    status = 1
    try:
        model.encode("x")
    except nestvec.FailedPreconditionError as error:
        assert isinstance(error, RuntimeError) and "fork" in str(error), error
        del model
        # What its parent loaded is not in the way of what it loads.
        status = 0 if pickle.loads(data).encode("x").tobytes() == expected else 2
    finally:
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert model.encode("x").tobytes() == expected
"""
    python(script, MODELS / "v3-tiny")


@pytest.mark.parametrize("call", ["model.encode(texts)", "model.encode(iter(texts))", "model.tokenize_and_embed(texts)",
                                  "model.encode_kinds(texts, ['dense'])"])
def test_the_interpreter_ends_while_daemon_threads_encode(home, call):
    script = f"""
import sys, threading, nestvec
model = nestvec.Model.load(sys.argv[1])
texts = ["A text of several words. " * 20] * 500
begun = threading.Semaphore(0)
def work():
    while True:
        begun.release()
        {call}
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
for _ in range(4):
    begun.acquire()
class Last:
    def __del__(self, model=model):
        assert model.encode("x").shape == (32,)  # the thread that ends the interpreter still can
last = Last()
sys.exit(3)
"""
    done = subprocess.run([sys.executable, "-c", script, MODELS / "bert-tiny"], capture_output=True, timeout=300, text=True,
                          env={**os.environ, "NESTVEC_CACHE_DIR": str(home / "cache")})
    assert (done.returncode, done.stderr) == (3, "")


def test_ctrl_c_ends_encode(minilm_folder, home):
    script = """
import sys, nestvec
model = nestvec.Model.load(sys.argv[1], cache_dir=sys.argv[2])
texts = ["word " * 300] * 100_000  # hours
try:
    model.encode(texts, truncate="right", show_progress_bar=True)
except KeyboardInterrupt:
    print("interrupted", model.encode("still works").shape, flush=True)
"""
    assert interrupted(script, minilm_folder, home / "cache") == "interrupted (384,)\n"


def test_what_a_progress_callback_raises_ends_encode(model):
    def progress(finished):
        raise RuntimeError(f"at {finished}")

    arguments = {"task": "", "dimensions": 0, "normalize": None, "late_chunking": False, "parse_special": True,
                 "truncate": "right", "prompt": None, "batch_tokens": 0, "progress": progress}
    with pytest.raises(RuntimeError, match="at "):
        model._core.encode(TEXTS, arguments)
    assert model.encode(TEXTS).shape[0] == len(TEXTS)


def test_memory_is_the_vectors_and_no_more(python):
    """Resident memory after the list and after its vectors: what lies between is the array."""
    script = """
import resource, sys, nestvec
model = nestvec.Model.load(sys.argv[1])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
texts = [f"Text {i}" for i in range(int(sys.argv[2]))]
model.encode(texts[:5000], dimensions=32)
before = peak()
rows = model.encode(texts, dimensions=32)
print((peak() - before) * 1024 - rows.nbytes)
"""
    few = int(python(script, MODELS / "bert-tiny", "20000"))
    many = int(python(script, MODELS / "bert-tiny", "70000"))
    # Each text more may cost its row, and no copy of itself (32 bytes), of its tokens or of another row.
    assert (many - few) / 50_000 < 24


def test_signals_of_the_caller_come_through(model):
    """A handler that does not raise does not end the call."""
    seen = []
    previous = signal.signal(signal.SIGALRM, lambda *_: seen.append(None))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        rows = model.encode(TEXTS * 60)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert seen and rows.shape[0] == len(TEXTS) * 60


def test_notes_are_logged(load, caplog, capfd):
    with caplog.at_level("INFO", logger="nestvec"):
        load("v3-tiny")
    assert any("memory plan" in record.message for record in caplog.records)
    assert capfd.readouterr() == ("", "")


def test_a_model_goes_when_nobody_holds_it(load):
    def threads():
        return len(os.listdir("/proc/self/task"))

    before = threads()
    model = load("v3-tiny", default_task="classification")
    data = pickle.dumps(model)
    assert np.isfinite(model.encode("x")).all() and threads() > before
    del model
    wait_until(lambda: threads() == before, "its threads have ended")
    assert pickle.loads(data).info.default_task == "classification"
    with pytest.raises(nestvec.InvalidArgumentError):
        load("v3-tiny", default_task="nonsense")
