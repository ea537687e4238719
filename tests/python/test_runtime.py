# SPDX-License-Identifier: Apache-2.0
"""Several models in one runtime: their results, the memory that they share, and their ends."""

import gc
import pickle
import threading

import numpy as np
import pytest

import nestvec
from command import MODELS

TEXTS = [f"the cat sat on mat {i}" for i in range(40)]


@pytest.fixture
def runtime():
    return nestvec.Runtime()


@pytest.fixture
def into(home):
    """Runtime.load with a cache of the tests."""

    def into(runtime, name, **settings):
        return runtime.load(MODELS / name, cache_dir=home / "cache", precision="fp32", **settings)

    return into


def test_each_gives_what_it_gives_alone(runtime, into, load):
    embedder, reranker, sparse = (into(runtime, name) for name in ("v3-tiny", "bert-reranker-tiny", "splade-tiny"))
    expected = (load("v3-tiny", precision="fp32").encode(TEXTS),
                load("bert-reranker-tiny", precision="fp32").rerank("a cat", TEXTS),
                load("splade-tiny", precision="fp32").encode_kinds(TEXTS, ["sparse"]).sparse)
    results = []

    def ask():
        for _ in range(5):
            results.append((embedder.encode(TEXTS), reranker.rerank("a cat", TEXTS),
                            sparse.encode_kinds(TEXTS, ["sparse"]).sparse))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    for vectors, scores, weights in results:
        assert (vectors == expected[0]).all() and (scores == expected[1]).all()
        assert (weights.toarray() == expected[2].toarray()).all()
    assert embedder.statistics().texts == 4 * 5 * len(TEXTS), "each counts its own"


def test_memory_is_planned_for_all(runtime, into):
    assert runtime.memory.models == 0
    embedder = into(runtime, "v3-tiny", cpu_memory="1Gi")
    alone = runtime.memory
    assert (alone.models, alone.budget_bytes) == (1, 2**30)
    reranker = into(runtime, "bert-reranker-tiny", cpu_memory="2Gi")
    both = runtime.memory
    assert both.models == 2 and both.budget_bytes == 2**30, "the least of both"
    assert alone.plan_bytes < both.plan_bytes < alone.plan_bytes + reranker.info.memory_plan_bytes
    assert "2 models" in repr(runtime) and both.plan
    with pytest.raises(nestvec.ResourceExhaustedError, match="bert-tiny"):
        into(runtime, "bert-tiny", cpu_memory="20Mi")
    assert runtime.memory == both
    assert embedder.encode("a").shape == (64,) and reranker.rerank("a", ["b"]).shape == (1,)


def test_a_model_that_ends_gives_its_memory_back(runtime, into):
    embedder = into(runtime, "v3-tiny")
    before = runtime.memory
    reranker = into(runtime, "bert-reranker-tiny")
    assert runtime.memory.models == 2
    del reranker
    gc.collect()
    assert runtime.memory == before
    expected = embedder.encode(TEXTS)
    del runtime
    gc.collect()
    assert (embedder.encode(TEXTS) == expected).all(), "a model may outlive its runtime"


def test_threads_are_those_of_the_first(runtime, into):
    first = into(runtime, "v3-tiny", threads=1)
    second = into(runtime, "bert-tiny", threads=2)
    assert first.info.threads == second.info.threads == 1


def test_a_pickle_loads_it_alone(runtime, into):
    model = into(runtime, "bert-tiny", max_tokens=50)
    expected, data = model.encode(TEXTS), pickle.dumps(model)
    assert pickle.loads(data) is model
    del model
    gc.collect()
    again = pickle.loads(data)
    assert runtime.memory.models == 0 and again.info.max_tokens == 50
    np.testing.assert_array_equal(again.encode(TEXTS), expected)


def test_errors_are_those_of_load(runtime, tmp_path):
    with pytest.raises(nestvec.NotFoundError):
        runtime.load(tmp_path / "none")
    with pytest.raises(nestvec.InvalidArgumentError):
        runtime.load("")
    assert runtime.memory.models == 0


def test_a_forked_child_has_no_runtime(python):
    python("""
import os, sys, nestvec
runtime = nestvec.Runtime()
model = runtime.load(sys.argv[1])
child = os.fork()
if child == 0:
    status = 1
    try:
        runtime.load(sys.argv[1])
    except nestvec.FailedPreconditionError as error:
        assert "the runtime was loaded by process" in str(error)
        status = 0
    finally:
        del model, runtime
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert runtime.load(sys.argv[1]).encode("x").tobytes() == model.encode("x").tobytes()
""", MODELS / "bert-tiny")
