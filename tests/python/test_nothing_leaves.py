# SPDX-License-Identifier: Apache-2.0
"""The wheel tells nobody, and leaves nothing, also beside the onnxruntime package, which has a library of its own."""

import sys

import pytest

from command import MODELS
from watched import SWITCH, Watched

MODEL = MODELS / "bert-tiny"
EMBED = """
import sys, nestvec
model = nestvec.Model.load(sys.argv[1])
assert model.encode(["a text", "another"]).shape == (2, 32)
"""
THEIRS = """
import onnxruntime
onnxruntime.InferenceSession(sys.argv[2])
"""


@pytest.fixture
def watch(tmp_path):
    surroundings = Watched(tmp_path)
    surroundings.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return surroundings


def test_import_load_encode(watch):
    watch.run(sys.executable, "-c", EMBED, MODEL)
    watch.check()


def test_the_command(watch):
    """Also that which starts it: Python and the few lines before the program."""
    for start in (("-m", "nestvec"), ("-c", "from nestvec_command import main; main()")):
        assert watch.run(sys.executable, *start, "embed", "--model", MODEL, "--format", "jsonl", "a text").count("\n") == 1
    watch.check()


def test_onnxruntime_after_nestvec(watch):
    """Its telemetry is off, too."""
    watch.run(sys.executable, "-c", EMBED + THEIRS, MODEL, MODELS / "bert-tiny-onnx/onnx/model.onnx")
    watch.check()


def test_onnxruntime_before_nestvec(watch):
    """Its telemetry, off here by its own variable, is nothing that ours goes by."""
    script = f"import os, sys\n{THEIRS}\ndel os.environ['ORT_DISABLE_TELEMETRY']\n{EMBED}{SWITCH}"
    switch = watch.run(sys.executable, "-c", script, MODEL, MODELS / "bert-tiny-onnx/onnx/model.onnx",
                       env={"ORT_DISABLE_TELEMETRY": "yes"})
    assert switch == "1\n"
    watch.check()


@pytest.mark.parametrize("value, kept", [(None, "1"), ("", "1"), ("0", "0"), ("yes", "yes")])
def test_the_users_value_stays(watch, value, kept):
    """Only imported: a model would start what "0" asks for."""
    environment = {} if value is None else {"ORT_DISABLE_TELEMETRY": value}
    assert watch.run(sys.executable, "-c", "import nestvec" + SWITCH, env=environment) == f"{kept}\n"
    watch.check()
