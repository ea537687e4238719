# SPDX-License-Identifier: Apache-2.0
"""A peer in a process of its own: loads a reranker, then answers requests as `nestvec bench --on-request`.

    python bench/rerank/scorers.py onnxruntime FOLDER --threads 2

It prints a line about itself. Then each line of standard input is a JSON object: "query", "texts", "seconds" and "vectors"
are nestvec's, "ids" and "types" are those of the pairs. Graphs take the ids, so their time has no tokenizer in it.
"""

import argparse
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import peer  # noqa: E402

Score = Callable[[dict[str, Any]], np.ndarray]  # of a request
Run = Callable[[dict[str, np.ndarray]], np.ndarray]
Loaded = tuple[Score, dict[str, str]]


def by_batches(options: argparse.Namespace, run: Run) -> Score:
    """Pads batches of request["size"] pairs, by length where request["by_length"] says so."""

    def score(request: dict[str, Any]) -> np.ndarray:
        pairs, types = request["ids"], request["types"]
        order = list(range(len(pairs)))
        if request["by_length"]:
            order.sort(key=lambda index: len(pairs[index]))
        scores = np.empty(len(pairs))
        for first in range(0, len(order), request["size"]):
            batch = order[first:first + request["size"]]
            shape = (len(batch), max(len(pairs[index]) for index in batch))
            inputs = {name: np.full(shape, fill, np.int64) for name, fill in
                      (("input_ids", options.pad), ("attention_mask", 0), ("token_type_ids", 0))}
            for row, index in enumerate(batch):
                length = len(pairs[index])
                inputs["input_ids"][row, :length] = pairs[index]
                inputs["attention_mask"][row, :length] = 1
                inputs["token_type_ids"][row, :length] = types[index]
            scores[batch] = 1 / (1 + np.exp(-run(inputs)[:, 0].astype(np.float64)))
        return scores
    return score


def load_onnxruntime(options: argparse.Namespace) -> Loaded:
    session, facts = peer.open_onnxruntime(options)
    return by_batches(options, lambda inputs: session.run(["logits"], inputs)[0]), facts


def load_openvino(options: argparse.Namespace) -> Loaded:
    sys.path.append(options.openvino)
    request, facts = peer.open_openvino(options)
    return by_batches(options, lambda inputs: request.infer(inputs, share_inputs=True)[0]), facts


def load_cross_encoder(options: argparse.Namespace) -> Loaded:
    os.environ["HF_HUB_OFFLINE"] = "1"
    import sentence_transformers
    import torch
    torch.set_num_threads(options.threads)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[options.precision]
    model = sentence_transformers.CrossEncoder(str(options.folder), device="cpu", model_kwargs={"dtype": kind})

    def score(request: dict[str, Any]) -> np.ndarray:
        return model.predict([(request["query"], text) for text in request["texts"]], batch_size=request["size"], show_progress_bar=False)
    return score, {"version": f"PyTorch {torch.__version__}, sentence-transformers {sentence_transformers.__version__}"}


LOADERS = {"onnxruntime": load_onnxruntime, "openvino": load_openvino, "cross-encoder": load_cross_encoder}


def answer(score: Score, request: dict[str, Any]) -> dict[str, Any]:
    scores, calls = peer.timed(lambda: score(request), request.get("seconds", 0))
    result = {"texts": len(request["texts"]), "seconds": calls}
    return result | {"scores": [float(value) for value in scores]} if request.get("vectors") else result


def main() -> None:
    parser = peer.parser_of(__doc__, LOADERS)
    parser.add_argument("--openvino", default="", help="a folder of packages with OpenVINO")
    options = parser.parse_args()

    def load() -> tuple[Callable[[dict[str, Any]], dict[str, Any]], dict[str, str]]:
        score, facts = LOADERS[options.engine](options)
        return lambda request: answer(score, request), facts
    peer.answer_lines(load)


if __name__ == "__main__":
    main()
