# SPDX-License-Identifier: Apache-2.0
"""The hints of the installed package, as mypy sees them from outside and from inside."""

import pathlib
import subprocess
import sys

import nestvec
from command import REPOSITORY

GOOD = """
import numpy as np
from numpy.typing import NDArray
import nestvec

model = nestvec.Model.load("folder", threads=2, precision="fp32")
rows: NDArray[np.float32] = model.encode(["a"], task="retrieval.query", dimensions=32, batch_tokens=64)
row: NDArray[np.float32] = model.encode("a", late_chunking=False, show_progress_bar=True)
width: int = model.info.dimensions
ids: list[int] = model.tokenize("a").ids
every: list[nestvec.Tokens] = model.tokenize(["a", "b"])
embedded: nestvec.TokenEmbeddings = model.tokenize_and_embed("a", task="none")
vectors: NDArray[np.float32] = model.tokenize_and_embed(["a"])[0].vectors
bits: NDArray[np.uint8] = model.encode(["a"], precision="ubinary")
query: NDArray[np.float32] = model.encode_query("a", dimensions=32)
packed: NDArray[np.int8] = nestvec.quantize_embeddings(rows, "int8")
folder: str = nestvec.pull("owner/name", revision="main")
drop_in = nestvec.SentenceTransformer("folder", truncate_dim=32)
drop_in.max_seq_length = 128
drop_in.similarity_fn_name = "dot"
scores: NDArray[np.float32] = model.rerank("a", ["b"], activation="sigmoid", best_window=True)
score: np.float32 = model.rerank("a", "b")
outputs: NDArray[np.float32] = model.classify(["a"], ["b"])
labels: tuple[str, ...] = model.info.labels
of_tokens: NDArray[np.float32] = model.multi_vector("a")
of_texts: list[NDArray[np.float32]] = model.multi_vector(["a"], task="none")
kinds: nestvec.TextVectors = model.encode_kinds(["a"], ("dense", "multi_vector"), dimensions=32)
second: nestvec.Model = nestvec.Runtime().load("folder", cpu_memory="1Gi")
ranked: list[dict[str, object]] = nestvec.CrossEncoder("folder", max_length=128).rank("a", ["b"], top_k=3)
try:
    model.encode_query("a")
except nestvec.InvalidArgumentError as error:
    index: int | None = error.text
"""
BAD = {
    'model.encode(7)': "arg-type|call-overload",
    'model.encode("a", nonsense=1)': "call-overload",
    'model.encode("a", dimensions="32")': "call-overload",
    'model.tokenize_and_embed("a", dimensions=32)': "call-overload",
    'model.encode_query("a", nonsense=1)': "call-overload",
    'nestvec.SentenceTransformer("folder", nonsense=1)': "call-arg",
    'model.info.nonsense': "attr-defined",
    'model.info.dimensions = 3': "misc",
    'x: str = model.encode("a")': "assignment",
    'model.rerank("a", ["b"], nonsense=1)': "call-overload",
    'model.rerank(["a"], ["b"])': "call-overload",
    'nestvec.CrossEncoder("folder", nonsense=1)': "call-arg",
}


def mypy(*arguments, folder):
    # What mypy has read of the libraries is kept from one run to the next.
    cache = REPOSITORY / "build" / "mypy"
    return subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, *arguments],
                          cwd=folder, capture_output=True, text=True)


def test_a_user_of_the_package(tmp_path):
    (tmp_path / "good.py").write_text(GOOD)
    done = mypy("good.py", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    (tmp_path / "bad.py").write_text('import nestvec\nmodel = nestvec.Model.load("folder")\n' + "\n".join(BAD))
    lines = [line for line in mypy("bad.py", folder=tmp_path).stdout.splitlines() if "error:" in line]
    for number, codes in enumerate(BAD.values(), 3):
        found = [line for line in lines if line.startswith(f"bad.py:{number}:")]
        assert found and any(f"[{code}]" in line for code in codes.split("|") for line in found), (number, lines)


def test_the_package_itself(tmp_path):
    package = pathlib.Path(nestvec.__file__).parent
    modules = ("nestvec", "nestvec.langchain", "nestvec.llama_index", "nestvec.haystack")
    done = mypy(*(argument for module in modules for argument in ("-m", module)), folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert (package / "py.typed").exists()
