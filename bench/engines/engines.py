# SPDX-License-Identifier: Apache-2.0
"""The engines that can take part, and the long-lived process of one."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

import decoders
import models

Model = models.V3 | models.MiniLM | decoders.V5
PEERS = pathlib.Path(__file__).with_name("peers.py")


@dataclasses.dataclass(frozen=True)
class Engine:
    name: str
    title: str
    precision: str
    form: str                # of the model, see models.V3.form
    kind: str = "nestvec"    # else a loader of peers.py
    score_copies: int = 0    # [heads, length, length] tensors that it holds at a time

    @property
    def pads(self) -> bool:
        return self.kind != "nestvec"


ENGINES = {engine.name: engine for engine in (
    Engine("nestvec-fp32", "nestvec fp32", "fp32", "checkpoint"),
    Engine("nestvec-bf16", "nestvec bf16", "bf16", "checkpoint"),
    Engine("nestvec-int8", "nestvec int8", "int8", "checkpoint"),
    Engine("onnxruntime-official", "ONNX Runtime, official form", "fp32", "official", "onnxruntime", 4),
    Engine("onnxruntime-folded", "ONNX Runtime, folded", "fp32", "folded", "onnxruntime", 4),
    Engine("onnxruntime-int8", "ONNX Runtime, dynamic int8", "int8", "int8", "onnxruntime", 4),
    Engine("openvino-fp32", "OpenVINO fp32", "fp32", "folded", "openvino", 2),
    Engine("openvino-bf16", "OpenVINO bf16", "bf16", "folded", "openvino", 2),
    Engine("transformers", "PyTorch, transformers", "fp32", "hf", "transformers", 1),
)}

# The cosine to the reference's vectors below which an engine computes something else. Random weights
# spread rounding more than trained ones do.
LEAST_COSINE = {"fp32": 0.9999, "bf16": 0.99, "int8": 0.9}


class EngineFailed(Exception):
    """With the last line that the engine wrote."""


class Worker:
    """An engine with a model loaded. It sleeps in read() while others work."""

    def __init__(self, engine: Engine, command: list[str], log: pathlib.Path, environment: dict[str, str]):
        log.parent.mkdir(parents=True, exist_ok=True)
        self.engine, self.log = engine, log
        self.idle_share = 0.0  # the most CPU that it took while it should have slept, in cores
        start = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"),
                                        env={**os.environ, **environment}, text=True)
        self.facts = self._read()
        self.facts |= {"load_seconds": time.monotonic() - start, "load_peak_bytes": self.peak_bytes(),
                       "loaded_bytes": self._status("VmRSS")}

    def _read(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            said = self.log.read_text(errors="replace").strip().splitlines()
            raise EngineFailed(said[-1] if said else f"ended with {self.process.returncode}")
        return json.loads(line)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said last tells why
        return self._read()

    def alive(self) -> bool:
        return self.process.poll() is None

    def _status(self, field: str) -> int:
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def peak_bytes(self) -> int:
        """Resident at most since the start or reset_peak(), mapped files included."""
        return self._status("VmHWM")

    def reset_peak(self) -> None:
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclasses.dataclass(frozen=True)
class Setting:
    """What every engine is started with."""

    nestvec: str
    threads: int
    store: pathlib.Path      # models, compiled graphs, logs
    torch_python: str        # an interpreter with PyTorch; empty = this one

    @property
    def nestvec_environment(self) -> dict[str, str]:
        return {"NESTVEC_CACHE": str(self.store / "compiled")}


def nestvec_arguments(setting: Setting, model: Model, precision: str) -> list[str]:
    return ["--model", str(model.form("checkpoint")), "--threads", str(setting.threads), "--precision", precision]


def nestvec_info(setting: Setting, model: Model, precision: str) -> dict[str, Any]:
    """Loads the model once, so that it is compiled. Raises EngineFailed."""
    done = subprocess.run([setting.nestvec, "info", "--json", *nestvec_arguments(setting, model, precision)],
                          env={**os.environ, **setting.nestvec_environment}, capture_output=True, text=True)
    if done.returncode:
        raise EngineFailed(done.stderr.strip().splitlines()[-1].removeprefix("nestvec: error: "))
    return json.loads(done.stdout)


def start(engine: Engine, model: Model, setting: Setting) -> Worker:
    """Raises EngineFailed."""
    log = setting.store / "logs" / f"{model.name}-{engine.name}"
    if not engine.pads:
        nestvec_info(setting, model, engine.precision)
        command = [setting.nestvec, "bench", "--on-request", "--task", model.task,
                   *nestvec_arguments(setting, model, engine.precision)]
        return Worker(engine, command, log, setting.nestvec_environment)
    python = setting.torch_python if engine.kind == "transformers" and setting.torch_python else sys.executable
    command = [python, str(PEERS), engine.kind, str(model.form(engine.form)), "--threads", str(setting.threads),
               "--precision", engine.precision, "--task-id", str(models.TASK_ID), "--pad", str(model.pad),
               "--adapter", model.adapter, "--pooling", model.pooling]
    return Worker(engine, command, log, {"OMP_NUM_THREADS": str(setting.threads)})
