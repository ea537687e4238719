# SPDX-License-Identifier: Apache-2.0
"""A peer in a process of its own: loads a reranker, then answers requests as `nestvec bench --on-request`.

    python bench/rerank/scorers.py onnxruntime FOLDER --threads 2

It prints a line about itself. Then each line of standard input is a JSON object: "query", "texts", "seconds" and "vectors"
are nestvec's, "ids" and "types" are those of the pairs. Graphs take the ids, so their time has no tokenizer in it.
"""

import argparse
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

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
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
    session = onnxruntime.InferenceSession(options.folder / "model.onnx", settings, ["CPUExecutionProvider"])
    return by_batches(options, lambda inputs: session.run(["logits"], inputs)[0]), {
        "version": f"ONNX Runtime {onnxruntime.__version__}"}


def load_openvino(options: argparse.Namespace) -> Loaded:
    sys.path.append(options.openvino)
    import openvino
    core = openvino.Core()
    kind = {"fp32": "f32", "bf16": "bf16"}[options.precision]
    model = core.compile_model(core.read_model(options.folder / "model.onnx"), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": kind, "INFERENCE_NUM_THREADS": options.threads})
    used = model.get_property("INFERENCE_PRECISION_HINT").to_string()
    if used != kind:
        raise SystemExit(f"OpenVINO computes in {used} here, not in {kind}")
    request = model.create_infer_request()
    return by_batches(options, lambda inputs: request.infer(inputs, share_inputs=True)[0]), {
        "version": f"OpenVINO {openvino.get_version().split('-')[0]}"}


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
    calls: list[float] = []
    end = time.perf_counter() + request.get("seconds", 0)
    while not calls or time.perf_counter() < end:
        start = time.perf_counter()
        scores = score(request)
        calls.append(time.perf_counter() - start)
    result = {"texts": len(request["texts"]), "seconds": calls}
    return result | {"scores": [float(value) for value in scores]} if request.get("vectors") else result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=LOADERS)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--pad", type=int, default=1, help="id of the padding token")
    parser.add_argument("--openvino", default="", help="a folder of packages with OpenVINO")
    options = parser.parse_args()
    # Libraries print what they like; answers go where they cannot.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    score, facts = LOADERS[options.engine](options)
    print(json.dumps(facts), file=answers)
    for line in sys.stdin:
        print(json.dumps(answer(score, json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
