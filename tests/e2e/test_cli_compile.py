# SPDX-License-Identifier: Apache-2.0
"""`nestvec compile`: a folder that is a model by itself, on any processor, or a clear refusal."""

import json
import shutil

import numpy
import pytest

from command import MODELS, nestvec  # noqa: F811,F401 (a fixture)

V3 = MODELS / "v3-tiny"
TEXTS = ["A text.", "Another one, which is a little longer.", "third"]


def vectors(nestvec, model, *arguments, **options):  # noqa: F811
    out = nestvec.ok("embed", "-q", "--model", model, "--format", "jsonl", *arguments, *TEXTS,
                     **options)
    return numpy.array([json.loads(line)["embedding"] for line in out.splitlines()])


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8-weights", "int8"])
def test_a_compiled_folder_is_a_model_by_itself(nestvec, tmp_path, precision):  # noqa: F811
    done = nestvec("compile", V3, "-o", tmp_path / "out", "--precision", precision)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == f"{tmp_path}/out/model.onnx\n"
    assert "compiling" in done.stderr.decode()
    cached = vectors(nestvec, V3, "--precision", precision, "--task", "retrieval.query")
    compiled = vectors(nestvec, tmp_path / "out", "--task", "retrieval.query")
    assert (cached == compiled).all()
    info = json.loads(nestvec.ok("info", "--json", "--model", tmp_path / "out"))
    assert (info["precision"], info["precision_reason"]) == (precision, "as compiled")
    assert list(info["tasks"])[0] == "retrieval.query"
    nestvec.fails(2, "embed", "--model", tmp_path / "out", "--precision",
                  "int8" if precision == "fp32" else "fp32", "a", says="graph computes in")


def test_what_a_precision_loses_is_said(nestvec, tmp_path):  # noqa: F811
    cosines = {}
    for precision in ("bf16", "int8-weights", "int8"):
        done = nestvec("compile", V3, "-o", tmp_path / precision, "--precision", precision)
        assert done.returncode == 0, done.stderr.decode()
        lines = [line for line in done.stderr.decode().splitlines() if "cosine to fp32: " in line]
        assert len(lines) == 1 and "(lowest of 24 texts)" in lines[0]
        cosines[precision] = float(lines[0].split("fp32: ")[1].split()[0])
    assert 1 >= cosines["bf16"] >= cosines["int8-weights"] > 0.99
    assert cosines["int8-weights"] >= cosines["int8"]
    for flags in (["--no-compare", "--precision", "int8"], ["--precision", "fp32"], []):
        done = nestvec("compile", V3, "-o", tmp_path / "out", *flags)
        assert done.returncode == 0 and b"cosine" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bf16", "int8", "int8-weights", "out"]


def spoilt(folder):
    """A copy of a decoder in which one channel behind each norm is 64 times larger, and the weights that read it are as
    much smaller: the same model in fp32, and none that eight bits for a token hold."""
    shutil.copytree(MODELS / "qwen3-tiny", folder)
    weights = numpy.memmap(folder / "model.safetensors", mode="r+")
    begin = 8 + int.from_bytes(weights[:8].tobytes(), "little")
    readers = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")
    for name, tensor in json.loads(weights[8:begin].tobytes()).items():
        first, end = tensor.get("data_offsets", (0, 0))
        values = weights[begin + first:begin + end].view(numpy.float32)
        if name.endswith(("input_layernorm.weight", "post_attention_layernorm.weight")):
            values[0] *= 64
        if name.endswith(tuple(f"{reader}.weight" for reader in readers)):
            values.reshape(tensor["shape"])[:, 0] /= 64
    weights.flush()
    return folder


def test_a_precision_that_spoils_the_vectors_is_refused(nestvec, tmp_path):  # noqa: F811
    model, out = spoilt(tmp_path / "decoder"), tmp_path / "out"
    nestvec.fails(2, "compile", model, "-o", out, "--precision", "int8",
                  says=["loses too much", "cosine to fp32: 0.", "int8-weights", "--allow-loss"])
    nestvec.fails(2, "compile", model, "-o", out, "--precision", "int8", "--no-compare", says="int8-weights")
    nestvec.fails(2, "embed", "-m", model, "--precision", "int8", "a", says="int8-weights, bf16 or fp32")
    assert [path.name for path in tmp_path.iterdir()] == ["decoder"]
    nestvec.ok("compile", model, "-o", out, "--precision", "bf16")
    nestvec.ok("compile", model, "-o", out, "--precision", "int8", "--allow-loss")
    assert json.loads((out / "nestvec.json").read_text())["precision"] == "int8"
    info = json.loads(nestvec.ok("info", "--json", "--model", model))
    assert info["precision"] in ("bf16", "fp32")  # auto


def test_a_portable_graph_pads_and_gives_the_same(nestvec, tmp_path):  # noqa: F811
    nestvec.ok("compile", V3, "-o", tmp_path / "out", "--target", "portable")
    native = vectors(nestvec, V3, "--precision", "fp32")
    assert numpy.abs(vectors(nestvec, tmp_path / "out") - native).max() < 1e-5


@pytest.mark.parametrize("lesser_isa", ["generic", "first"])
def test_a_compiled_folder_runs_on_lesser_processors(nestvec, tmp_path, lesser_isa):  # noqa: F811
    nestvec.ok("compile", V3, "-o", tmp_path / "out", "--precision", "fp32")
    isa = lesser_isa
    if lesser_isa == "first":  # of the command's architecture
        own = json.loads(nestvec.ok("info", "--json", "--model", tmp_path / "out"))["isa"]
        isa = "neon" if own.startswith("neon") else "avx2"
    best = vectors(nestvec, tmp_path / "out")
    lesser = vectors(nestvec, tmp_path / "out", env={"NESTVEC_MAX_ISA": isa})
    assert numpy.abs(best - lesser).max() < 1e-6
    info = json.loads(nestvec.ok("info", "--json", "--model", tmp_path / "out",
                                 env={"NESTVEC_MAX_ISA": isa}))
    assert info["isa"] in ("generic", isa)


def test_compiling_again_replaces_only_what_is_ours(nestvec, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    nestvec.ok("compile", V3, "-o", out)
    nestvec.ok("compile", V3, "-o", out, "--precision", "int8")
    assert json.loads((out / "nestvec.json").read_text())["precision"] == "int8"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter").write_text("keep me")
    nestvec.fails(1, "compile", V3, "-o", mine, says="not a compiled model")
    assert [path.name for path in mine.iterdir()] == ["letter"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


def test_what_cannot_be_compiled_is_refused(nestvec, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    nestvec.fails(2, "compile", V3, "-o", out, "--precision", "fp8", says="fp8")
    nestvec.fails(2, "compile", V3, "-o", out, "--precision", "int8", "--target", "portable",
                  says="portable")
    nestvec.fails(3, "compile", tmp_path / "nowhere", "-o", out, says="nowhere")
    nestvec.ok("compile", V3, "-o", out)
    nestvec.fails(2, "compile", out, "-o", tmp_path / "again", says="compiled already")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
