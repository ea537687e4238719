# SPDX-License-Identifier: Apache-2.0
"""The models in the form of each engine, made on first use into a folder and kept there.

Of jina-embeddings-v3 the weights are random (scripts/make_synthetic_v3.py): one seed gives every form
the same. all-MiniLM-L6-v2 is the real one.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterator

import checkpoint
import graphs
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import make_synthetic_v3 as synthetic  # noqa: E402

TASK = "text-matching"  # adapters, but no prompt: so all engines read the same ids
TASK_ID = synthetic.TASKS.index(TASK)
# All but the tiny one take the real vocabulary, so that its tokenizer fits.
SIZES = {**synthetic.SIZES, "small": dataclasses.replace(synthetic.SIZES["small"], vocab=synthetic.Spec.vocab)}
TOKENIZERS = {"tiny": ROOT / "tests/models/v3-tiny/tokenizer.json"}
TOKENIZER = ROOT / "tests/data/tokenizer/xlm-roberta/tokenizer.json.xz"


class Folded:
    """W + alpha / rank * B A of one task in place of W."""

    def __init__(self, spec: synthetic.Spec):
        self.spec, self.weights = spec, synthetic.Weights(spec)
        self.scale = np.float32(spec.alpha / spec.rank)
        self.shapes = synthetic.linear_shapes(spec)

    def table(self, key: str) -> Iterator[np.ndarray]:
        rows = synthetic.embedding_rows(self.spec)[key]
        a, b = self.weights.embedding_a(key, rows, TASK_ID), self.weights.embedding_b(key, TASK_ID)
        first = 0
        for part in self.weights.embedding(key, rows):
            part = part.reshape(-1, self.spec.hidden)
            yield part + self.scale * (a[first:first + len(part)] @ b)
            first += len(part)

    def embed(self, graph: graphs.Graph) -> str:
        words = graph.weight("words", (self.spec.vocab, self.spec.hidden), self.table("word_embeddings"))
        kind = next(self.table("token_type_embeddings"))[0]
        return graph.op("Add", graph.op("Gather", words, "input_ids", axis=0), graph.constant(kind))

    def linear(self, graph: graphs.Graph, key: str, x: str) -> str:
        outputs, inputs = self.shapes[key.split(".", 1)[1]]
        merged = self.weights.matrix(key, outputs, inputs) + self.scale * (
            self.weights.matrix_b(key, outputs, TASK_ID) @ self.weights.matrix_a(key, inputs, TASK_ID))
        return graphs.linear(graph, key, x, merged, self.weights.bias(key, outputs))

    def norm(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        return self.weights.norm(key)


class Official(Folded):
    """As published: adapters of all tasks inside, every weight put together anew by each call."""

    def rebuilt(self, graph: graphs.Graph, weight: str, first: str, second: str) -> str:
        parts = [graph.op("Gather", name, "task_id", axis=0) for name in (first, second)]
        delta = graph.op("Mul", graph.op("MatMul", *parts), graph.constant(float(self.scale)))
        return graph.op("Add", weight, delta)

    def adapters(self, graph: graphs.Graph, name: str, shape: tuple[int, int], make: Callable) -> str:
        return graph.weight(name, (len(synthetic.TASKS), *shape), map(make, range(len(synthetic.TASKS))))

    def rebuilt_table(self, graph: graphs.Graph, key: str) -> str:
        rows, (hidden, rank) = synthetic.embedding_rows(self.spec)[key], (self.spec.hidden, self.spec.rank)
        return self.rebuilt(
            graph, graph.weight(key, (rows, hidden), self.weights.embedding(key, rows)),
            self.adapters(graph, key + ".A", (rows, rank), lambda t: self.weights.embedding_a(key, rows, t)),
            self.adapters(graph, key + ".B", (rank, hidden), lambda t: self.weights.embedding_b(key, t)))

    def embed(self, graph: graphs.Graph) -> str:
        words = graph.op("Gather", self.rebuilt_table(graph, "word_embeddings"), "input_ids", axis=0)
        return graph.op("Add", words, self.rebuilt_table(graph, "token_type_embeddings"))

    def linear(self, graph: graphs.Graph, key: str, x: str) -> str:
        outputs, inputs = self.shapes[key.split(".", 1)[1]]
        rank = self.spec.rank
        weight = self.rebuilt(
            graph, graph.weight(key, (outputs, inputs), [self.weights.matrix(key, outputs, inputs)]),
            self.adapters(graph, key + ".B", (outputs, rank), lambda t: self.weights.matrix_b(key, outputs, t)),
            self.adapters(graph, key + ".A", (rank, inputs), lambda t: self.weights.matrix_a(key, inputs, t)))
        product = graph.op("MatMul", x, graph.op("Transpose", weight, perm=[1, 0]))
        return graph.op("Add", product, graph.weight(key + ".bias", (outputs,), [self.weights.bias(key, outputs)]))


class Bert:
    """A BERT of safetensors, by the same keys."""

    NAMES = {"mixer.out_proj": "attention.output.dense", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense",
             "norm1": "attention.output.LayerNorm", "norm2": "output.LayerNorm"}

    def __init__(self, folder: pathlib.Path):
        self.tensors = checkpoint.Tensors(folder / "model.safetensors")

    def tensor(self, name: str) -> np.ndarray:
        return self.tensors[name]

    def embed(self, graph: graphs.Graph) -> str:
        words, positions, kinds = (self.tensor(f"embeddings.{name}_embeddings.weight")
                                   for name in ("word", "position", "token_type"))
        end = graph.op("Unsqueeze", graphs.length_of_batch(graph), graph.constant([0]))
        positions = positions + kinds[0]
        rows = graph.op("Slice", graph.weight("positions", positions.shape, [positions]), graph.constant([0]), end)
        table = graph.weight("words", words.shape, [words])
        return graph.op("Add", graph.op("Gather", table, "input_ids", axis=0), rows)

    def linear(self, graph: graphs.Graph, key: str, x: str) -> str:
        layer, name = key.split(".", 1)
        base = f"encoder.layer.{layer}."
        names = ([base + f"attention.self.{part}" for part in ("query", "key", "value")] if name == "mixer.Wqkv"
                 else [base + self.NAMES[name]])
        matrix, bias = (np.concatenate([self.tensor(f"{name}.{kind}") for name in names])
                        for kind in ("weight", "bias"))
        return graphs.linear(graph, key, x, matrix, bias)

    def norm(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        layer, _, name = key.partition(".")
        base = "embeddings.LayerNorm" if key == "emb_ln" else f"encoder.layer.{layer}.{self.NAMES[name]}"
        return self.tensor(base + ".weight"), self.tensor(base + ".bias")


def sources_digest() -> str:
    files = (pathlib.Path(__file__), pathlib.Path(graphs.__file__), pathlib.Path(synthetic.__file__))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def once(folder: pathlib.Path, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """`folder` as `make` fills it; made again when the code that makes it has changed."""
    stamp = folder / "made-by"
    if stamp.exists() and stamp.read_text() == sources_digest():
        return folder
    print(f"making {folder.parent.name}/{folder.name} ...", file=sys.stderr, flush=True)
    staged = folder.with_name(folder.name + ".unfinished")
    for old in (staged, folder):
        shutil.rmtree(old, ignore_errors=True)
    staged.mkdir(parents=True)
    make(staged)
    (staged / "made-by").write_text(sources_digest())
    staged.rename(folder)
    return folder


def quantize(source: pathlib.Path, folder: pathlib.Path) -> None:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime.quantization import quantize_dynamic
    # A scale for each output, as nestvec's own int8 has; one for a whole matrix loses MiniLM (cosine 0.88).
    quantize_dynamic(source / "model.onnx", folder / "model.onnx", per_channel=True, use_external_data_format=True)


class V3:
    """Synthetic jina-embeddings-v3 of a size."""

    def __init__(self, store: pathlib.Path, size: str):
        self.name, self.title = f"v3-{size}", f"jina-embeddings-v3, {size} size, random weights"
        self.spec, self.size, self.folder = SIZES[size], size, store / f"v3-{size}"
        self.longest, self.task, self.pad, self.pooling = self.spec.max_positions - 2, TASK, 1, "mean"
        self.adapter = TASK.replace("-", "_")
        self.encoder = graphs.Encoder(self.spec.hidden, self.spec.layers, self.spec.heads, 1e-5, self.spec.rope_base)

    def form(self, name: str) -> pathlib.Path:
        make: dict[str, Callable[[pathlib.Path], None]] = {
            "checkpoint": lambda folder: self.checkpoint(folder, "original"),
            "hf": lambda folder: self.checkpoint(folder, "hf"),
            "official": lambda folder: graphs.write_encoder(folder, self.encoder, Official(self.spec), with_task=True),
            "folded": lambda folder: graphs.write_encoder(folder, self.encoder, Folded(self.spec)),
            "int8": lambda folder: quantize(self.form("folded"), folder)}
        return once(self.folder / name, make[name])

    def checkpoint(self, folder: pathlib.Path, layout: str) -> None:
        synthetic.write_checkpoint(folder, self.spec, layout)
        synthetic.copy_tokenizer(TOKENIZERS.get(self.size, TOKENIZER), folder)


class MiniLM:
    """The real all-MiniLM-L6-v2, from its folder in the model cache."""

    def __init__(self, store: pathlib.Path, source: pathlib.Path):
        self.name, self.title, self.size = "minilm", "all-MiniLM-L6-v2", "real"
        self.folder, self.source, self.task = store / "minilm", source, "none"
        self.longest, self.pad, self.pooling, self.adapter = 256, 0, "mean", ""
        config = json.loads((source / "config.json").read_text())
        self.encoder = graphs.Encoder(config["hidden_size"], config["num_hidden_layers"],
                                      config["num_attention_heads"], config["layer_norm_eps"], None)

    def form(self, name: str) -> pathlib.Path:
        if name == "checkpoint":
            return self.source
        make: dict[str, Callable[[pathlib.Path], None]] = {
            "folded": lambda folder: graphs.write_encoder(folder, self.encoder, Bert(self.source)),
            "int8": lambda folder: quantize(self.form("folded"), folder)}
        return once(self.folder / name, make[name])
