# SPDX-License-Identifier: Apache-2.0
"""What peers of nestvec in processes of their own share: a graph in another runtime, and requests that are lines of JSON."""

import argparse
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any


def open_onnxruntime(options: argparse.Namespace) -> tuple[Any, dict[str, str]]:
    """A session of FOLDER/model.onnx, and what there is to say about it."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
    session = onnxruntime.InferenceSession(options.folder / "model.onnx", settings, ["CPUExecutionProvider"])
    return session, {"version": f"ONNX Runtime {onnxruntime.__version__}"}


def open_openvino(options: argparse.Namespace) -> tuple[Any, dict[str, str]]:
    """The same as an inference request of OpenVINO."""
    import openvino
    core = openvino.Core()
    kind = {"fp32": "f32", "bf16": "bf16"}[options.precision]
    model = core.compile_model(core.read_model(options.folder / "model.onnx"), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": kind, "INFERENCE_NUM_THREADS": options.threads})
    used = model.get_property("INFERENCE_PRECISION_HINT").to_string()
    if used != kind:
        raise SystemExit(f"OpenVINO computes in {used} here, not in {kind}")
    return model.create_infer_request(), {"version": f"OpenVINO {openvino.get_version().split('-')[0]}"}


def parser_of(description: str, engines: dict[str, Any]) -> argparse.ArgumentParser:
    """The arguments of every peer."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=engines)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--pad", type=int, default=1, help="id of the padding token")
    return parser


def timed(call: Callable[[], Any], seconds: float) -> tuple[Any, list[float]]:
    """What the last call gives, and the time of each; at least one."""
    calls: list[float] = []
    end = time.perf_counter() + seconds
    while not calls or time.perf_counter() < end:
        start = time.perf_counter()
        result = call()
        calls.append(time.perf_counter() - start)
    return result, calls


def answer_lines(load: Callable[[], tuple[Callable[[dict], dict], dict[str, str]]]) -> None:
    """Says what `load` says about itself, then answers each line of standard input by its function."""
    # Libraries print what they like; answers go where they cannot.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    answer, facts = load()
    print(json.dumps(facts), file=answers)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers)
