# SPDX-License-Identifier: Apache-2.0
"""docs/models.md, row by row: a changed copy of a small model against vectors made by numpy, or its error."""

import gzip
import json
import math
import os
import re
import shutil

import numpy
import onnx
import pytest
from onnx import TensorProto, helper

from command import MODELS, REPOSITORY, nestvec  # noqa: F401 (a fixture)
import torch_file
from encoder import Encoder, read_safetensors, write_safetensors

TEXT = "Where do cats sleep? Hello World, a cat."
NULL = object()  # JSON's null in a change; None deletes
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 438011408\n"
ENCODERS = {}  # of unchanged models


def read_rows():
    """(file, what) -> (verdict, notes), of the tables that have these four columns."""
    rows = {}
    for line in (REPOSITORY / "docs" / "models.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[2] in ("followed", "refused", "no effect"):
            name = tuple(cell.replace("`", "") for cell in cells[:2])
            assert name not in rows, name
            rows[name] = (cells[2], cells[3].replace("`", ""))
    return rows


ROWS = read_rows()
CASES = {}


def case(file, what):
    def add(function):
        CASES.setdefault((file, what), []).append(function)
        return function
    return add


def laid_over(old, change):
    if not isinstance(change, dict):
        return change
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif value is NULL:
            result[key] = None
        else:
            result[key] = laid_over(result.get(key), value)
    return result


def unit(vector):
    return vector / numpy.linalg.norm(vector)


class Copy:
    """A copy of a model, what is done to it, and what comes of it."""

    def __init__(self, command, root, row):
        self.command, self.root, self.row = command, root, row
        self.verdicts = set()
        self.count = 0

    def of(self, name):
        self.origin = MODELS / name
        self.path = self.root / f"model{self.count}"
        self.count += 1
        shutil.copytree(self.origin, self.path)
        return self

    def merge(self, file, **change):
        path = self.path / file
        path.parent.mkdir(exist_ok=True)
        old = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(laid_over(old, change)))
        return self

    def write(self, file, content):
        path = self.path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return self

    def remove(self, *files):
        for file in files:
            path = self.path / file
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return self

    def rename(self, old, new):
        (self.path / new).parent.mkdir(exist_ok=True)
        (self.path / old).rename(self.path / new)
        return self

    def graph(self, change):
        """`change` gets the ONNX model, which then runs as it is."""
        path = self.path / "onnx" / "model.onnx"
        model = onnx.load(str(path))
        change(model)
        (path.parent / "model.onnx_data").unlink()
        onnx.save(model, str(path))
        return self

    def ids(self, text, folder=None):
        out = self.command.ok("tokenize", "--tokenizer", (folder or self.origin) / "tokenizer.json",
                              "--no-truncation", "--jsonl", stdin=json.dumps({"text": text}))
        return json.loads(out)["ids"]

    def run(self, *arguments):
        return self.command("embed", "--model", self.path, "--precision", "fp32", "--format", "json",
                            *arguments)

    def vectors(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr.decode()
        self.errors = done.stderr.decode()
        return numpy.array(json.loads(done.stdout)["embeddings"])

    def hidden(self, ids, types=None, task=None, config=None, weights=None):
        key = (config, weights or self.origin)
        if key not in ENCODERS:
            ENCODERS[key] = Encoder(config or self.origin, weights or self.origin)
        return ENCODERS[key].hidden(ids, types, task)

    def gives(self, expected, *arguments, text=TEXT, differs=True, says=None, tolerance=1e-5):
        """The vector of `text`, which the unchanged model does not have."""
        (vector,) = self.vectors(*arguments, text)
        assert vector.shape == expected.shape
        assert numpy.abs(vector - expected).max() < tolerance
        if says is None:
            assert "warning:" not in self.errors, self.errors
        else:
            assert re.search(says, self.errors), self.errors
        if differs:
            plain = self.command.ok("embed", "-q", "--model", self.origin, "--precision", "fp32",
                                    "--format", "json", text)
            plain = numpy.array(json.loads(plain)["embeddings"][0])
            assert plain.shape != expected.shape or numpy.abs(plain - expected).max() > 1e-3
        self.verdicts.add("followed")

    def changes_nothing(self, *arguments, says=None):
        name = str(self.origin)
        plain = self.command.ok("embed", "-q", "--model", name, "--precision", "fp32", "--format",
                                "json", *arguments, TEXT)
        (vector,) = self.vectors(*arguments, TEXT)
        assert numpy.array_equal(vector, numpy.array(json.loads(plain)["embeddings"][0]))
        if says:
            assert re.search(says, self.errors), self.errors
        self.verdicts.add("no effect")

    def refuses(self, *arguments, says=(), code=None):
        done = self.run(*arguments, TEXT)
        line = done.stderr.decode().splitlines()[-1]
        assert done.returncode in ((code,) if code else (2, 3, 4)), (done.returncode, line)
        assert line.startswith("nestvec: error: "), line
        quoted = [part for quote in re.findall(r'"([^"]+)"', self.row[1]) for part in quote.split("...")]
        assert quoted, "the row tells no message"
        for part in [*quoted, *([says] if isinstance(says, str) else says)]:
            assert part.strip() in line, line
        self.verdicts.add("refused")

    def limit_is(self, tokens):
        info = json.loads(self.command.ok("info", "--json", "--model", self.path, "--precision", "fp32"))
        assert info["max_tokens"] == tokens
        self.verdicts.add("followed")


def cls_of(m, ids, **options):
    return m.hidden(ids, **options)[0]


def mean_of(m, ids, **options):
    return unit(m.hidden(ids, **options).mean(0))


# ---- sparse vectors

def sparse_of(m, text=TEXT):
    """Weights by token id, and what was said meanwhile."""
    lines, out = m.root / "texts.jsonl", m.root / f"sparse{m.count}.jsonl"
    lines.write_text(json.dumps({"text": text}) + "\n")
    out.unlink(missing_ok=True)
    done = m.command("embed", "--model", m.path, "--precision", "fp32", "--sparse", "--input", lines, "-o", out)
    assert done.returncode == 0, done.stderr.decode()
    row = json.loads(out.read_text())["sparse"]
    return dict(zip(row["indices"], row["values"]))


def splade_of(m, strategy="max", twice=False):
    """BERT's masked-language-model head in numpy."""
    encoder = Encoder(m.path, m.origin)
    tensors = encoder.tensors
    x = encoder.hidden(m.ids(TEXT))
    x = x @ tensors["cls.predictions.transform.dense.weight"].T + tensors["cls.predictions.transform.dense.bias"]
    x = numpy.vectorize(lambda value: 0.5 * value * (1 + math.erf(value / math.sqrt(2))))(x)
    x = (x - x.mean(-1, keepdims=True)) / numpy.sqrt(x.var(-1, keepdims=True) + 1e-12)
    x = x * tensors["cls.predictions.transform.LayerNorm.weight"] + tensors["cls.predictions.transform.LayerNorm.bias"]
    scores = x @ tensors["bert.embeddings.word_embeddings.weight"].T + tensors["cls.predictions.bias"]
    scores = numpy.log1p(numpy.maximum(scores, 0))
    scores = numpy.log1p(scores) if twice else scores
    row = scores.max(0) if strategy == "max" else scores.sum(0)
    return {index: value for index, value in enumerate(row) if value > 0}


def same_weights(found, expected):
    assert expected
    for index in set(found) | set(expected):
        value = expected.get(index, 0)
        assert abs(found.get(index, 0) - value) < 1e-5 * (1 + value), index


@case("modules.json", "SpladePooling behind Transformer or MLMTransformer")
def splade(m):
    for name in ("splade-tiny", "splade-roberta-tiny"):
        m.of(name)
        info = json.loads(m.command.ok("info", "--json", "--model", m.path, "--precision", "fp32"))
        assert info["sparse"] and not info["dense"]
        assert sparse_of(m)
    same_weights(sparse_of(m.of("splade-tiny")), splade_of(m))
    m.verdicts.add("followed")


@case("modules.json", "SpladePooling without a masked language model")
def splade_of_an_encoder(m):
    m.of("splade-tiny").merge("config.json", architectures=["BertModel"]).refuses(says="modules.json")


@case("*.onnx", "without safetensors, beside SpladePooling")
def splade_export(m):
    modules = json.loads((MODELS / "splade-tiny/modules.json").read_text())
    m.of("bert-tiny-onnx").write("modules.json", modules).merge("config.json", architectures=["BertForMaskedLM"])
    m.refuses()
    m.refuses("--graph", "published")


SPLADE = "1_SpladePooling/config.json"


@case(SPLADE, "pooling_strategy, activation_function")
def splade_pooling(m):
    for strategy in ("max", "sum"):
        for activation in ("relu", "log1p_relu"):
            m.of("splade-tiny").merge(SPLADE, pooling_strategy=strategy, activation_function=activation)
            same_weights(sparse_of(m), splade_of(m, strategy, activation == "log1p_relu"))
    m.of("splade-tiny").merge(SPLADE, pooling_strategy=None, activation_function=None)
    same_weights(sparse_of(m), splade_of(m))
    m.verdicts.add("followed")


@case(SPLADE, "another value of these")
def other_splade_pooling(m):
    for change, message in (({"pooling_strategy": "mean"}, "max and sum are"),
                            ({"activation_function": "gelu"}, "relu and log1p_relu are")):
        done = m.of("splade-tiny").merge(SPLADE, **change).run(TEXT)
        assert done.returncode in (2, 3, 4) and message in done.stderr.decode(), done.stderr
    m.verdicts.add("refused")


@case(SPLADE, "word_embedding_dimension, embedding_dimension, chunk_size")
def splade_sizes(m):
    m.of("splade-tiny").merge(SPLADE, embedding_dimension=7, word_embedding_dimension=None, chunk_size=3)
    same_weights(sparse_of(m), splade_of(m))
    m.verdicts.add("no effect")


@case("config.json", "tie_word_embeddings")
def tied_decoder(m):
    m.of("splade-tiny").merge("config.json", tie_word_embeddings=None)
    same_weights(sparse_of(m), splade_of(m))
    done = m.of("splade-roberta-tiny").merge("config.json", tie_word_embeddings=True).run(TEXT)
    assert done.returncode == 2 and b"differs from the word table" in done.stderr, done.stderr
    done = m.of("splade-tiny").merge("config.json", tie_word_embeddings=False).run(TEXT)
    assert b"no tensor cls.predictions.decoder.weight" in done.stderr, done.stderr
    m.verdicts.add("followed")


HEADS = "sparse_linear.pt, colbert_linear.pt"


def kinds_of(m, *arguments):
    info = json.loads(m.command.ok("info", "--json", "--model", m.path, "--precision", "fp32", *arguments))
    return info["dense"], info["sparse"], info["multi_vector"]


@case(HEADS, "both")
def token_heads(m):
    m.of("bge-m3-tiny")
    assert kinds_of(m) == (True, True, True)
    weights = sparse_of(m)
    assert weights
    m.gives(unit(cls_of(m, m.ids(TEXT))), differs=False)
    # As bge-m3 is published: an ONNX export beside the heads.
    heads = [m.path / name for name in ("sparse_linear.pt", "colbert_linear.pt")]
    m.of("xlmr-tiny-onnx")
    for head in heads:
        shutil.copy(head, m.path)
    assert kinds_of(m) == (True, True, True)
    assert sparse_of(m) not in ({}, weights)
    assert kinds_of(m, "--graph", "published") == (True, False, False)


@case(HEADS, "one alone")
def one_head(m):
    for name in ("sparse_linear.pt", "colbert_linear.pt"):
        m.of("bge-m3-tiny").remove(name)
        assert kinds_of(m) == (True, False, False)
    m.changes_nothing()


@case(HEADS, "anything but a table of tensors")
def hostile_heads(m):
    path = m.of("bge-m3-tiny").path / "sparse_linear.pt"
    path.write_bytes(path.read_bytes().replace(b"collections\nOrderedDict", b"os\nsystem\nOrderedDict_____", 1)[:path.stat().st_size])
    done = m.run(TEXT)
    assert done.returncode in (2, 3, 4) and b"sparse_linear.pt: byte" in done.stderr, done.stderr
    path.write_bytes((REPOSITORY / "tests/data/torch/module.pt").read_bytes())
    done = m.run(TEXT)
    assert b"asks for torch.nn.modules.linear Linear of Python" in done.stderr, done.stderr
    m.verdicts.add("refused")


@case(HEADS, "another shape")
def other_head_shape(m):
    m.of("bge-m3-tiny").write("colbert_linear.pt", "")
    (m.path / "colbert_linear.pt").write_bytes((REPOSITORY / "tests/data/torch/linear-f32.pt").read_bytes())
    m.refuses(says="found [3, 4]")


# ---- weights

@case("model.safetensors", "")
def safetensors_come_first(m):
    m.of("bert-tiny").write("onnx/model.onnx", "no graph")
    m.gives(mean_of(m, m.ids(TEXT)), differs=False)
    m.of("xlmr-tiny").gives(cls_of(m, m.ids(TEXT)), differs=False)  # in shards


@case("onnx/model.onnx", "")
def onnx_graphs(m):
    expected = MODELS / "bert-tiny"
    m.of("bert-tiny-onnx")
    for graph in ("native", "portable", "published"):
        m.gives(mean_of(m, m.ids(TEXT), config=expected, weights=expected), "--graph", graph, differs=False)


@case("*.onnx", "another graph than config.json describes")
def other_graphs(m):
    bert = MODELS / "bert-tiny"
    plain = m.of("bert-tiny-onnx").ids(TEXT)
    shape = ["batch", "tokens", 32]
    m.graph(lambda model: only_output(model, "rectified", TensorProto.FLOAT, shape,
                                      helper.make_node("Relu", ["last_hidden_state"], ["rectified"])))
    m.gives(unit(numpy.maximum(m.hidden(plain, config=bert, weights=bert), 0).mean(0)),
            says="as it is.*not recognised.*layer 1: its output")
    for graph in ("native", "portable"):
        m.command.fails(2, "embed", "--model", m.path, "--graph", graph, "a", says=["not recognised", "published"])
    dense = numpy.random.default_rng(1).normal(size=(32, 32))

    def pool_and_turn(model):
        pool(model, "pooled")
        model.graph.initializer.append(
            helper.make_tensor("dense", TensorProto.FLOAT, [32, 32], dense.astype(numpy.float32).ravel()))
        only_output(model, "sentence_embedding", TensorProto.FLOAT, ["batch", 32],
                    helper.make_node("MatMul", ["pooled", "dense"], ["sentence_embedding"]))
    m.of("bert-tiny-onnx").graph(pool_and_turn)
    m.gives(unit(m.hidden(plain, config=bert, weights=bert).mean(0) @ dense), says="it pools by itself")
    for change in ({"num_attention_heads": 2}, {"hidden_act": "relu"}, {"layer_norm_eps": 0.5},
                   {"num_hidden_layers": 1}):
        m.of("bert-tiny-onnx").merge("config.json", **change)
        m.gives(mean_of(m, plain, config=bert, weights=bert), differs=False, says="not recognised")


@case("onnx/model_NAME.onnx", "")
def other_names_of_graphs(m):
    expected = MODELS / "bert-tiny"
    m.of("bert-tiny-onnx").rename("onnx/model.onnx", "onnx/model_O2.onnx")
    m.gives(mean_of(m, m.ids(TEXT), config=expected, weights=expected), differs=False)
    assert "ONNX files" not in m.errors
    m.write("onnx/model_quantized.onnx", "no graph").write("model_z.onnx", "no graph")
    m.gives(mean_of(m, m.ids(TEXT), config=expected, weights=expected), differs=False,
            says="of 3 ONNX files onnx/model_O2.onnx is used")
    m.rename("onnx/model_O2.onnx", "onnx/model_zz_own.onnx").remove("onnx/model_quantized.onnx", "model_z.onnx")
    m.gives(mean_of(m, m.ids(TEXT), config=expected, weights=expected), differs=False)


def fix(model, axis, size):
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[axis].dim_value = size


PUBLISHED = ("--graph", "published")
TEXTS = ("a", "Where do cats sleep?", "hello")


def several_texts(m, *arguments):
    bert = MODELS / "bert-tiny"
    found = m.vectors(*PUBLISHED, *arguments, *TEXTS)
    expected = [mean_of(m, m.ids(text), config=bert, weights=bert) for text in TEXTS]
    assert numpy.abs(found - numpy.array(expected)).max() < 1e-5
    m.verdicts.add("followed")


@case("*.onnx", "fixed batch size")
def fixed_batch(m):
    for size in (1, 2, 5):
        several_texts(m.of("bert-tiny-onnx").graph(lambda model: fix(model, 0, size)))


@case("*.onnx", "fixed length")
def fixed_length(m):
    several_texts(m.of("bert-tiny-onnx").graph(lambda model: fix(model, 1, 32)))
    info = json.loads(m.command.ok("info", "--json", "--model", m.path, *PUBLISHED))
    assert info["max_tokens"] == 32
    bert = MODELS / "bert-tiny"
    ids = m.ids("cat " * 40)
    m.gives(mean_of(m, ids[:31] + ids[-1:], config=bert, weights=bert), *PUBLISHED, text="cat " * 40)
    m.command.fails(2, "embed", "--model", m.path, *PUBLISHED, "--max-tokens", "33", "a", says="fixed length")


@case("*.onnx", "fixed length, no attention_mask")
def fixed_length_without_mask(m):
    def change(model):
        fix(model, 1, 16)
        mask = next(value for value in model.graph.input if value.name == "attention_mask")
        model.graph.input.remove(mask)
        model.graph.initializer.append(helper.make_tensor("attention_mask", TensorProto.INT64, [1, 16], [1] * 16))
    m.of("bert-tiny-onnx").graph(change).refuses(*PUBLISHED)


def only_output(model, name, element, shape, *nodes):
    model.graph.node.extend(nodes)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(name, element, shape))


def pool(model, name="sentence_embedding"):
    axis = helper.make_tensor("pool_axis", TensorProto.INT64, [1], [1])
    last = helper.make_tensor("pool_last", TensorProto.INT64, [1], [2])
    model.graph.initializer.extend([axis, last])
    only_output(
        model, name, TensorProto.FLOAT, ["batch", 32],
        helper.make_node("Cast", ["attention_mask"], ["pool_mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["pool_mask", "pool_last"], ["pool_column"]),
        helper.make_node("Mul", ["last_hidden_state", "pool_column"], ["pool_masked"]),
        helper.make_node("ReduceSum", ["pool_masked", "pool_axis"], ["pool_sum"], keepdims=0),
        helper.make_node("ReduceSum", ["pool_mask", "pool_axis"], ["pool_count"], keepdims=1),
        helper.make_node("Div", ["pool_sum", "pool_count"], [name]))


@case("*.onnx", "sentence_embedding alone")
def pooled_graph(m):
    several_texts(m.of("bert-tiny-onnx").graph(pool))
    assert "sentence_embedding" in m.errors
    info = json.loads(m.command.ok("info", "--json", "--model", m.path, *PUBLISHED))
    assert info["pooling"] == "graph"
    m.command.fails(2, "embed", "--model", m.path, *PUBLISHED, "--late-chunking", "a", "b",
                    says="late chunking")
    m.command.fails(2, "embed", "--model", m.path, *PUBLISHED, "--pooling", "cls", "a", says="runtime.pooling")
    m.merge("1_Pooling/config.json", include_prompt=False)
    m.command.fails(2, "embed", "--model", m.path, *PUBLISHED, "a", says="include_prompt")


@case("*.onnx", "float16 or bfloat16 output")
def half_precision(m):
    bert = MODELS / "bert-tiny"
    for element in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
        m.of("bert-tiny-onnx").graph(lambda model: only_output(
            model, "last", element, ["batch", "tokens", 32],
            helper.make_node("Cast", ["last_hidden_state"], ["last"], to=element)))
        m.gives(mean_of(m, m.ids(TEXT), config=bert, weights=bert), *PUBLISHED, differs=False, tolerance=4e-3)


@case("*.onnx", "int32 inputs")
def narrow_inputs(m):
    def change(model):
        for value in model.graph.input:
            value.type.tensor_type.elem_type = TensorProto.INT32
            for node in model.graph.node:
                for i, name in enumerate(node.input):
                    node.input[i] = f"{name}_wide" if name == value.name else name
            model.graph.node.insert(0, helper.make_node("Cast", [value.name], [f"{value.name}_wide"],
                                                        to=TensorProto.INT64))
    several_texts(m.of("bert-tiny-onnx").graph(change))


@case("*.onnx", "logits alone")
def scores(m):
    m.of("bert-tiny-onnx").graph(lambda model: pool(model, "logits")).refuses(*PUBLISHED)


@case("*.onnx", "another input")
def unknown_input(m):
    m.of("bert-tiny-onnx").graph(lambda model: model.graph.input.append(
        helper.make_tensor_value_info("past", TensorProto.INT64, ["batch"]))).refuses(*PUBLISHED, says="past")


def as_torch(m, shards=1):
    """The copy's weights as torch.save would have written them."""
    tensors = read_safetensors(m.path / "model.safetensors")
    names = sorted(tensors)
    m.remove("model.safetensors")
    if shards == 1:
        torch_file.save(m.path / "pytorch_model.bin", tensors)
        return m
    files = [f"pytorch_model-{number + 1:05}-of-{shards:05}.bin" for number in range(shards)]
    for number, file in enumerate(files):
        torch_file.save(m.path / file, {name: tensors[name] for name in names[number::shards]})
    return m.write("pytorch_model.bin.index.json",
                   {"weight_map": {name: files[place % shards] for place, name in enumerate(names)}})


@case("pytorch_model.bin", "alone")
def torch_weights(m):
    for shards in (1, 3):
        as_torch(m.of("bert-tiny"), shards)
        m.gives(mean_of(m, m.ids(TEXT)), differs=False)
        info = json.loads(m.command.ok("info", "--json", "--model", m.path, "--precision", "fp32"))
        assert "compiled from pytorch_model.bin" in info["graph"]
    (m.path / "pytorch_model-00002-of-00003.bin").unlink()
    assert b"00002-of-00003" in m.run(TEXT).stderr


@case("pytorch_model.bin", "beside model.safetensors or an ONNX file")
def torch_weights_come_last(m):
    m.of("bert-tiny").write("pytorch_model.bin", "no archive").changes_nothing()
    m.of("bert-tiny-onnx").write("pytorch_model.bin", "no archive").changes_nothing()


@case("pytorch_model.bin", "anything but a table of tensors")
def hostile_torch_weights(m):
    for name, says in (("module.pt", "asks for torch.nn.modules.linear Linear of Python"),
                       ("legacy.pt", "has the format of torch before 1.6")):
        m.of("bert-tiny").remove("model.safetensors")
        shutil.copy(REPOSITORY / "tests/data/torch" / name, m.path / "pytorch_model.bin")
        done = m.run(TEXT)
        line = done.stderr.decode().splitlines()[-1]
        assert done.returncode in (2, 3, 4) and says in line and "pytorch_model.bin: byte" in line, line
    m.verdicts.add("refused")


@case("tf_model.h5, flax_model.msgpack, openvino_model.xml", "alone")
def weights_of_others(m):
    for name in ("tf_model.h5", "flax_model.msgpack", "openvino_model.xml", "openvino/openvino_model.xml"):
        m.of("bert-tiny").rename("model.safetensors", name).refuses(says=name, code=3)


@case("any of these files", "pointer of Git LFS")
def pointers(m):
    for name in ("model.safetensors", "tokenizer.json", "config.json", "modules.json", "1_Pooling/config.json"):
        m.of("bert-tiny").write(name, POINTER).refuses(says=name)
    for name in ("onnx/model.onnx", "onnx/model.onnx_data"):
        for graph in ("native", "published"):
            m.of("bert-tiny-onnx").write(name, POINTER).refuses("--graph", graph, says=name)
    m.of("xlmr-tiny").write("model-00002-of-00002.safetensors", POINTER).refuses(says="00002-of-00002")


@case("model.safetensors", "tensors of a classifier")
def classifier_among_weights(m):
    m.of("bert-tiny").remove("modules.json", "1_Pooling")
    path = m.path / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8:8 + length]), data[8 + length:]
    header["classifier.weight"] = {"dtype": "F32", "shape": [1], "data_offsets": [len(rest), len(rest) + 4]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + rest + b"\0\0\0\0")
    m.refuses(says="classifier.weight")
    assert m.run("--pooling", "mean", TEXT).returncode == 0


@case("model.safetensors", "two encoders below names of their own")
def two_encoders(m):
    path = m.of("bert-tiny").path / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8:8 + length]), data[8 + length:]
    header.pop("__metadata__", None)

    def moved(prefix, by):
        return {prefix + name: {**tensor, "data_offsets": [place + by for place in tensor["data_offsets"]]}
                for name, tensor in header.items()}

    for names, size in (({**moved("query.", 0), **moved("doc.", len(rest))}, 2), (moved("query.", 0), 1)):
        text = json.dumps(names).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + rest * size)
        if size == 2:
            m.refuses(says=['"doc."', '"query."'])
    assert not m.run(TEXT).returncode, "one encoder may have any name"


ADAPTERS = ("retrieval_query", "retrieval_passage", "separation", "classification", "text_matching")


@case("adapter_config.json", "r, lora_alpha, use_rslora, rank_pattern, alpha_pattern")
@case("adapter_config.json", "keys of rank_pattern and alpha_pattern")
def adapter_scaling(m):
    for change, scale in (({"lora_alpha": 3.0}, 0.75), ({"use_rslora": True}, 0.5), ({"alpha_pattern": {"^no": 9, ".*": 3.0}}, 0.75),
                          ({"r": 7, "lora_alpha": 3.0, "rank_pattern": {".*": 4, "query": 9}}, 0.75)):
        m.of("v3-tiny-hf")
        for name in ADAPTERS:
            m.merge(f"{name}/adapter_config.json", **change)
        encoder = Encoder(MODELS / "v3-tiny")
        encoder.scale = scale
        m.gives(unit(encoder.hidden(m.ids(TEXT), task=4).mean(0)), "--task", "text-matching")
    for key in ("rank_pattern", "alpha_pattern"):
        m.of("v3-tiny-hf").merge("separation/adapter_config.json", **{key: {"(q|v)_proj": 4}})
        done = m.run(TEXT)
        assert done.returncode == 2 and b"a regular expression of this kind is not supported" in done.stderr, done.stderr


@case("adapter_config.json", "beside the weights")
def loose_adapter(m):
    for model in ("bert-tiny", "v3-tiny"):
        m.of(model).write("adapter_config.json", {"peft_type": "LORA", "r": 4, "lora_alpha": 1})
        m.refuses(says=["adapter_config.json", "merge_and_unload"])


ADAPTER = MODELS / "adapters" / "bert-tiny" / "legal"


@case("adapter_config.json", "target_modules")
def adapter_targets(m):
    m.of("bert-tiny")
    adapter = shutil.copytree(ADAPTER, m.root / "adapter")
    plain = unit(m.hidden(m.ids(TEXT)).mean(0))
    encoder, updates = Encoder(MODELS / "bert-tiny"), read_safetensors(adapter / "adapter_model.safetensors")
    for name in [name for name in updates if "lora_A" in name]:
        module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        update = updates[name.replace("lora_A", "lora_B")] @ updates[name]
        encoder.tensors[encoder.prefix + module + ".weight"] = encoder.tensors[encoder.prefix + module + ".weight"] + 1.5 * update
    expected = unit(encoder.hidden(m.ids(TEXT)).mean(0))
    options = ("--adapter", f"legal={adapter}", "--task")
    m.gives(expected, *options, "legal")
    m.gives(plain, *options, "base", differs=False)
    m.gives(plain, "--adapter", f"legal={adapter}", differs=False)
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["query", "key", "value"]}))
    done = m.run(*options, "legal", TEXT)
    assert b"no tensor base_model.model.encoder.layer.0.attention.self.key.lora_A.weight" in done.stderr, done.stderr


@case("adapter_config.json", "updates of a module that the model does not have")
def adapter_of_another_model(m):
    m.of("bert-tiny")
    adapter = shutil.copytree(ADAPTER, m.root / "adapter")
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes().replace(b"layer.1.attention.self.value", b"layer.7.attention.self.value"))
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ".*"}))
    m.refuses("--adapter", f"legal={adapter}", says=["adapter", "layer.7.attention.self.value"])


@case("adapter_config.json", "use_dora")
def adapter_with_dora(m):
    m.of("v3-tiny-hf").merge("separation/adapter_config.json", use_dora=True).refuses(says="merge_and_unload")


@case("adapter_config.json", "bias, modules_to_save, trainable_token_indices, init_lora_weights that changes the base")
def adapter_variants(m):
    for change in ({"bias": "all"}, {"modules_to_save": ["fc1"]}, {"trainable_token_indices": [1]}, {"init_lora_weights": "pissa"}):
        m.of("v3-tiny-hf").merge("separation/adapter_config.json", **change).refuses()


# ---- sentence-transformers

STEP = "sentence_transformers.models."
TRANSFORMER = {"path": "", "type": STEP + "Transformer"}
POOLING = {"path": "1_Pooling", "type": STEP + "Pooling"}
NORMALIZE = {"path": "2_Normalize", "type": STEP + "Normalize"}


@case("modules.json", "missing")
def no_modules(m):
    m.of("xlmr-tiny").remove("modules.json")
    m.gives(unit(cls_of(m, m.ids(TEXT))), says="warning: .*vectors are normalised; runtime.normalize")
    m.gives(cls_of(m, m.ids(TEXT)), "--normalize", "false", differs=False)
    m.remove("1_Pooling")
    m.gives(mean_of(m, m.ids(TEXT)), says="warning: .*the mean of the tokens.*runtime.pooling")
    m.gives(m.hidden(m.ids(TEXT))[-1], "--pooling", "lasttoken", "--normalize", "false")


@case("modules.json", "Transformer, Pooling, Normalize")
def usual_modules(m):
    m.of("xlmr-tiny").write("modules.json", [TRANSFORMER, POOLING, NORMALIZE])
    m.gives(unit(cls_of(m, m.ids(TEXT))))
    m.write("modules.json", [{**TRANSFORMER, "type": "custom_st.Transformer"}, POOLING])
    m.gives(cls_of(m, m.ids(TEXT)), differs=False)
    m.rename("1_Pooling", "pool").write("modules.json", [TRANSFORMER, {**POOLING, "path": "pool"}])
    m.gives(cls_of(m, m.ids(TEXT)), differs=False)
    source, m.path = m.path, m.root / "compiled"
    m.command.ok("compile", "-q", source, "-o", m.path, "--precision", "fp32")
    m.gives(cls_of(m, m.ids(TEXT)), differs=False)


@case("modules.json", "Normalize before Pooling")
def normalize_first(m):
    m.of("bert-tiny").write("modules.json", [TRANSFORMER, NORMALIZE, POOLING])
    m.gives(m.hidden(m.ids(TEXT)).mean(0), says="warning: .*Normalize stands before Pooling")


@case("modules.json", "no Pooling in the list")
def no_pooling(m):
    m.of("xlmr-tiny").write("modules.json", [TRANSFORMER])
    m.gives(cls_of(m, m.ids(TEXT)), differs=False, says="warning: .*lists no Pooling")
    for steps in ([TRANSFORMER], []):
        m.of("xlmr-tiny").remove("1_Pooling").write("modules.json", steps)
        m.gives(m.hidden(m.ids(TEXT)).mean(0), says="warning: .*runtime.pooling")


@case("modules.json", "Dropout")
def dropout(m):
    m.of("bert-tiny").write("modules.json", [TRANSFORMER, POOLING, {"path": "2_Dropout", "type": STEP + "Dropout"},
                                             NORMALIZE]).changes_nothing()


DENSE = {"path": "2_Dense", "type": STEP + "Dense"}
LAYER_NORM = {"path": "3_LayerNorm", "type": STEP + "LayerNorm"}
RANDOM = numpy.random.default_rng(5)
WEIGHT, BIAS, RESIDUAL = RANDOM.normal(size=(9, 32)), RANDOM.normal(size=9), RANDOM.normal(size=(9, 32))
SCALE, SHIFT = RANDOM.normal(size=9), RANDOM.normal(size=9)
DENSE_CONFIG = {"in_features": 32, "out_features": 9, "bias": True, "activation_function": "torch.nn.modules.linear.Identity"}


def with_dense(m, *steps, model="bert-tiny", save=None, **config):
    """2_Dense from 32 to 9 dimensions, and 3_LayerNorm of 9."""
    m.of(model).write("modules.json", [TRANSFORMER, POOLING, *(steps or (DENSE,))])
    m.write("2_Dense/config.json", laid_over(DENSE_CONFIG, config)).write("3_LayerNorm/config.json", {"dimension": 9})
    save = save or (lambda path, tensors: write_safetensors(path / "model.safetensors", tensors))
    save(m.path / "2_Dense", {"linear.weight": WEIGHT, "linear.bias": BIAS, "residual.weight": RESIDUAL})
    save(m.path / "3_LayerNorm", {"norm.weight": SCALE, "norm.bias": SHIFT})
    return m


def layer_norm(x):
    return (x - x.mean()) / numpy.sqrt(x.var() + 1e-5)


@case("modules.json", "Dense, LayerNorm behind Pooling")
def dense_modules(m):
    for graph in ("native", "portable"):
        with_dense(m)
        mean = m.hidden(m.ids(TEXT)).mean(0)
        m.gives(WEIGHT @ mean + BIAS, "--graph", graph)
        with_dense(m, DENSE, LAYER_NORM, NORMALIZE)
        m.gives(unit(SCALE * layer_norm(WEIGHT @ mean + BIAS) + SHIFT), "--graph", graph)
        with_dense(m, {**NORMALIZE, "path": "9_Normalize"}, DENSE)
        m.gives(WEIGHT @ unit(mean) + BIAS, "--graph", graph)
    m.gives(unit(WEIGHT @ unit(mean) + BIAS), "--normalize", "true", differs=False)
    cut = (WEIGHT @ unit(mean) + BIAS)[:4]
    m.gives(cut, "--dimensions", "4", differs=False)
    done = m.run("--dimensions", "10", TEXT)
    assert done.returncode == 2 and b"is not in 1..9" in done.stderr, done.stderr
    source, m.path = m.path, m.root / "compiled-dense"
    m.command.ok("compile", "-q", source, "-o", m.path, "--precision", "fp32")
    m.gives(WEIGHT @ unit(mean) + BIAS, differs=False)


@case("modules.json", "Dense, LayerNorm behind Pooling")
def dense_behind_exports(m):
    bert = MODELS / "bert-tiny"
    with_dense(m, model="bert-tiny-onnx")
    m.gives(WEIGHT @ m.hidden(m.ids(TEXT), config=bert, weights=bert).mean(0) + BIAS, *PUBLISHED)
    info = json.loads(m.command.ok("info", "--json", "--model", m.path, *PUBLISHED))
    assert info["dimensions"] == 9
    with_dense(m, model="bert-tiny-onnx").graph(pool)
    done = m.run(*PUBLISHED, TEXT)
    assert done.returncode == 2 and b"sentence_embedding has 32 dimensions, the modules" in done.stderr, done.stderr
    with_dense(m, model="bert-tiny-onnx", out_features=32).graph(pool)
    m.gives(m.hidden(m.ids(TEXT), config=bert, weights=bert).mean(0), *PUBLISHED, says="it pools|its own pooling")


@case("modules.json", "Dense, LayerNorm behind Pooling")
def dense_of_late_chunks(m):
    with_dense(m, activation_function=None)
    chunks = ("Where do cats sleep?", "Hello World, a cat.")
    found = m.vectors("--late-chunking", *chunks)
    hidden = m.hidden(m.ids(" ".join(chunks)))
    first = len(m.ids(chunks[0])) - 1
    for vector, tokens in zip(found, (hidden[:first], hidden[first:])):
        assert numpy.abs(vector - numpy.tanh(WEIGHT @ tokens.mean(0) + BIAS)).max() < 1e-5


@case("modules.json", "Dense, LayerNorm before Pooling")
def dense_first(m):
    for step in (DENSE, {**LAYER_NORM, "path": "2_Dense"}):
        m.of("bert-tiny").write("modules.json", [TRANSFORMER, step, POOLING]).refuses(says="modules.json")


@case("modules.json", "any other module (WeightedLayerPooling, CNN, ...)")
def other_modules(m):
    for kind in (STEP + "WeightedLayerPooling", STEP + "CNN", "own.Pooling", "own.Dense"):
        m.of("bert-tiny").write("modules.json", [TRANSFORMER, POOLING, {"path": "2_Dense", "type": kind}])
        m.refuses(says=kind)


DENSE_FILE = "2_Dense/config.json"


@case(DENSE_FILE, "in_features, out_features, bias, use_residual")
def dense_sizes(m):
    mean = with_dense(m).hidden(m.ids(TEXT)).mean(0)
    with_dense(m, bias=False).gives(WEIGHT @ mean)
    with_dense(m, use_residual=True).gives(WEIGHT @ mean + BIAS + RESIDUAL @ mean)
    square = numpy.random.default_rng(6).normal(size=(32, 32))
    with_dense(m, out_features=32, bias=False, use_residual=True, activation_function="torch.nn.modules.activation.Tanh")
    write_safetensors(m.path / "2_Dense/model.safetensors", {"linear.weight": square})
    m.gives(numpy.tanh(square @ mean) + mean)
    with_dense(m, save=lambda path, tensors: torch_file.save(path / "pytorch_model.bin", tensors))
    m.gives(WEIGHT @ mean + BIAS)


@case(DENSE_FILE, "activation_function")
def dense_activations(m):
    x = WEIGHT @ with_dense(m).hidden(m.ids(TEXT)).mean(0) + BIAS
    erf = numpy.vectorize(math.erf)
    for name, expected in ((None, numpy.tanh(x)), ("Tanh", numpy.tanh(x)), ("ReLU", numpy.maximum(x, 0)),
                           ("GELU", x / 2 * (1 + erf(x / math.sqrt(2)))), ("SiLU", x / (1 + numpy.exp(-x)))):
        with_dense(m, activation_function=name and f"torch.nn.modules.activation.{name}").gives(expected)


@case(DENSE_FILE, "another activation_function")
def other_dense_activation(m):
    for name in ("torch.nn.modules.activation.Softplus", "own.Tanh", "Tanh"):
        with_dense(m, activation_function=name).refuses(says="activation_function")


@case(DENSE_FILE, "module_input_name, module_output_name")
def dense_of_tokens(m):
    for key in ("module_input_name", "module_output_name"):
        with_dense(m, **{key: "token_embeddings"}).refuses(says=key)
        with_dense(m, **{key: "sentence_embedding"}).vectors(TEXT)


@case(DENSE_FILE, "sizes that do not fit")
def dense_of_other_sizes(m):
    with_dense(m, in_features=31).refuses(says=["2_Dense/config.json", "takes 31 dimensions"])
    done = with_dense(m, out_features=8).run(TEXT)
    assert done.returncode == 2 and b"linear.weight" in done.stderr and b"[8, 32]" in done.stderr, done.stderr


@case(DENSE_FILE, "any other key")
def other_dense_key(m):
    plain = with_dense(m).vectors(TEXT)
    assert numpy.array_equal(with_dense(m, dropout=0.5).vectors(TEXT), plain)
    assert "warning:" in m.errors and "dropout" in m.errors
    m.verdicts.add("no effect")


@case("2_LayerNorm/config.json", "dimension")
def layer_norm_size(m):
    m.of("bert-tiny").write("modules.json", [TRANSFORMER, POOLING, {**LAYER_NORM, "path": "2_LayerNorm"}])
    scale, shift = numpy.random.default_rng(7).normal(size=(2, 32))
    m.write("2_LayerNorm/config.json", {"dimension": 32})
    write_safetensors(m.path / "2_LayerNorm/model.safetensors", {"norm.weight": scale, "norm.bias": shift})
    m.gives(scale * layer_norm(m.hidden(m.ids(TEXT)).mean(0)) + shift)


@case("modules.json", "path of the Transformer")
def transformer_below(m):
    m.of("bert-tiny").write("modules.json", [{**TRANSFORMER, "path": "0_Transformer"}, POOLING]).refuses()


@case("modules.json", "path of another module")
def module_elsewhere(m):
    for step in (POOLING, NORMALIZE):
        for path in ("../x", "/tmp", "1_Pooling/../.."):
            m.of("bert-tiny").write("modules.json", [TRANSFORMER, POOLING, {**step, "path": path}]).refuses()
    for path in ("", "."):
        m.of("bert-tiny").write("modules.json", [TRANSFORMER, {**POOLING, "path": path}]).refuses()


@case("modules.json", "idx, name")
def numbers_of_modules(m):
    steps = [{"idx": 9, "name": "x", **TRANSFORMER}, {"idx": 1, **POOLING}, {"idx": 0, "name": "x", **NORMALIZE}]
    m.of("bert-tiny").write("modules.json", steps).changes_nothing()


def pooled(m, model="bert-tiny", **config):
    return m.of(model).write("1_Pooling/config.json", config)


@case("1_Pooling/config.json", "pooling_mode_mean_tokens")
def mean_flag(m):
    pooled(m, "xlmr-tiny", pooling_mode_mean_tokens=True)
    m.gives(m.hidden(m.ids(TEXT)).mean(0))


@case("1_Pooling/config.json", "pooling_mode_cls_token")
def cls_flag(m):
    pooled(m, pooling_mode_cls_token=True).gives(unit(cls_of(m, m.ids(TEXT))))


@case("1_Pooling/config.json", "pooling_mode_lasttoken")
def last_flag(m):
    pooled(m, pooling_mode_lasttoken=True).gives(unit(m.hidden(m.ids(TEXT))[-1]))


@case("1_Pooling/config.json", "pooling_mode")
def new_mode(m):
    pooled(m, pooling_mode="cls", pooling_mode_mean_tokens=True).gives(unit(cls_of(m, m.ids(TEXT))))
    pooled(m, pooling_mode=["lasttoken"]).gives(unit(m.hidden(m.ids(TEXT))[-1]))
    for name, pool_rows in KINDS.items():
        pooled(m, "xlmr-tiny", pooling_mode=name).gives(pool_rows(m.hidden(m.ids(TEXT))))
        m.of("xlmr-tiny").gives(pool_rows(m.hidden(m.ids(TEXT))), "--pooling", name)


@case("1_Pooling/config.json", "no mode at all")
def no_mode(m):
    pooled(m, "xlmr-tiny", word_embedding_dimension=32).gives(m.hidden(m.ids(TEXT)).mean(0))


def weighted(tokens, first=0):
    weights = numpy.arange(first + 1, first + len(tokens) + 1)
    return weights @ tokens / weights.sum()


KINDS = {"max": lambda tokens, first=0: tokens.max(0), "weightedmean": weighted,
         "mean_sqrt_len_tokens": lambda tokens, first=0: tokens.sum(0) / math.sqrt(len(tokens))}


@case("1_Pooling/config.json",
      "pooling_mode_max_tokens, pooling_mode_mean_sqrt_len_tokens, pooling_mode_weightedmean_tokens")
def other_modes(m):
    prompt, chunks = "search query: ", ("Where do cats sleep?", "Hello World, a cat.")
    for name, pool_rows in KINDS.items():
        flag = "pooling_mode_" + name.removesuffix("_tokens") + "_tokens"
        for graph in ("native", "portable"):
            pooled(m, "xlmr-tiny", **{flag: True})
            m.gives(pool_rows(m.hidden(m.ids(TEXT))), "--graph", graph)
        pooled(m, "xlmr-tiny", **{flag: True}, include_prompt=False)
        m.merge("config_sentence_transformers.json", prompts={"query": prompt})
        ids, count = m.ids(prompt + TEXT), len(m.ids(prompt)) - 1
        m.gives(pool_rows(m.hidden(ids)[count:], count), "--task", "query")
        found = m.vectors("--late-chunking", *chunks)
        hidden, first = m.hidden(m.ids(" ".join(chunks))), len(m.ids(chunks[0])) - 1
        assert numpy.abs(found[0] - pool_rows(hidden[:first])).max() < 1e-5
        assert numpy.abs(found[1] - pool_rows(hidden[first:], first)).max() < 1e-5
        bert = MODELS / "bert-tiny"
        m.of("bert-tiny-onnx").write("1_Pooling/config.json", {flag: True})
        m.gives(unit(pool_rows(m.hidden(m.ids(TEXT), config=bert, weights=bert))), *PUBLISHED, differs=name == "max")


@case("1_Pooling/config.json", "another pooling_mode")
def unknown_mode(m):
    pooled(m, pooling_mode="median").refuses(says="median")


@case("1_Pooling/config.json", "any other key")
def misspelt_mode(m):
    for key, value in (("pooling_mode_last_token", True), ("normalize", True), ("layer", NULL)):
        pooled(m, pooling_mode_cls_token=True, **{key: None if value is NULL else value}).refuses(says=key)


@case("1_Pooling/config.json", "several modes")
def several_modes(m):
    pooled(m, pooling_mode_mean_tokens=True, pooling_mode_cls_token=True).refuses()


@case("1_Pooling/config.json", "include_prompt")
def prompt_left_out(m):
    prompt = "search query: "
    for config, pick in (({}, lambda h: h.mean(0)), ({"pooling_mode_cls_token": True}, lambda h: h[0])):
        pooled(m, include_prompt=False, **config)
        m.merge("config_sentence_transformers.json", prompts={"query": prompt})
        ids = m.ids(prompt + TEXT)
        count = len(m.ids(prompt)) - 1  # without the token behind it
        m.gives(unit(pick(m.hidden(ids)[count:])), "--task", "query")
    pooled(m, include_prompt=False).gives(mean_of(m, m.ids(TEXT)), differs=False)
    pooled(m, include_prompt=True).merge("config_sentence_transformers.json", prompts={"query": prompt})
    m.gives(mean_of(m, m.ids(prompt + TEXT)), "--task", "query")


@case("1_Pooling/config.json", "word_embedding_dimension, embedding_dimension")
def stated_width(m):
    pooled(m, pooling_mode_mean_tokens=True, word_embedding_dimension=768, embedding_dimension=9).changes_nothing()


@case("2_Normalize/config.json", "module_input_name, module_output_name")
def normalized_tokens(m):
    for key in ("module_input_name", "module_output_name"):
        m.of("bert-tiny").write("2_Normalize/config.json", {key: "token_embeddings"}).refuses(says=key)
    m.of("bert-tiny").write("2_Normalize/config.json", {key: "sentence_embedding"})
    m.vectors(TEXT)


@case("2_Dense and other folders of modules", "without modules.json")
def loose_modules(m):
    m.of("bert-tiny").remove("modules.json").write("2_Dense/config.json", {}).refuses(says="2_Dense")


SENTENCE = "sentence_bert_config.json"
SENTENCE_NAMES = [f"sentence_{name}_config.json" for name in
                  ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")]


@case(SENTENCE, "the file's name")
def names_of_the_file(m):
    for name in SENTENCE_NAMES:
        m.of("xlmr-tiny").remove(SENTENCE).write(name, {"max_seq_length": 16}).limit_is(16)
    m.of("xlmr-tiny").write(SENTENCE, {}).write("sentence_xlnet_config.json", {"max_seq_length": 16}).limit_is(16)
    m.of("xlmr-tiny").write("sentence_roberta_config.json", {"max_seq_length": 16}).limit_is(256)


@case(SENTENCE, "max_seq_length")
def longest_text(m):
    m.of("bert-tiny").merge(SENTENCE, max_seq_length=8).merge("tokenizer_config.json", model_max_length=4)
    ids = m.ids(TEXT)
    m.gives(mean_of(m, ids[:7] + ids[-1:]))
    m.merge(SENTENCE, max_seq_length=NULL).limit_is(4)
    m.merge(SENTENCE, max_seq_length=5000).limit_is(128)


@case(SENTENCE, "do_lower_case")
def lowered_first(m):
    text = "HELLO World, \u00c9t\u00e9 [MASK]"
    m.of("xlmr-tiny").merge(SENTENCE, do_lower_case=True)
    m.gives(cls_of(m, m.ids(text.lower())), text=text)
    assert m.ids(text.lower()) != m.ids(text)


@case(SENTENCE, "model_max_length in tokenizer_args or processor_kwargs")
def argument_of_the_tokenizer(m):
    for name in ("tokenizer_args", "processor_kwargs"):
        m.of("bert-tiny").merge(SENTENCE, max_seq_length=16, **{name: {"model_max_length": 8}}).limit_is(8)


@case(SENTENCE, "torch_dtype, attn_implementation in model_args or model_kwargs")
def harmless_arguments(m):
    for name in ("model_args", "model_kwargs"):
        arguments = {"torch_dtype": "float16", "attn_implementation": "sdpa"}
        m.of("bert-tiny").merge(SENTENCE, **{name: arguments}).changes_nothing()


@case(SENTENCE, "other arguments in model_args, tokenizer_args, config_args")
def other_arguments(m):
    for name in ("model_args", "tokenizer_args", "config_args", "model_kwargs", "processor_kwargs",
                 "config_kwargs"):
        m.of("bert-tiny").merge(SENTENCE, **{name: {"hidden_act": "relu"}}).refuses(says=f"{name}.hidden_act")


@case(SENTENCE, "transformer_task, module_output_name, modality_config, processing_kwargs, query_length")
def other_kinds(m):
    for change in ({"transformer_task": "fill-mask"}, {"module_output_name": "logits"}, {"query_length": 32},
                   {"processing_kwargs": {"text": {"max_length": 4}}}, {"modality_config": {"image": {}}},
                   {"modality_config": {"text": {"method": "get_text_features"}}}):
        m.of("bert-tiny").merge(SENTENCE, **change).refuses(says=list(change)[0])
    m.merge(SENTENCE, transformer_task="feature-extraction", module_output_name="token_embeddings",
            processing_kwargs={},
            modality_config={"text": {"method": "forward", "method_output_name": "last_hidden_state"}})
    m.vectors(TEXT)


@case(SENTENCE, "unpad_inputs")
def unpadded(m):
    m.of("bert-tiny").merge(SENTENCE, unpad_inputs=True).changes_nothing()


SENTENCE_TRANSFORMERS = "config_sentence_transformers.json"


@case(SENTENCE_TRANSFORMERS, "prompts")
def prompts(m):
    m.of("bert-tiny").merge(SENTENCE_TRANSFORMERS, prompts={"query": "cat: ", "passage": NULL})
    m.gives(mean_of(m, m.ids("cat: " + TEXT)), "--task", "query")
    m.gives(mean_of(m, m.ids(TEXT)), "--task", "passage", differs=False)


@case(SENTENCE_TRANSFORMERS, "a prompt as long as the longest text")
def long_prompt(m):
    size = len(m.of("bert-tiny").ids("cat " * 30))
    m.merge(SENTENCE_TRANSFORMERS, prompts={"query": "", "passage": "cat " * 30})
    for limit in (size, size - 1):
        m.refuses("--max-tokens", str(limit), says=['"passage" (model folder)', f"has {size} tokens", f"takes {limit}"])
    m.refuses("--max-tokens", str(size), "--task", "query")  # whatever a text asks for
    assert not m.run("--max-tokens", str(size + 1), "--task", "passage", TEXT).returncode
    assert not m.run("--max-tokens", str(size), "--document-prompt", "cat: ", TEXT).returncode
    m.of("bert-tiny-onnx").graph(lambda model: fix(model, 1, 16))
    m.merge(SENTENCE_TRANSFORMERS, prompts={"query": "cat " * 30}).refuses(*PUBLISHED, says="takes 16")


@case(SENTENCE_TRANSFORMERS, "default_prompt_name")
def default_prompt(m):
    m.of("bert-tiny").merge(SENTENCE_TRANSFORMERS, prompts={"query": "cat: "}, default_prompt_name="query")
    m.gives(mean_of(m, m.ids("cat: " + TEXT)))
    m.gives(mean_of(m, m.ids(TEXT)), "--task", "none", differs=False)
    m.merge(SENTENCE_TRANSFORMERS, default_prompt_name="passage")
    m.command.fails(2, "embed", "--model", m.path, "a", says="default_prompt_name")


def cut(vector, size):
    return unit(vector[:size])


@case(SENTENCE_TRANSFORMERS, "truncate_dim")
def truncated_vectors(m):
    m.of("bert-tiny").merge(SENTENCE_TRANSFORMERS, truncate_dim=16).merge("config.json", truncate_dim=8)
    whole = mean_of(m, m.ids(TEXT))
    m.gives(cut(whole, 16))
    m.gives(whole, "--dimensions", "32", differs=False)
    info = json.loads(m.command.ok("info", "--json", "--model", m.path))
    assert info["dimensions"] == 16
    m.merge(SENTENCE_TRANSFORMERS, truncate_dim=33)
    m.command.fails(2, "embed", "--model", m.path, "a", says="truncate_dim 33")


@case(SENTENCE_TRANSFORMERS, "model_type")
def type_of_model(m):
    for kind in ("CrossEncoder", "SparseEncoder"):
        m.of("bert-tiny").merge(SENTENCE_TRANSFORMERS, model_type=kind).refuses(says=kind)
    m.merge(SENTENCE_TRANSFORMERS, model_type="SentenceTransformer").vectors(TEXT)


@case(SENTENCE_TRANSFORMERS, "similarity_fn_name, __version__, requirements")
def facts(m):
    m.of("bert-tiny").merge(SENTENCE_TRANSFORMERS, similarity_fn_name="dot", requirements=["x>1"],
                            __version__={"sentence_transformers": "99.0"}).changes_nothing()


# ---- tokenizer

TOKENIZER = "tokenizer.json"


@case(TOKENIZER, "normalizer, pre_tokenizer, model, added_tokens")
def components(m):
    m.of("bert-tiny").merge(TOKENIZER, normalizer={"lowercase": False, "strip_accents": False})
    text = "Hello CAT"  # the vocabulary is lower case, so words with capitals are unknown
    unknown = json.loads((m.path / TOKENIZER).read_text())["model"]["vocab"]["[UNK]"]
    (start, *_, end) = m.ids(text)
    m.gives(mean_of(m, [start, unknown, unknown, end]), text=text, says="warning: .*normalizer")
    m.of("bert-tiny").merge(TOKENIZER, pre_tokenizer={"type": "WhitespaceSplit"})
    m.gives(mean_of(m, [start, unknown, end]), text="cat,cat,cat", says="warning: .*pre_tokenizer")


@case(TOKENIZER, "components that nestvec does not have (UnicodeScripts, CTC, ...)")
def other_components(m):
    for key, kind in (("normalizer", "Nmt"), ("pre_tokenizer", "UnicodeScripts"), ("model", "Other"),
                      ("post_processor", "Other"), ("decoder", "CTC")):
        m.of("bert-tiny").merge(TOKENIZER, **{key: {"type": kind}}).refuses(says=kind)


@case(TOKENIZER, "a regular expression of Split with another construct")
def other_expression(m):
    split = {"type": "Split", "pattern": {"Regex": "a|\\bb"}, "behavior": "Isolated", "invert": False}
    m.of("bert-tiny").merge(TOKENIZER, pre_tokenizer=split).refuses(says="an unknown escape, at byte 4")


@case(TOKENIZER, "dropout of a BPE model")
def bpe_dropout(m):
    model = {"type": "BPE", "vocab": {}, "merges": [], "dropout": 0.1}
    m.of("bert-tiny").merge(TOKENIZER, model=model).refuses(says="expected null or 0")


def template(first, text, last):
    return {"single": [{"SpecialToken": {"id": "[CLS]", "type_id": first}},
                       {"Sequence": {"id": "A", "type_id": text}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": last}}]}


@case(TOKENIZER, "special tokens of post_processor")
def special_tokens(m):
    m.of("bert-tiny").merge(TOKENIZER, post_processor={"single": template(0, 0, 0)["single"][:2]})
    m.gives(mean_of(m, m.ids(TEXT)[:-1]), says="warning: .*post_processor")


@case(TOKENIZER, "type_id of post_processor")
def token_types(m):
    text = "cat " * 200
    for pattern in ((0, 1, 1), (0, 0, 1), (1, 1, 1)):
        for graph in ("native", "portable", "published"):
            m.of("bert-tiny-onnx" if graph == "published" else "bert-tiny")
            m.merge(TOKENIZER, post_processor=template(*pattern))
            bert = MODELS / "bert-tiny"
            ids = m.ids(TEXT)
            types = [pattern[0], *[pattern[1]] * (len(ids) - 2), pattern[2]]
            m.gives(mean_of(m, ids, types=types, config=bert, weights=bert), "--graph", graph)
        ids = m.ids(text)  # cut to the model's length
        ids = ids[:95] + ids[-1:]
        types = [pattern[0], *[pattern[1]] * 94, pattern[2]]
        m.gives(mean_of(m, ids, types=types, config=bert, weights=bert), "--graph", graph, text=text)
    for target, graph in (("native", "auto"), ("portable", "portable")):
        m.of("bert-tiny").merge(TOKENIZER, post_processor=template(0, 1, 0))
        source, m.path = m.path, m.root / f"compiled-{target}"
        m.command.ok("compile", "-q", source, "-o", m.path, "--target", target, "--precision", "fp32")
        ids = m.ids(TEXT)
        types = [0, *[1] * (len(ids) - 2), 0]
        m.gives(mean_of(m, ids, types=types), "--graph", graph)
        m.merge(TOKENIZER, post_processor=template(0, 0, 0))
        m.command.fails(1, "embed", "--model", m.path, "a", says="token types")


@case(TOKENIZER, "type_id over type_vocab_size")
def too_many_types(m):
    m.of("bert-tiny").merge(TOKENIZER, post_processor=template(0, 2, 0)).refuses(says="type_id 2")


@case(TOKENIZER, "direction of truncation")
def direction(m):
    m.of("bert-tiny").merge(SENTENCE, max_seq_length=8)
    m.merge(TOKENIZER, truncation={"direction": "Left", "max_length": 512, "strategy": "LongestFirst", "stride": 0})
    ids = m.ids(TEXT)
    m.gives(mean_of(m, ids[:1] + ids[-7:]))
    m.merge(CONFIG, truncation_side="right").gives(mean_of(m, ids[:7] + ids[-1:]))


@case(TOKENIZER, "max_length of truncation, padding")
def limits_of_the_tokenizer(m):
    m.of("bert-tiny").merge(TOKENIZER, truncation={"max_length": 4}, padding={"strategy": {"Fixed": 90}})
    m.changes_nothing()


def with_tokens(m, count):
    added = json.loads((m.path / TOKENIZER).read_text())["added_tokens"]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    m.merge(TOKENIZER, added_tokens=added + [{"id": 420 + i, "content": f"[new{i}]", **plain} for i in range(count)])
    return m


@case(TOKENIZER, "a few tokens more than vocab_size")
def few_tokens_more(m):
    with_tokens(m.of("bert-tiny"), 1).gives(mean_of(m, m.ids(TEXT)), differs=False, says="warning: .*421 tokens")
    m.command.fails(2, "embed", "--model", m.path, "a", "b [new0]", says=["text 1", "[new0]", "id 420"])


@case(TOKENIZER, "many tokens more than vocab_size")
def many_tokens_more(m):
    with_tokens(m.of("bert-tiny"), 40).refuses(says="460 tokens")


CONFIG = "tokenizer_config.json"


@case(CONFIG, "model_max_length")
def longest_of_the_tokenizer(m):
    m.of("bert-tiny").remove(SENTENCE).merge(CONFIG, model_max_length=8)
    ids = m.ids(TEXT)
    m.gives(mean_of(m, ids[:7] + ids[-1:]))
    for none in (-1, 1e30, 10 ** 30):
        m.merge(CONFIG, model_max_length=none).limit_is(128)


@case(CONFIG, "max_len")
def older_limit(m):
    m.of("bert-tiny").remove(SENTENCE).merge(CONFIG, max_len=8)
    ids = m.ids(TEXT)
    m.gives(mean_of(m, ids[:7] + ids[-1:]))
    m.merge(CONFIG, model_max_length=32).limit_is(32)


@case(CONFIG, "do_lower_case, strip_accents, tokenize_chinese_chars")
def letters(m):
    text = "HELLO c\u00e1t"
    m.of("bert-tiny").merge(TOKENIZER, normalizer={"lowercase": False}).merge(CONFIG, do_lower_case=True)
    m.gives(mean_of(m, m.ids("hello cat")), text=text, says="warning: do_lower_case of tokenizer_config.json",
            differs=False)
    out = m.command("tokenize", "--tokenizer", m.path, stdin=text)
    assert json.loads(out.stdout)["ids"] == m.ids("hello cat") and b"warning" in out.stderr
    m.merge(CONFIG, tokenizer_class="PreTrainedTokenizerFast")
    unknown = json.loads((m.path / TOKENIZER).read_text())["model"]["vocab"]["[UNK]"]
    (start, *_, end) = m.ids(text)
    vector = m.vectors(text)[0]
    assert numpy.abs(vector - mean_of(m, [start, unknown, *m.ids("c\u00e1t", m.path)[1:]])).max() < 1e-5
    ids = m.of("bert-tiny").merge(TOKENIZER, normalizer={"strip_accents": False}).ids(text, m.path)
    m.of("bert-tiny").merge(CONFIG, strip_accents=False).gives(mean_of(m, ids), text=text)
    m.of("bert-tiny").merge(CONFIG, tokenize_chinese_chars=False)
    m.gives(mean_of(m, [start, unknown, end]), text="\u732b\u732b", says="warning: tokenize_chinese_chars")


@case(CONFIG, "do_lower_case, other tokenizers")
def letters_of_others(m):
    m.of("xlmr-tiny").merge(CONFIG, do_lower_case=True).changes_nothing(says="warning: do_lower_case.*no effect")
    for value in (0, "false", NULL):  # of no meaning, and so no error
        m.of("xlmr-tiny").merge(CONFIG, do_lower_case=value).changes_nothing()


@case(CONFIG, "truncation_side")
def side(m):
    m.of("bert-tiny").merge(SENTENCE, max_seq_length=8).merge(CONFIG, truncation_side="left")
    ids = m.ids(TEXT)
    m.gives(mean_of(m, ids[:1] + ids[-7:]))


@case(CONFIG, "model_input_names")
def inputs(m):
    m.of("bert-tiny").merge(TOKENIZER, post_processor=template(0, 1, 1))
    m.merge(CONFIG, model_input_names=["input_ids", "attention_mask"])
    m.gives(mean_of(m, m.ids(TEXT)), differs=False)
    m.merge(CONFIG, model_input_names=["input_ids", "token_type_ids"])
    ids = m.ids(TEXT)
    m.gives(mean_of(m, ids, types=[0, *[1] * (len(ids) - 1)]))


# What transformers 5.23 makes of "cats" where "a", a token of the vocabulary, is a special token.
CUT_CATS = [2, 45, 43, 62, 108, 3]


@case(CONFIG, "mask_token and other names of tokens, additional_special_tokens, extra_special_tokens, "
              "added_tokens_decoder")
def tokens_of_others(m):
    for change in ({"mask_token": "a"}, {"own_token": "a"}, {"additional_special_tokens": ["a"]},
                   {"extra_special_tokens": ["a"]}, {"extra_special_tokens": {"x": "a"}},
                   {"added_tokens_decoder": {"43": {"content": "a", "special": True}}}):
        for kind in ("BertTokenizer", "PreTrainedTokenizerFast"):
            m.of("bert-tiny").merge(CONFIG, tokenizer_class=kind, **change)
            m.gives(mean_of(m, CUT_CATS), text="cats")
    text = "x[MASK]y [MASK]"
    token = {"content": "[MASK]", "single_word": True, "special": True}  # in tokenizer.json within words, too
    m.of("bert-tiny").merge(CONFIG, added_tokens_decoder={"4": token})
    m.gives(mean_of(m, [2, 66, 37, 157, 108, 100, 39, 67, 4, 3]), text=text)
    m.of("bert-tiny").merge(CONFIG, additional_special_tokens=["sleep"])  # no token of the vocabulary: number 420
    m.gives(mean_of(m, m.ids("cats")), text="cats", differs=False, says="warning: .*421 tokens")
    m.command.fails(2, "embed", "--model", m.path, "cats sleep", says=["sleep", "id 420"])


@case("special_tokens_map.json, added_tokens.json", "")
def tokens_of_older_files(m):
    m.of("bert-tiny").write("special_tokens_map.json", {"additional_special_tokens": ["a"]})
    m.gives(mean_of(m, CUT_CATS), text="cats")
    m.merge(CONFIG, added_tokens_decoder={"4": {"content": "[MASK]", "special": True}})
    m.gives(mean_of(m, m.ids("cats")), text="cats", differs=False)
    m.of("bert-tiny").write("added_tokens.json", {"a": 43}).gives(mean_of(m, CUT_CATS), text="cats")


@case(CONFIG, "split_special_tokens")
def special_tokens_as_text(m):
    text = "[MASK] cat"
    m.of("bert-tiny").merge(CONFIG, split_special_tokens=True)
    m.gives(mean_of(m, [2, 37, 157, 108, 100, 39, 45, 90, 109, 3]), text=text)  # as in transformers 5.23
    m.merge(CONFIG, split_special_tokens=False).gives(mean_of(m, m.ids(text)), text=text, differs=False)


@case(CONFIG, "cls_token, sep_token, unk_token of a BertTokenizer")
def contradicted_tokens(m):
    for key, token in (("cls_token", "[SEP]"), ("sep_token", "[CLS]"), ("unk_token", "[PAD]")):
        for change in ({}, {"tokenizer_class": "BertTokenizerFast"}):
            m.of("bert-tiny").merge(CONFIG, **{key: token}, **change).refuses(says=[key, token])
        m.merge(CONFIG, tokenizer_class="PreTrainedTokenizerFast").vectors(TEXT)


@case(CONFIG, "bos_token, eos_token, add_prefix_space of an XLMRobertaTokenizer; cls_token, sep_token of a RobertaTokenizer; "
      "add_prefix_space of it, of a GPT2Tokenizer and a Qwen2Tokenizer")
def contradicted_ends(m):
    for key, value in (("cls_token", "</s>"), ("sep_token", "<s>"), ("add_prefix_space", True)):
        m.of("roberta-tiny").merge(CONFIG, **{key: value}).refuses(says=key)
        m.merge(CONFIG, tokenizer_class="PreTrainedTokenizerFast").vectors(TEXT)
    for model, kind in (("roberta-tiny", "GPT2Tokenizer"), ("qwen3-tiny", "Qwen2Tokenizer")):
        m.of(model).merge(CONFIG, tokenizer_class=kind, add_prefix_space=True).refuses(says="add_prefix_space")
    for key, value in (("bos_token", "</s>"), ("eos_token", "<s>"), ("add_prefix_space", False)):
        m.of("xlmr-tiny").merge(CONFIG, **{key: value}).refuses(says=key)
        m.merge(CONFIG, tokenizer_class="PreTrainedTokenizerFast").vectors(TEXT)
    m.of("xlmr-tiny").merge(CONFIG, bos_token="<s>", eos_token="</s>", add_prefix_space=True)
    m.vectors(TEXT)


@case(TOKENIZER, "parts that its tokenizer class would not have")
def parts_of_no_class(m):
    m.of("bert-tiny").merge(TOKENIZER, normalizer={"lowercase": False})
    unknown = json.loads((m.path / TOKENIZER).read_text())["model"]["vocab"]["[UNK]"]
    (start, *_, end) = m.ids("CAT")
    m.gives(mean_of(m, [start, unknown, end]), text="CAT", says="warning: .*a BertTokenizer .* own normalizer")
    m.merge(CONFIG, do_lower_case=False).gives(mean_of(m, [start, unknown, end]), text="CAT")
    m.of("xlmr-tiny").merge(TOKENIZER, pre_tokenizer={"type": "Whitespace", "pretokenizers": None})
    m.vectors(TEXT)
    assert re.search("warning: .*an XLMRobertaTokenizer .* own pre_tokenizer", m.errors)
    m.of("qwen3-tiny").merge(TOKENIZER, normalizer=NULL).vectors(TEXT)
    assert re.search("warning: .*a Qwen2Tokenizer .* own normalizer", m.errors)
    m.of("roberta-tiny").merge(TOKENIZER, normalizer={"type": "NFC"}).vectors(TEXT)
    assert re.search("warning: .*a RobertaTokenizer .* own normalizer", m.errors)
    for model in ("bert-tiny", "xlmr-tiny", "v3-tiny", "qwen3-tiny", "roberta-tiny", "modernbert-tiny", "eurobert-tiny"):
        m.of(model).vectors(TEXT)
        assert "transformers 5" not in m.errors


@case(CONFIG, "tokenizer_class, padding_side")
def facts_of_the_tokenizer(m):
    for kind in ("XLNetTokenizer", "BertTokenizer", "TokenizersBackend"):
        m.of("bert-tiny").merge(CONFIG, tokenizer_class=kind, padding_side="left").changes_nothing()


@case("vocab.txt, sentencepiece.bpe.model", "")
def other_files(m):
    m.of("bert-tiny").write("vocab.txt", "a\nb\n").write("sentencepiece.bpe.model", "x").changes_nothing()


@case("a text", "spaces at its ends")
def spaces(m):
    m.of("xlmr-tiny").gives(cls_of(m, m.ids("  cat \n")), text="  cat \n", differs=False)


# ---- config.json

def configured(m, model="bert-tiny", **change):
    return m.of(model).merge("config.json", **change)


def follows(m, text=TEXT):
    """The vector is what numpy makes of the changed config.json and the unchanged weights."""
    hidden = m.hidden(m.ids(text), config=m.path)
    m.gives(unit(hidden.mean(0)) if m.origin.name != "xlmr-tiny" else hidden[0], text=text)


@case("config.json", "model_type, architectures")
def family(m):
    m.of("xlmr-tiny").merge("config.json", model_type=None, architectures=["XLMRobertaModel"])
    m.gives(cls_of(m, m.ids(TEXT)), differs=False)
    configured(m, model_type=None, architectures=["BertForMaskedLM"]).gives(mean_of(m, m.ids(TEXT)), differs=False)
    configured(m, model_type="camembert", pad_token_id=0)
    follows(m)


@case("config.json", "another family")
def other_family(m):
    configured(m, model_type="t5").refuses(says='"t5"')
    configured(m, model_type=None, architectures=["T5EncoderModel"]).refuses(says="T5EncoderModel")


def encoder_alone(m, kind):
    done = m.run("--pooling", "cls", TEXT)
    assert done.returncode == 0 and b"only the encoder is used" in done.stderr
    configured(m, "xlmr-tiny", architectures=[kind]).vectors(TEXT)
    assert "only the encoder is used" in m.errors


@case("config.json", "architectures of another head")
def another_head(m):
    kind = "XLMRobertaForTokenClassification"
    configured(m, "xlmr-tiny", architectures=[kind]).remove("modules.json", "1_Pooling").refuses(says=kind)
    encoder_alone(m, kind)


@case("config.json", "the same, without the tensors of the head")
def no_head(m):
    kind = "XLMRobertaForSequenceClassification"
    configured(m, "xlmr-tiny", architectures=[kind]).remove("modules.json", "1_Pooling")
    # `embed` asks what the model is for before it looks at tensors.
    done = m.command("info", "--model", m.path, "--precision", "fp32")
    assert done.returncode in (2, 3, 4)
    for part in re.findall(r'"([^"]+)"', m.row[1]):
        assert part in done.stderr.decode()
    m.verdicts.add("refused")
    encoder_alone(m, kind)


def labels_are(m, labels, *arguments):
    info = json.loads(m.command.ok("info", "--json", "--model", m.path, "--precision", "fp32", *arguments))
    assert info["labels"] == labels and not info["dense"]
    m.verdicts.add("followed")
    return info


@case("config.json", "architectures: ...ForSequenceClassification")
def classifier(m):
    for name in ("bert-reranker-tiny", "xlmr-reranker-tiny", "jina-reranker-tiny", "modernbert-reranker-tiny",
                 "distilbert-reranker-tiny", "qwen3-classifier-tiny", "jina-v2-reranker-tiny", "eurobert-reranker-tiny",
                 "mpnet-reranker-tiny", "nomic-reranker-tiny", "electra-reranker-tiny"):
        labels_are(m.of(name), ["LABEL_0"])
        done = m.run(TEXT)
        assert done.returncode == 2 and b"is a reranker and makes no vectors" in done.stderr
        done = m.run("--pooling", "mean", TEXT)
        assert done.returncode == 0 and b"only the encoder is used" in done.stderr


@case("modules.json", "LogitScore behind the Transformer of a language model")
def logit_score(m):
    labels_are(m.of("qwen3-reranker-tiny"), ["LABEL_0"])
    done = m.run(TEXT)
    assert done.returncode == 2 and b"is a reranker and makes no vectors" in done.stderr
    done = m.run("--pooling", "lasttoken", TEXT)
    assert done.returncode == 0, done.stderr


@case("*.onnx", "logits of a classifier by architectures")
def exported_classifier(m):
    assert labels_are(m.of("bert-reranker-tiny-onnx"), ["LABEL_0"])["graph"].endswith("compiled from onnx/model.onnx")
    changed = m.of("bert-reranker-tiny-onnx")
    graph = onnx.load(changed.path / "onnx/model.onnx", load_external_data=False)
    next(node for node in graph.graph.node if node.op_type == "Tanh").op_type = "Sigmoid"
    onnx.save(graph, changed.path / "onnx/model.onnx")
    assert labels_are(changed, ["LABEL_0"])["graph"] == "onnx/model.onnx as published"


@case("config.json", "vocab_size, hidden_size, num_hidden_layers, intermediate_size")
def sizes(m):
    configured(m, num_hidden_layers=1)
    follows(m)
    configured(m, vocab_size=420.0, hidden_size=32.0, num_hidden_layers=2.0, intermediate_size=64.0)
    m.gives(mean_of(m, m.ids(TEXT)), differs=False)
    for key, value in (("vocab_size", 419), ("hidden_size", 16), ("intermediate_size", 32)):
        done = configured(m, **{key: value}).run(TEXT)
        assert done.returncode == 2 and b"as config.json says" in done.stderr, done.stderr


@case("config.json", "num_attention_heads")
def heads(m):
    configured(m, num_attention_heads=2)
    follows(m)


@case("config.json", "max_position_embeddings")
def positions(m):
    configured(m, "v3-tiny", max_position_embeddings=64).limit_is(64)


@case("config.json", "type_vocab_size")
def types(m):
    done = configured(m, type_vocab_size=3).run(TEXT)
    assert done.returncode == 2 and b"token_type_embeddings" in done.stderr
    m.of("bert-tiny").gives(mean_of(m, m.ids(TEXT)), differs=False)


@case("config.json", "hidden_act")
def activations(m):
    for name in ("relu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh"):
        configured(m, hidden_act=name)
        expected = mean_of(m, m.ids(TEXT), config=m.path)
        m.gives(expected, differs=name == "relu")
        m.gives(expected, "--graph", "portable", differs=False)


@case("config.json", "another hidden_act")
def other_activation(m):
    configured(m, hidden_act="mish").refuses()


@case("config.json", "layer_norm_eps")
def epsilon(m):
    configured(m, layer_norm_eps=0.5)
    follows(m)


@case("config.json", "pad_token_id")
def padding(m):
    configured(m, "xlmr-tiny", pad_token_id=3, max_position_embeddings=258)
    follows(m)


@case("config.json", "position_embedding_type")
def kinds_of_positions(m):
    for kind in ("relative_key", "rotary", "alibi"):
        configured(m, position_embedding_type=kind).refuses(says=kind)
    configured(m, "xlmr-tiny", position_embedding_type="absolute").vectors(TEXT)


@case("config.json", "rotary_emb_base, rope_theta, rope_parameters")
def rotation(m):
    for change in ({"rotary_emb_base": 100.0},
                   {"rotary_emb_base": None, "rope_theta": 100.0, "lora_rank": 4},
                   {"rotary_emb_base": 5.0, "rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}):
        configured(m, "v3-tiny", **change)
        encoder = Encoder(MODELS / "v3-tiny")
        encoder.config["rope_parameters"] = {"rope_theta": 100.0}
        m.gives(unit(encoder.hidden(m.ids(TEXT)).mean(0)), "--task", "none")


@case("config.json", "rope_scaling")
def scaled_rotation(m):
    configured(m, "v3-tiny", rope_scaling={"type": "linear", "factor": 2.0}).refuses()


def records_of(name):
    with gzip.open(REPOSITORY / "tests/data/embed" / name, "rt") as lines:
        return [json.loads(line) for line in lines]


@case("config.json", "rope_scaling or rope_parameters of qwen3, eurobert, jina_embeddings_v5")
def scaled_rotation_of_decoders(m):
    kinds, last = set(), None
    for record in records_of("rotary-qwen3-tiny.jsonl.gz"):
        if record["config"] != last:
            m.of("qwen3-tiny").merge("config.json", **{key: NULL if value is None else value
                                                       for key, value in record["config"].items()})
            last = record["config"]
        kinds.add(record["name"])
        for graph in ("native", "portable"):
            m.gives(numpy.array(record["vector"]), "--graph", graph, text=record["text"], differs=False)
    assert len(kinds) == 7


@case("config.json", "longrope with longer texts")
def longrope(m):
    rope = {"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [2.0] * 8,
            "original_max_position_embeddings": 80}
    m.of("qwen3-tiny").merge("config.json", rope_scaling=rope).refuses(says="rope_scaling")


@case("config.json", "another rope_type")
def other_rotation(m):
    m.of("qwen3-tiny").merge("config.json", rope_scaling={"type": "proportional"}).refuses(says="proportional")
    m.of("qwen3-tiny").merge("config.json", rope_scaling={"type": "linear"})
    assert b"factor" in m.run(TEXT).stderr
    m.of("qwen3-tiny").merge("config.json", rope_scaling={"type": "yarn", "factor": 0.5})
    assert b"expected 1 to 65536" in m.run(TEXT).stderr


@case("config.json", "rotary_scaling_factor of nomic-embed-text")
def nomic_scaling(m):
    m.of("nomic-tiny").merge("config.json", rotary_scaling_factor=2.0).refuses(says="rotary_scaling_factor")


@case("config.json", "head_dim")
def width_of_heads(m):
    configured(m, head_dim=16).refuses()
    configured(m, head_dim=8).vectors(TEXT)


@case("config.json", "is_decoder, add_cross_attention, is_encoder_decoder")
def decoders(m):
    for key in ("is_decoder", "add_cross_attention", "is_encoder_decoder"):
        configured(m, **{key: True}).refuses(says=key)


@case("config.json", "feed_forward_type")
def gated(m):
    configured(m, feed_forward_type="geglu").refuses(says="geglu")
    configured(m, feed_forward_type="original").vectors(TEXT)


@case("config.json", "quantization_config")
def quantised(m):
    configured(m, quantization_config={"bits": 8}).refuses()
    configured(m, quantization_config=NULL).vectors(TEXT)


@case("config.json", "lora_adaptations, lora_rank, lora_alpha")
def adapters(m):
    configured(m, "v3-tiny", lora_alpha=3.0)
    encoder = Encoder(m.path)
    m.gives(unit(encoder.hidden(m.ids(TEXT), task=4).mean(0)), "--task", "text-matching")
    names = ["a", "b", "c", "d", "e"]
    configured(m, "v3-tiny", lora_adaptations=names)
    m.gives(unit(Encoder(m.path).hidden(m.ids(TEXT), task=2).mean(0)), "--task", "c")


@case("config.json", "task_instructions")
def instructions(m):
    configured(m, "v3-tiny", task_instructions={"separation": "cat: ", "classification": NULL})
    m.remove(SENTENCE_TRANSFORMERS)
    m.gives(unit(Encoder(m.path).hidden(m.ids("cat: " + TEXT), task=2).mean(0)), "--task", "separation")
    m.vectors("--task", "classification", TEXT)


@case("config.json", "_name_or_path")
def a_known_name(m):
    m.of("bert-tiny").merge("config.json", _name_or_path="BAAI/bge-small-en-v1.5")
    prompt = "Represent this sentence for searching relevant passages: "
    m.gives(mean_of(m, m.ids(prompt + TEXT)), "--task", "query")
    m.gives(mean_of(m, m.ids(TEXT)), differs=False)


@case("config.json", "truncate_dim")
def truncated_by_config(m):
    configured(m, "v3-tiny", truncate_dim=32)
    whole = unit(Encoder(m.path).hidden(m.ids(TEXT), task=4).mean(0))
    m.gives(cut(whole, 32), "--task", "text-matching")
    m.gives(cut(whole, 64), "--task", "text-matching", "--dimensions", "64", differs=False)


@case("config.json", "matryoshka_dimensions")
def trained_dimensions(m):
    configured(m, "v3-tiny", matryoshka_dimensions=[8]).changes_nothing()


@case("config.json", "attention_probs_dropout_prob, torch_dtype, initializer_range, use_cache, id2label, auto_map")
def facts_of_training(m):
    configured(m, attention_probs_dropout_prob=0.9, torch_dtype="float16", initializer_range=1.0, use_cache=False,
               id2label={"0": "x"}, auto_map={"AutoModel": "evil.Model"}).changes_nothing()


@case("any JSON file", "NaN, Infinity")
def python_numbers(m):
    m.of("bert-tiny").remove(SENTENCE).write(CONFIG, '{"model_max_length": Infinity, "x": NaN}')
    m.write("config.json", (m.path / "config.json").read_text().replace('"hidden_dropout_prob": 0.1',
                                                                       '"hidden_dropout_prob": NaN'))
    m.gives(mean_of(m, m.ids(TEXT)), differs=False)
    m.write("config.json", (m.path / "config.json").read_text().replace("1e-12", "NaN"))
    m.command.fails(2, "embed", "--model", m.path, "a", says="layer_norm_eps: expected a number")


# ---- the walk

def test_every_row_has_a_case():
    assert set(ROWS) - set(CASES) == set()
    assert set(CASES) - set(ROWS) == set()
    assert len(ROWS) > 80


@pytest.mark.parametrize("row", sorted(CASES), ids=lambda row: re.sub(r"[^\w.]+", "-", " ".join(row))[:80])
def test_row(nestvec, tmp_path, row):  # noqa: F811
    copy = Copy(nestvec, tmp_path, ROWS[row])
    for check in CASES[row]:
        check(copy)
    assert copy.verdicts == {ROWS[row][0]}


def test_snapshots_of_the_hubs_cache_may_have_any_name(nestvec, tmp_path):  # noqa: F811
    root = tmp_path / "models--acme--tiny"
    shutil.copytree(MODELS / "bert-tiny", root / "snapshots" / "local")
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("local")
    for name in ("acme/tiny", "acme/tiny@local"):
        nestvec.ok("embed", "-q", "--model", name, "a", env={"HF_HUB_CACHE": os.fspath(tmp_path)})
