# SPDX-License-Identifier: Apache-2.0
"""ONNX graphs of encoders for the peers: plain operators, weights streamed into one external file.

A graph takes input_ids and attention_mask [batch, length] and returns text_embeds, the last hidden
state. Layer normalisation and GELU are single operators, as ONNX Runtime and OpenVINO like them best.
"""

import dataclasses
import pathlib
import zlib
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import onnx
from onnx import TensorProto, helper

OPSET = 20
AXES = ["batch_size", "sequence_length"]
DATA = "model.onnx_data"
INLINE_BYTES = 1024  # shapes and scalars stay in the graph, where shape inference sees them
ALIGNMENT = 4096     # so that an engine may map the file


@dataclasses.dataclass(frozen=True)
class Encoder:
    hidden: int
    layers: int
    heads: int
    epsilon: float
    rope_base: float | None  # None: positions are embedded

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads


class Graph:
    """Nodes as they are added. Methods return the name of their output."""

    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = (folder / DATA).open("wb")
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes) -> str | list[str]:
        names = [f"{kind}_{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: np.ndarray | list | float) -> str:
        array = np.asarray(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"constant_{array.dtype}_{array.shape}_{zlib.crc32(array.tobytes()):x}"
        return self.weight(name, array.shape, [array], array.dtype)

    def weight(self, name: str, shape: tuple[int, ...], parts: Iterable[np.ndarray],
               dtype: np.typing.DTypeLike = np.float32) -> str:
        """A tensor that comes in parts, in order; a name that is there already is that tensor."""
        if name in self.tensors:
            return name
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        if int(np.prod(shape)) * np.dtype(dtype).itemsize < INLINE_BYTES:
            raw = b"".join(part.tobytes() for part in parts)
            self.tensors[name] = helper.make_tensor(name, kind, shape, raw, raw=True)
            return name
        self.file.write(bytes(-self.file.tell() % ALIGNMENT))
        offset = self.file.tell()
        for part in parts:
            self.file.write(part.astype(dtype, copy=False).tobytes())
        tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", DATA), ("offset", offset), ("length", self.file.tell() - offset)):
            tensor.external_data.add(key=key, value=str(value))
        self.tensors[name] = tensor
        return name

    def save(self, output: str, name: str, shape: list[str | int], inputs: dict[str, list[str]]) -> None:
        """The inputs are of int64."""
        self.file.close()
        self.nodes.append(helper.make_node("Identity", [output], [name]))
        graph = helper.make_graph(
            self.nodes, "encoder",
            [helper.make_tensor_value_info(key, TensorProto.INT64, axes) for key, axes in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)], list(self.tensors.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        (self.folder / "model.onnx").write_bytes(model.SerializeToString())


class Weights(Protocol):
    """Adds weights to a graph. Keys are those of make_synthetic_v3.py: "3.mlp.fc1"."""

    def embed(self, graph: Graph) -> str: ...                       # [batch, length, hidden]
    def linear(self, graph: Graph, key: str, x: str) -> str: ...    # x W^T + b
    def norm(self, key: str) -> tuple[np.ndarray, np.ndarray]: ...


def linear(graph: Graph, key: str, x: str, matrix: np.ndarray, bias: np.ndarray) -> str:
    """[outputs, inputs] laid out as a product wants it."""
    weight = graph.weight(key, matrix.shape[::-1], [matrix.T])
    return graph.op("Add", graph.op("MatMul", x, weight), graph.weight(key + ".bias", bias.shape, [bias]))


def norm(graph: Graph, encoder: Encoder, weights: Weights, key: str, x: str) -> str:
    scale, bias = weights.norm(key)
    return graph.op("LayerNormalization", x, graph.weight(key + ".weight", scale.shape, [scale]),
                    graph.weight(key + ".bias", bias.shape, [bias]), axis=-1, epsilon=encoder.epsilon)


def length_of_batch(graph: Graph) -> str:
    """The scalar, of the input ids."""
    return graph.op("Gather", graph.op("Shape", "input_ids"), graph.constant(1), axis=0)


def rotations(graph: Graph, encoder: Encoder) -> tuple[str, str] | None:
    """Cosines and sines [length, head_size / 2]."""
    if encoder.rope_base is None:
        return None
    frequencies = encoder.rope_base ** -(np.arange(0, encoder.head_size, 2) / encoder.head_size)
    positions = graph.op("Range", graph.constant(0), length_of_batch(graph), graph.constant(1))
    column = graph.op("Unsqueeze", graph.op("Cast", positions, to=TensorProto.FLOAT), graph.constant([1]))
    angles = graph.op("Mul", column, graph.constant(frequencies[None, :]))
    return graph.op("Cos", angles), graph.op("Sin", angles)


def rotate(graph: Graph, x: str, cosines: str, sines: str) -> str:
    left, right = graph.op("Split", x, outputs=2, axis=-1, num_outputs=2)
    first = graph.op("Sub", graph.op("Mul", left, cosines), graph.op("Mul", right, sines))
    second = graph.op("Add", graph.op("Mul", right, cosines), graph.op("Mul", left, sines))
    return graph.op("Concat", first, second, axis=-1)


def attention(graph: Graph, encoder: Encoder, qkv: str, mask: str, angles: tuple[str, str] | None) -> str:
    parts = graph.op("Reshape", qkv, graph.constant([0, 0, 3, encoder.heads, encoder.head_size]))
    parts = graph.op("Transpose", parts, perm=[2, 0, 3, 1, 4])
    q, k, v = (graph.op("Gather", parts, graph.constant(i), axis=0) for i in range(3))
    if angles:
        q, k = rotate(graph, q, *angles), rotate(graph, k, *angles)
    scores = graph.op("MatMul", q, graph.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = graph.op("Add", graph.op("Mul", scores, graph.constant(float(encoder.head_size**-0.5))), mask)
    mean = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), v)
    mean = graph.op("Transpose", mean, perm=[0, 2, 1, 3])
    return graph.op("Reshape", mean, graph.constant([0, 0, encoder.hidden]))


def mask_bias(graph: Graph) -> str:
    """[batch, 1, 1, length]: 0 for tokens, as little as there is for padding."""
    mask = graph.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask = graph.op("Unsqueeze", mask, graph.constant([1, 2]))
    return graph.op("Mul", graph.op("Sub", graph.constant(1.0), mask), graph.constant(float(np.finfo(np.float32).min)))


def encode(graph: Graph, encoder: Encoder, weights: Weights) -> str:
    """The last hidden state."""
    mask = mask_bias(graph)
    angles = rotations(graph, encoder)
    x = norm(graph, encoder, weights, "emb_ln", weights.embed(graph))
    for layer in range(encoder.layers):
        qkv = weights.linear(graph, f"{layer}.mixer.Wqkv", x)
        mixed = weights.linear(graph, f"{layer}.mixer.out_proj", attention(graph, encoder, qkv, mask, angles))
        x = norm(graph, encoder, weights, f"{layer}.norm1", graph.op("Add", x, mixed))
        middle = graph.op("Gelu", weights.linear(graph, f"{layer}.mlp.fc1", x))
        after = weights.linear(graph, f"{layer}.mlp.fc2", middle)
        x = norm(graph, encoder, weights, f"{layer}.norm2", graph.op("Add", x, after))
    return x


def write_encoder(folder: pathlib.Path, encoder: Encoder, weights: Weights, with_task: bool = False) -> None:
    graph = Graph(folder)
    inputs = {name: AXES for name in ("input_ids", "attention_mask")} | ({"task_id": []} if with_task else {})
    graph.save(encode(graph, encoder, weights), "text_embeds", [*AXES, encoder.hidden], inputs)
