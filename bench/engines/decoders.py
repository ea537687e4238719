# SPDX-License-Identifier: Apache-2.0
"""jina-embeddings-v5-text for the peers: RMSNorm first, gated SiLU, keys shared by heads, the adapter of one task folded in.

Rotary positions, normalisation and attention are plain operators in the order in which exporters write them, so that an engine
that fuses them finds them.
"""

import json
import os
import pathlib
import sys
from collections.abc import Callable

import checkpoint
import graphs
import models
import numpy as np
from onnx import TensorProto

sys.path.insert(0, str(models.ROOT / "scripts"))
import make_synthetic_v5 as synthetic  # noqa: E402

TASK = "text-matching"


class Decoder:
    """Adds the body to a graph."""

    def __init__(self, graph: graphs.Graph, folder: pathlib.Path, spec: synthetic.Spec):
        self.graph, self.spec = graph, spec
        self.tensors = checkpoint.Tensors(folder / "model.safetensors")
        self.adapter = checkpoint.Tensors(folder / "adapters" / TASK / "adapter_model.safetensors")
        self.shape = graphs.Encoder(spec.hidden, spec.layers, spec.heads, spec.epsilon, spec.rope_base)

    def linear(self, name: str, x: str) -> str:
        base = f"base_model.model.{name}.lora_"
        scale = np.float32(self.spec.alpha / self.spec.rank)
        folded = self.tensors[name + ".weight"] + scale * (self.adapter[base + "B.weight"] @ self.adapter[base + "A.weight"])
        return self.graph.op("MatMul", x, self.graph.weight(name, folded.shape[::-1], [folded.T]))

    def norm(self, name: str, x: str) -> str:
        graph = self.graph
        mean = graph.op("ReduceMean", graph.op("Pow", x, graph.constant(2.0)), graph.constant([-1]), keepdims=1)
        root = graph.op("Sqrt", graph.op("Add", mean, graph.constant(self.spec.epsilon)))
        weight = self.tensors[name + ".weight"]
        return graph.op("Mul", graph.op("Div", x, root), graph.weight(name, weight.shape, [weight]))

    def heads(self, name: str, x: str, count: int, angles: tuple[str, str] | None, norm: str = "") -> str:
        """[batch, heads, length, size]"""
        graph = self.graph
        parts = graph.op("Reshape", self.linear(name, x), graph.constant([0, 0, count, self.spec.head_size]))
        if norm:
            parts = self.norm(norm, parts)
        parts = graph.op("Transpose", parts, perm=[0, 2, 1, 3])
        return graphs.rotate(graph, parts, *angles) if angles else parts

    def for_each_query(self, x: str) -> str:
        """Keys or values [batch, kv_heads, length, size] as often as query heads read them."""
        spec, graph = self.spec, self.graph
        if spec.kv_heads == spec.heads:
            return x
        again = graph.op("Unsqueeze", x, graph.constant([2]))
        again = graph.op("Concat", *[again] * (spec.heads // spec.kv_heads), axis=2)
        return graph.op("Reshape", again, graph.constant([0, spec.heads, -1, spec.head_size]))

    def attention(self, base: str, x: str, mask: str, angles: tuple[str, str]) -> str:
        spec, graph = self.spec, self.graph
        normed = (f"{base}.q_norm", f"{base}.k_norm") if spec.body == "qwen3" else ("", "")
        q = self.heads(f"{base}.q_proj", x, spec.heads, angles, normed[0])
        k = self.for_each_query(self.heads(f"{base}.k_proj", x, spec.kv_heads, angles, normed[1]))
        v = self.for_each_query(self.heads(f"{base}.v_proj", x, spec.kv_heads, None))
        scores = graph.op("MatMul", q, graph.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = graph.op("Add", graph.op("Mul", scores, graph.constant(float(spec.head_size**-0.5))), mask)
        mean = graph.op("Transpose", graph.op("MatMul", graph.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        return self.linear(f"{base}.o_proj", graph.op("Reshape", mean, graph.constant([0, 0, spec.heads * spec.head_size])))

    def mlp(self, base: str, x: str) -> str:
        gate, up = self.linear(f"{base}.gate_proj", x), self.linear(f"{base}.up_proj", x)
        silu = self.graph.op("Mul", gate, self.graph.op("Sigmoid", gate))
        return self.linear(f"{base}.down_proj", self.graph.op("Mul", silu, up))

    def mask(self) -> str:
        """[batch, 1, 1 or length, length]"""
        graph, padding = self.graph, graphs.mask_bias(self.graph)
        if not self.spec.causal:
            return padding
        positions = graph.op("Range", graph.constant(0), graphs.length_of_batch(graph), graph.constant(1))
        later = graph.op("Greater", graph.op("Unsqueeze", positions, graph.constant([0])),
                         graph.op("Unsqueeze", positions, graph.constant([1])))
        hidden = graph.op("Mul", graph.op("Cast", later, to=TensorProto.FLOAT), graph.constant(float(np.finfo(np.float32).min)))
        return graph.op("Max", graph.op("Add", padding, hidden), graph.constant(float(np.finfo(np.float32).min)))

    def last_hidden_state(self) -> str:
        graph, mask, angles = self.graph, self.mask(), graphs.rotations(self.graph, self.rotary())
        words = self.tensors["embed_tokens.weight"]
        x = graph.op("Gather", graph.weight("words", words.shape, [words]), "input_ids", axis=0)
        for layer in range(self.spec.layers):
            base = f"layers.{layer}"
            mixed = self.attention(f"{base}.self_attn", self.norm(f"{base}.input_layernorm", x), mask, angles)
            x = graph.op("Add", x, mixed)
            x = graph.op("Add", x, self.mlp(f"{base}.mlp", self.norm(f"{base}.post_attention_layernorm", x)))
        return self.norm("norm", x)

    def rotary(self) -> graphs.Encoder:
        """The shape of an encoder whose heads have this width."""
        return graphs.Encoder(self.spec.head_size, 1, 1, self.spec.epsilon, self.spec.rope_base)


class V5:
    """Synthetic jina-embeddings-v5-text."""

    def __init__(self, store: pathlib.Path, size: str):
        self.name, self.title, self.size = f"v5-{size}", f"jina-embeddings-v5-text-{size}, random weights", size
        self.spec, self.folder, self.task, self.adapter = synthetic.SIZES[size], store / f"v5-{size}", TASK, f"adapters/{TASK}"
        self.longest, self.pad, self.pooling = min(8192, self.spec.max_positions), 1, "last"
        self.encoder = graphs.Encoder(self.spec.hidden, self.spec.layers, self.spec.heads, self.spec.epsilon, self.spec.rope_base)

    @property
    def products(self) -> int:
        """Weights that a token is multiplied with, adapters left out."""
        return self.spec.layers * sum(outputs * inputs for outputs, inputs in synthetic.matrices(self.spec).values())

    def form(self, name: str) -> pathlib.Path:
        make: dict[str, Callable[[pathlib.Path], None]] = {
            "checkpoint": lambda folder: synthetic.write(folder, self.spec), "hf": self.other_layout,
            "folded": self.write_folded, "int8": lambda folder: models.quantize(self.form("folded"), folder)}
        return models.once(self.folder / name, make[name])

    def other_layout(self, folder: pathlib.Path) -> None:
        """The checkpoint's own files below another config.json."""
        source = self.form("checkpoint")
        for path in (source / "model.safetensors", *(source / self.adapter).iterdir()):
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
        (folder / "config.json").write_text(json.dumps(synthetic.config(self.spec, "hf")))

    def write_folded(self, folder: pathlib.Path) -> None:
        graph = graphs.Graph(folder)
        hidden = Decoder(graph, self.form("checkpoint"), self.spec).last_hidden_state()
        graph.save(hidden, "text_embeds", [*graphs.AXES, self.spec.hidden],
                   {name: graphs.AXES for name in ("input_ids", "attention_mask")})
