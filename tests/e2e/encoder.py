# SPDX-License-Identifier: Apache-2.0
"""Encoders of the BERT kind and jina-embeddings-v3 stated plainly in numpy: what vectors must be.

Reads config.json and the safetensors of a folder by itself and shares nothing with nestvec.
"""

import json
import math
import struct

import numpy

DTYPES = {"F32": numpy.float32, "F16": numpy.float16, "I64": numpy.int64}


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin:8 + length + end]
        if entry["dtype"] == "BF16":
            values = (numpy.frombuffer(raw, numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)
        else:
            values = numpy.frombuffer(raw, DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).astype(numpy.float64)
    return tensors


def write_safetensors(path, tensors):
    """In float32."""
    header, data = {}, b""
    for name, values in tensors.items():
        raw = numpy.asarray(values, numpy.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def activation(name):
    if name == "relu":
        return lambda x: numpy.maximum(x, 0)
    if name == "gelu":
        erf = numpy.vectorize(math.erf)
        return lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2)))
    assert name in ("gelu_new", "gelu_fast", "gelu_pytorch_tanh")
    return lambda x: 0.5 * x * (1 + numpy.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


class Encoder:
    """`weights` may lie in another folder than config.json."""

    def __init__(self, folder, weights=None):
        self.config = json.loads((folder / "config.json").read_text())
        self.tensors = {}
        for path in sorted((weights or folder).glob("model*.safetensors")):
            self.tensors.update(read_safetensors(path))
        self.is_v3 = any("mixer" in name for name in self.tensors)
        self.prefix = next((prefix for prefix in ("roberta.", "bert.")
                            if any(name.startswith(prefix) for name in self.tensors)), "")
        self.scale = 0.0
        if self.is_v3:
            self.scale = self.config.get("lora_alpha", 1) / self.config.get("lora_rank", 4)

    def weight(self, module, task=None):
        """The weight with the update of adapter number `task`."""
        name = self.prefix + module
        if name + ".weight" in self.tensors:
            return self.tensors[name + ".weight"]
        stem = name + ".parametrizations.weight."
        base = self.tensors[stem + "original"]
        if task is None:
            return base
        a, b = self.tensors[stem + "0.lora_A"][task], self.tensors[stem + "0.lora_B"][task]
        return base + self.scale * (a @ b if "embeddings" in module else b @ a)

    def linear(self, x, module, task):
        return x @ self.weight(module, task).T + self.tensors[self.prefix + module + ".bias"]

    def norm(self, x, module):
        eps = self.config.get("layer_norm_eps", 1e-5 if self.is_v3 else 1e-12)
        centred = x - x.mean(-1, keepdims=True)
        x = centred / numpy.sqrt((centred ** 2).mean(-1, keepdims=True) + eps)
        return x * self.tensors[self.prefix + module + ".weight"] + \
            self.tensors[self.prefix + module + ".bias"]

    def positions(self, count):
        table = self.weight("embeddings.position_embeddings")
        first = 0 if self.config.get("model_type") == "bert" else self.config.get("pad_token_id", 1) + 1
        return table[first:first + count]

    def rotate(self, x):  # [heads, tokens, size]
        half = x.shape[-1] // 2
        rope = self.config.get("rope_parameters") or {}
        base = rope.get("rope_theta") or self.config.get("rotary_emb_base") or 10000.0
        angles = numpy.arange(x.shape[1])[:, None] * base ** (-numpy.arange(half) / half)
        cos, sin = numpy.cos(angles), numpy.sin(angles)
        a, b = x[..., :half], x[..., half:]
        return numpy.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    def attend(self, x, layer, task):
        count, width = x.shape
        if self.is_v3:
            parts = numpy.split(self.linear(x, layer + "mixer.Wqkv", task), 3, -1)
        else:
            parts = [self.linear(x, f"{layer}attention.self.{name}", task)
                     for name in ("query", "key", "value")]
        heads = self.config["num_attention_heads"]
        q, k, v = (part.reshape(count, heads, -1).transpose(1, 0, 2) for part in parts)
        if self.is_v3:
            q, k = self.rotate(q), self.rotate(k)
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(width // heads)
        scores = numpy.exp(scores - scores.max(-1, keepdims=True))
        attended = scores / scores.sum(-1, keepdims=True) @ v
        out = "mixer.out_proj" if self.is_v3 else "attention.output.dense"
        return self.linear(attended.transpose(1, 0, 2).reshape(count, width), layer + out, task)

    def hidden(self, ids, types=None, task=None):
        """The last hidden state of one sequence, [tokens, width]."""
        x = self.weight("embeddings.word_embeddings", task)[ids]
        x = x + self.weight("embeddings.token_type_embeddings", task)[types or [0] * len(ids)]
        if not self.is_v3:
            x = x + self.positions(len(ids))
        x = self.norm(x, "emb_ln" if self.is_v3 else "embeddings.LayerNorm")
        act = activation(self.config.get("hidden_act", "gelu"))
        names = (("norm1", "mlp.fc1", "mlp.fc2", "norm2") if self.is_v3 else
                 ("attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"))
        for i in range(int(self.config["num_hidden_layers"])):
            layer = f"encoder.layer{'s' if self.is_v3 else ''}.{i}."
            x = self.norm(x + self.attend(x, layer, task), layer + names[0])
            wide = act(self.linear(x, layer + names[1], task))
            x = self.norm(x + self.linear(wide, layer + names[2], task), layer + names[3])
        return x
