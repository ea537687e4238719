# SPDX-License-Identifier: Apache-2.0
"""LoRA adapters that are no part of a model: at the command, in a configuration, in compiled folders."""

import gzip
import json
import shutil

import numpy
import pytest

from changed_model import changed
from command import DATA, MODELS, nestvec  # noqa: F401 (a fixture)
from encoder import read_safetensors, write_safetensors

ADAPTERS = MODELS / "adapters" / "bert-tiny"
BERT = MODELS / "bert-tiny"
FLAGS = ("--adapter", f"legal={ADAPTERS / 'legal'}", "--adapter", f"medical.notes={ADAPTERS / 'medical.notes'}")


def records(name):
    with gzip.open(DATA / "embed" / f"adapters-{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def embed(nestvec, *arguments, **options):  # noqa: F811
    out = nestvec.ok("embed", "-q", "--precision", "fp32", "--format", "jsonl", *arguments, **options)
    return numpy.array([json.loads(line)["embedding"] for line in out.splitlines()], numpy.float32)


def info(nestvec, *arguments, **options):  # noqa: F811
    return json.loads(nestvec.ok("info", "--json", "--precision", "fp32", *arguments, **options))


def test_vectors_are_those_of_peft(nestvec, tmp_path):  # noqa: F811
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"checkpoints": {"repo_id": str(BERT), "adapters": {
        "legal": str(ADAPTERS / "legal"), "medical.notes": "$PLACE/medical.notes"}}}))
    compiled = tmp_path / "compiled"
    nestvec.ok("compile", "-q", BERT, "-o", compiled, "--precision", "fp32", *FLAGS)
    ways = [((*FLAGS, "--model", BERT), {}), (("--config", config), {"PLACE": str(ADAPTERS)}), (("--model", compiled), {}),
            (("--model", BERT), {"NESTVEC_ADAPTERS": json.dumps({task: str(ADAPTERS / task) for task in ("legal", "medical.notes")})})]
    by_task = {}
    for record in records("bert-tiny"):
        by_task.setdefault(record["task"], []).append(record)
    assert set(by_task) == {"base", "none", "legal", "medical.notes"}
    for arguments, env in ways:
        for task, cases in by_task.items():
            lines = "".join(json.dumps({"text": case["text"]}) + "\n" for case in cases)
            file = tmp_path / "texts.jsonl"
            file.write_text(lines)
            out = tmp_path / "vectors.jsonl"
            out.unlink(missing_ok=True)
            nestvec.ok("embed", "-q", "--precision", "fp32", *arguments, "--task", task, "--input", file, "-o", out, env=env)
            found = numpy.array([json.loads(line)["embedding"] for line in out.read_text().splitlines()])
            expected = numpy.array([case["vector"] for case in cases])
            assert numpy.abs(found - expected).max() < 1e-5, (arguments, task)


def with_updates(folder, adapter, merged):
    """An update of every linear layer of a model's layers, as an adapter of it and merged into a copy of it."""
    rng = numpy.random.default_rng(7)
    base = read_safetensors(folder / "model.safetensors")
    updates = {}
    for name, values in base.items():
        if values.ndim == 2 and "layer" in name and "bias" not in name:
            module = "base_model.model." + name.removesuffix(".weight")
            down, up = (0.12 * rng.standard_normal(shape) for shape in ((3, values.shape[1]), (values.shape[0], 3)))
            updates |= {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
            base[name] = values + 2 * (up @ down)
    assert len(updates) >= 8
    adapter.mkdir()
    write_safetensors(adapter / "adapter_model.safetensors", updates)
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 3, "lora_alpha": 6, "bias": "none",
                                                             "target_modules": "all-linear"}))
    shutil.copytree(folder, merged)
    write_safetensors(merged / "model.safetensors", base)


@pytest.mark.parametrize("graph", ["native", "portable"])
@pytest.mark.parametrize("model", ["distilbert-tiny", "electra-tiny", "eurobert-tiny", "gemma-tiny", "gte-tiny", "jina-v2-code-tiny",
                                   "jina-v2-tiny", "modernbert-tiny", "mpnet-tiny", "nomic-tiny", "roberta-tiny"])
def test_any_familys_layers_take_updates(nestvec, tmp_path, model, graph):  # noqa: F811
    """Gates before and behind, query, key and value in one tensor or in three."""
    with_updates(MODELS / model, tmp_path / "adapter", tmp_path / "merged")
    texts = ["a cat", "The river is cold today, and nobody swims."]
    beside = embed(nestvec, "--graph", graph, "--model", MODELS / model, "--adapter", f"x={tmp_path / 'adapter'}", "--task", "x", *texts)
    merged = embed(nestvec, "--graph", graph, "--model", tmp_path / "merged", *texts)
    assert numpy.abs(beside - merged).max() < 1e-5
    assert numpy.abs(beside - embed(nestvec, "--model", MODELS / model, *texts)).max() > 1e-2


def test_a_word_table_that_comes_with_an_adapter_must_be_the_models(nestvec, tmp_path):  # noqa: F811
    """PEFT writes it beside updates of `embed_tokens`, and puts it in the place of the model's."""
    qwen = MODELS / "qwen3-tiny"
    flag = ("--adapter", f"uneven={MODELS / 'adapters' / 'qwen3-tiny' / 'uneven'}")
    assert embed(nestvec, "--model", qwen, *flag, "--task", "uneven", "a cat").shape == (1, 32)
    own = tmp_path / "uneven"
    shutil.copytree(MODELS / "adapters" / "qwen3-tiny" / "uneven", own)
    file = own / "adapter_model.safetensors"
    data = bytearray(file.read_bytes())
    size = int.from_bytes(data[:8], "little")
    name = "base_model.model.embed_tokens.base_layer.weight"
    data[8 + size + json.loads(data[8:8 + size])[name]["data_offsets"][0]] ^= 1
    file.write_bytes(data)
    nestvec.fails(2, "embed", "-q", "--precision", "fp32", "--model", qwen, "--adapter", f"uneven={own}", "a cat",
                  says=f"tensor {name} is not the word table of the model")


def test_info_shows_them(nestvec):  # noqa: F811
    shown = info(nestvec, "--model", BERT, *FLAGS)
    assert shown["adapters"] == {"legal": str(ADAPTERS / "legal"), "medical.notes": str(ADAPTERS / "medical.notes")}
    assert list(shown["tasks"]) == ["legal", "medical.notes"] and shown["default_task"] == "none"
    table = nestvec.ok("info", "--model", BERT, *FLAGS)
    assert f"legal  {ADAPTERS / 'legal'}" in table
    assert info(nestvec, "--model", BERT, *FLAGS, "--default-task", "legal")["default_task"] == "legal"
    assert info(nestvec, "--model", BERT)["adapters"] == {}


def test_the_tasks_and_prompts_of_the_model_stay(nestvec, tmp_path):  # noqa: F811
    folder = changed(tmp_path / "m", "bert-tiny", {"config_sentence_transformers.json": {"prompts": {"query": "query: "}}})
    arguments = ("--model", folder, *FLAGS)
    assert numpy.array_equal(embed(nestvec, *arguments, "--task", "query", "a cat"), embed(nestvec, "--model", BERT, "query: a cat"))
    own = ("--prompts", '{"legal": "law: "}')
    assert numpy.array_equal(embed(nestvec, *arguments, *own, "--task", "legal", "a cat"),
                             embed(nestvec, *arguments, "--task", "legal", "law: a cat"))
    nestvec.fails(2, "embed", "-q", *arguments, "--task", "poetry", "a", says="legal, medical.notes, query, none")


def test_each_set_has_a_graph_of_its_own(nestvec):  # noqa: F811
    plain = embed(nestvec, "--model", BERT, "a cat")
    one = embed(nestvec, "--model", BERT, *FLAGS[:2], "--task", "legal", "a cat")
    both = embed(nestvec, "--model", BERT, *FLAGS, "--task", "legal", "a cat")
    assert numpy.abs(one - both).max() < 1e-6 and numpy.abs(one - plain).max() > 1e-3
    loaded = nestvec("embed", "--precision", "fp32", "--model", BERT, *FLAGS[:2], "--task", "legal", "a cat")
    assert b"compiling" not in loaded.stderr, loaded.stderr


def test_a_changed_adapter_is_compiled_again(nestvec, tmp_path):  # noqa: F811
    folder = shutil.copytree(ADAPTERS / "legal", tmp_path / "legal")
    arguments = ("--model", BERT, "--adapter", f"legal={folder}", "--task", "legal", "a cat")
    before = embed(nestvec, *arguments)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 12}))
    assert numpy.abs(embed(nestvec, *arguments) - before).max() > 1e-3


@pytest.mark.parametrize("flags, says", [
    (("--adapter", "legal"), "expected NAME=FOLDER"),
    (("--adapter", "=x"), "expected NAME=FOLDER"),
    (("--adapter", "none=x"), "no task can be called"),
    (("--adapter", "legal=/nowhere"), "no adapter_config.json in /nowhere"),
    (("--adapters", "legal"), "folders by name"),
    (("--adapter", f"base={MODELS}/adapters/bert-tiny/legal"), 'no adapter can be called "base"'),
    (("--adapter", f"Base={MODELS}/adapters/bert-tiny/legal"), 'no adapter can be called "Base"'),
    (("--adapter", "x=/a", "--adapter", "x=/b"), "--adapter x was given more than once"),
])
def test_mistakes(nestvec, flags, says):  # noqa: F811
    done = nestvec("embed", "-q", "--model", BERT, *flags, "a")
    assert done.returncode in (1, 2, 3) and says in done.stderr.decode(), done.stderr


def test_adapters_of_another_shape_are_refused(nestvec):  # noqa: F811
    qwen = MODELS / "adapters" / "qwen3-tiny" / "legal"
    done = nestvec("embed", "-q", "--model", BERT, "--adapter", f"x={qwen}", "a")
    line = done.stderr.decode()
    assert done.returncode == 2 and "adapter_model.safetensors" in line and "tensor" in line, line


def test_models_that_take_none(nestvec, tmp_path):  # noqa: F811
    compiled = tmp_path / "compiled"
    nestvec.ok("compile", "-q", BERT, "-o", compiled, "--precision", "fp32")
    for model, says, more in ((compiled, "is compiled already", ()), (MODELS / "bert-reranker-tiny", "on a classifier", ()),
                              (MODELS / "v3-tiny", "in the model's own weights", ()),
                              (MODELS / "bert-tiny-onnx", "ONNX export runs as it is", ("--graph", "published"))):
        done = nestvec("embed", "-q", "--model", model, *FLAGS[:2], *more, "a")
        assert done.returncode in (2, 3) and says in done.stderr.decode(), done.stderr


def test_beside_adapters_of_the_model(nestvec):  # noqa: F811
    model = MODELS / "v5-small-tiny"
    qwen = MODELS / "adapters" / "qwen3-tiny" / "last"
    shown = info(nestvec, "--model", model, "--adapter", f"own={qwen}")
    assert list(shown["tasks"])[-1] == "own" and "retrieval.query" in shown["tasks"]
    plain = embed(nestvec, "--model", model, "--task", "clustering", "a cat")
    beside = embed(nestvec, "--model", model, "--adapter", f"own={qwen}", "--task", "clustering", "a cat")
    assert numpy.abs(plain - beside).max() < 1e-6
    nestvec.fails(2, "embed", "-q", "--model", model, "--adapter", f"retrieval={qwen}", "a", says="a task \"retrieval\" already")
