# SPDX-License-Identifier: Apache-2.0
"""A reranker's folder and its ONNX forms for the peers, made on first use and kept."""

import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "bench/engines"), str(ROOT / "scripts")]
import checkpoint  # noqa: E402
import graphs  # noqa: E402
import make_synthetic_reranker as synthetic  # noqa: E402
import models  # noqa: E402

BODIES = {"xlm-roberta": "roberta", "bert": "bert"}
HEADS = {"xlm-roberta": ("classifier.dense", "classifier.out_proj"), "bert": ("bert.pooler.dense", "classifier")}


class CrossEncoder(models.Bert):
    """A body of BERT's or XLM-RoBERTa's names, with its classifier."""

    def __init__(self, folder: pathlib.Path):
        super().__init__(folder)
        self.config = json.loads((folder / "config.json").read_text())
        self.family = self.config["model_type"]

    def tensor(self, name: str) -> np.ndarray:
        return self.tensors[f"{BODIES[self.family]}.{name}"]

    def embed(self, graph: graphs.Graph) -> str:
        words, positions, kinds = (self.tensor(f"embeddings.{name}_embeddings.weight")
                                   for name in ("word", "position", "token_type"))
        first = self.config["pad_token_id"] + 1 if self.family == "xlm-roberta" else 0
        rows = graph.op("Slice", graph.weight("positions", (len(positions) - first, positions.shape[1]), [positions[first:]]),
                        graph.constant([0]), graph.op("Unsqueeze", graphs.length_of_batch(graph), graph.constant([0])))
        table = graph.weight("words", words.shape, [words])
        x = graph.op("Add", graph.op("Gather", table, "input_ids", axis=0), rows)
        types = graph.weight("types", kinds.shape, [kinds])
        return graph.op("Add", x, graph.op("Gather", types, "token_type_ids", axis=0))

    def classify(self, graph: graphs.Graph, x: str) -> str:
        first = graph.op("Gather", x, graph.constant(0), axis=1)
        for at, name in enumerate(HEADS[self.family]):
            matrix, bias = self.tensors[name + ".weight"], self.tensors[name + ".bias"]
            first = graphs.linear(graph, name, first, matrix, bias)
            first = graph.op("Tanh", first) if at == 0 else first
        return first


class Reranker:
    def __init__(self, store: pathlib.Path, size: str):
        self.spec, self.name, self.folder = synthetic.SIZES[size], f"reranker-{size}", store / f"reranker-{size}"

    def form(self, name: str) -> pathlib.Path:
        make = {"checkpoint": lambda folder: synthetic.write(folder, self.spec), "onnx": self.write_onnx,
                "int8": lambda folder: models.quantize(self.form("onnx"), folder)}
        return models.once(self.folder / name, make[name])

    def write_onnx(self, folder: pathlib.Path) -> None:
        weights, graph = CrossEncoder(self.form("checkpoint")), graphs.Graph(folder)
        encoder = graphs.Encoder(self.spec.hidden, self.spec.layers, self.spec.heads, self.spec.epsilon, None)
        scores = weights.classify(graph, graphs.encode(graph, encoder, weights))
        graph.save(scores, "logits", [graphs.AXES[0], 1],
                   {name: graphs.AXES for name in ("input_ids", "attention_mask", "token_type_ids")})
