# SPDX-License-Identifier: Apache-2.0
"""A plain statement of jina-embeddings-v2's encoder, whose code transformers does not have.

Written from arXiv:2310.19923 and the two publications of the model, base-en and base-code, which differ in norms of
queries and keys, in the order of the gate, and in names.
"""

import math
import types

import torch
from torch.nn import Embedding, LayerNorm, Linear, ModuleDict, ModuleList


def slopes(heads: int) -> list[float]:
    """Of ALiBi: a geometric sequence from 2^(-8/n) on; between powers of two every other one of the next fills up."""
    def of_power(count: int) -> list[float]:
        return [2.0 ** (-8.0 * (i + 1) / count) for i in range(count)]
    power = 1 << (heads.bit_length() - 1)
    return of_power(power) + of_power(2 * power)[::2][:heads - power]


class PlainJinaV2(torch.nn.Module):
    def __init__(self, vocabulary: int, hidden: int, heads: int, intermediate: int, layers: int, code: bool):
        super().__init__()
        self.heads, self.intermediate, self.code = heads, intermediate, code
        self.embeddings = ModuleDict({"word_embeddings": Embedding(vocabulary, hidden),
                                      "token_type_embeddings": Embedding(2, hidden), "LayerNorm": self.norm(hidden)})
        self.encoder = ModuleDict({"layer": ModuleList([self.layer(hidden) for _ in range(layers)])})

    @staticmethod
    def norm(width: int) -> LayerNorm:
        return LayerNorm(width, eps=1e-12)

    def layer(self, hidden: int) -> ModuleDict:
        own = {name: Linear(hidden, hidden) for name in ("query", "key", "value")}
        out = {"dense": Linear(hidden, hidden)}
        up, down = Linear(hidden, 2 * self.intermediate, bias=False), Linear(self.intermediate, hidden)
        if not self.code:
            out["LayerNorm"] = self.norm(hidden)
            return ModuleDict({"attention": ModuleDict({"self": ModuleDict(own), "output": ModuleDict(out)}),
                               "mlp": ModuleDict({"gated_layers": up, "wo": down, "layernorm": self.norm(hidden)})})
        # The publication has one more norm behind the attention's dense layer, and one behind the sum.
        own |= {"layer_norm_q": self.norm(hidden), "layer_norm_k": self.norm(hidden)}
        out["LayerNorm"] = self.norm(hidden)
        return ModuleDict({"attention": ModuleDict({"self": ModuleDict(own), "output": ModuleDict(out)}),
                           "layer_norm_1": self.norm(hidden), "layer_norm_2": self.norm(hidden),
                           "mlp": ModuleDict({"up_gated_layer": up, "down_layer": down})})

    def bias(self, length: int) -> torch.Tensor:
        """[heads, length, length]; slopes are fp32 numbers, as published."""
        places = torch.arange(length)
        distance = (places[None, :] - places[:, None]).abs()
        return -torch.tensor(slopes(self.heads)).to(self.dtype)[:, None, None] * distance

    @property
    def dtype(self) -> torch.dtype:
        return self.embeddings["word_embeddings"].weight.dtype

    def attend(self, layer: ModuleDict, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        own = layer["attention"]["self"]
        query, key, value = own["query"](x), own["key"](x), own["value"](x)
        if self.code:
            query, key = own["layer_norm_q"](query), own["layer_norm_k"](key)
        query, key, value = (part.view(len(x), self.heads, -1).transpose(0, 1) for part in (query, key, value))
        scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[-1]) + bias
        mixed = (scores.softmax(-1) @ value).transpose(0, 1).reshape(len(x), -1)
        out = layer["attention"]["output"]
        return out["LayerNorm"](x + out["dense"](mixed))

    def run(self, layer: ModuleDict, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        attended, mlp = self.attend(layer, x, bias), layer["mlp"]
        gelu = torch.nn.functional.gelu
        if self.code:
            x = layer["layer_norm_1"](x + attended)
            value, gate = mlp["up_gated_layer"](x).split(self.intermediate, -1)
            return layer["layer_norm_2"](x + mlp["down_layer"](value * gelu(gate)))
        gate, value = mlp["gated_layers"](attended).split(self.intermediate, -1)
        return mlp["layernorm"](attended + mlp["wo"](gelu(gate) * value))

    def forward(self, input_ids: torch.Tensor, token_types: torch.Tensor | None = None) -> types.SimpleNamespace:
        kinds = torch.zeros_like(input_ids[0]) if token_types is None else token_types
        x = self.embeddings["word_embeddings"](input_ids[0]) + self.embeddings["token_type_embeddings"](kinds)
        x = self.embeddings["LayerNorm"](x)
        bias = self.bias(len(x))
        for layer in self.encoder["layer"]:
            x = self.run(layer, x, bias)
        return types.SimpleNamespace(last_hidden_state=x[None])
