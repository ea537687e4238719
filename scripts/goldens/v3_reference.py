# SPDX-License-Identifier: Apache-2.0
"""jina-embeddings-v3 stated plainly in PyTorch, straight from the original publication's tensors.

Merged weights W + alpha/rank * B A, half-split RoPE, post-norm blocks, exact GELU. Written from the
paper and the published description of the checkpoint, independently of transformers.
"""

import json
import pathlib

import torch
from safetensors.torch import load_file
from torch import nn

LINEARS = ["mixer.Wqkv", "mixer.out_proj", "mlp.fc1", "mlp.fc2"]


class Adapted(nn.Module):
    """A weight with its stacked adapters; `task` None means the base weight."""

    def __init__(self, tensors: dict, name: str, scale: float, transposed: bool):
        super().__init__()
        base = f"{name}.parametrizations.weight"
        self.weight = nn.Parameter(tensors[f"{base}.original"])
        self.lora_a = nn.Parameter(tensors[f"{base}.0.lora_A"])
        self.lora_b = nn.Parameter(tensors[f"{base}.0.lora_B"])
        bias = tensors.get(f"{name}.bias")
        self.bias = None if bias is None else nn.Parameter(bias)
        self.scale = scale
        self.transposed = transposed

    def merged(self, task: torch.Tensor | None) -> torch.Tensor:
        if task is None:
            return self.weight
        first, second = self.lora_b[task], self.lora_a[task]
        if self.transposed:  # embeddings are stored the other way round
            first, second = second, first
        return self.weight + self.scale * torch.matmul(first, second)

    def linear(self, x: torch.Tensor, task: torch.Tensor | None) -> torch.Tensor:
        return torch.matmul(x, self.merged(task).transpose(0, 1)) + self.bias


class PlainV3(nn.Module):
    def __init__(self, folder: pathlib.Path):
        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        tensors = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
        scale = config["lora_alpha"] / config["lora_rank"]
        self.config = config
        self.tasks = config["lora_adaptations"]
        self.heads = config["num_attention_heads"]
        self.head_size = config["hidden_size"] // self.heads
        self.eps = config["layer_norm_eps"]
        self.words = Adapted(tensors, "roberta.embeddings.word_embeddings", scale, True)
        self.types = Adapted(tensors, "roberta.embeddings.token_type_embeddings", scale, True)
        self.pooler = Adapted(tensors, "roberta.pooler.dense", scale, False)
        self.norms = nn.ParameterDict()
        self.matrices = nn.ModuleDict()
        for layer in range(config["num_hidden_layers"]):
            prefix = f"roberta.encoder.layers.{layer}"
            for name in LINEARS:
                self.matrices[f"{layer}.{name}".replace(".", "_")] = Adapted(
                    tensors, f"{prefix}.{name}", scale, False)
            for name in ("norm1", "norm2"):
                self._add_norm(tensors, f"{prefix}.{name}", f"{layer}_{name}")
        self._add_norm(tensors, "roberta.emb_ln", "emb")
        # In float32 whatever the rest is computed in: this is how the model was trained.
        exponent = torch.arange(0, self.head_size, 2, dtype=torch.float32) / self.head_size
        self.register_buffer("inv_freq", 1.0 / torch.pow(
            torch.tensor(config["rotary_emb_base"], dtype=torch.float32), exponent), persistent=False)

    def _add_norm(self, tensors: dict, name: str, key: str) -> None:
        self.norms[key + "_w"] = nn.Parameter(tensors[name + ".weight"])
        self.norms[key + "_b"] = nn.Parameter(tensors[name + ".bias"])

    def norm(self, x: torch.Tensor, key: str) -> torch.Tensor:
        return nn.functional.layer_norm(x, (self.config["hidden_size"],), self.norms[key + "_w"],
                                        self.norms[key + "_b"], self.eps)

    def rotate(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        left, right = x[..., : self.head_size // 2], x[..., self.head_size // 2:]
        return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)

    def attention(self, x: torch.Tensor, bias: torch.Tensor, layer: int, task, cos, sin) -> torch.Tensor:
        batch, length = x.shape[0], x.shape[1]
        qkv = self.matrices[f"{layer}_mixer_Wqkv"].linear(x, task)
        qkv = qkv.reshape(batch, length, 3, self.heads, self.head_size).permute(2, 0, 3, 1, 4)
        q, k, v = self.rotate(qkv[0], cos, sin), self.rotate(qkv[1], cos, sin), qkv[2]
        scores = torch.matmul(q, k.transpose(-1, -2)) * self.head_size**-0.5 + bias
        mixed = torch.matmul(torch.softmax(scores, dim=-1), v)
        mixed = mixed.permute(0, 2, 1, 3).reshape(batch, length, self.heads * self.head_size)
        return self.matrices[f"{layer}_mixer_out_proj"].linear(mixed, task)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor,
                task_id: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        task = None if task_id is None else task_id.reshape(())
        kind = self.words.weight.dtype
        positions = torch.arange(input_ids.shape[1], device=input_ids.device).to(torch.float32)
        angles = positions[:, None] * self.inv_freq.to(torch.float32)[None, :]
        cos, sin = torch.cos(angles).to(kind), torch.sin(angles).to(kind)
        bias = (1 - attention_mask[:, None, None, :].to(kind)) * torch.finfo(torch.float32).min
        x = nn.functional.embedding(input_ids, self.words.merged(task)) + self.types.merged(task)[0]
        x = self.norm(x, "emb")
        for layer in range(self.config["num_hidden_layers"]):
            x = self.norm(x + self.attention(x, bias, layer, task, cos, sin), f"{layer}_norm1")
            middle = nn.functional.gelu(self.matrices[f"{layer}_mlp_fc1"].linear(x, task))
            x = self.norm(x + self.matrices[f"{layer}_mlp_fc2"].linear(middle, task), f"{layer}_norm2")
        return x, torch.tanh(self.pooler.linear(x[:, 0], task))

    def hidden(self, ids: list[int], task: str) -> torch.Tensor:
        """[tokens, hidden] of one text alone, in whatever precision the module is in."""
        index = None if task == "none" else torch.tensor(self.tasks.index(task))
        with torch.no_grad():
            return self(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.int64), index)[0][0]
