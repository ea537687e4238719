# SPDX-License-Identifier: Apache-2.0
"""What narrow weights and activations cost a model, kind by kind and layer by layer.

    build/venv-reference/bin/python bench/precision/cost.py MODEL_FOLDER [--texts FILE] [--count N] [--plant FACTOR]

transformers computes the vectors in fp32. Then single linear layers get the numbers that nestvec would give them
(docs/decisions/0010, 0059), and the least and the mean cosine with fp32 are printed. --plant makes a few channels of
the inputs of one kind of layer FACTOR times larger and the weights behind them smaller by as much: in fp32 the model
stays what it was, and its activations are as uneven as those of trained decoders.
"""

import argparse
import collections
import gzip
import json
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = ROOT / "tests/data/embed/minilm/texts.jsonl.gz"
Change = Callable[[torch.Tensor], torch.Tensor]


def symmetric(group: int) -> Change:
    """int8 with a scale for each `group` inputs of an output, 0 for one scale an output."""

    def change(weight: torch.Tensor) -> torch.Tensor:
        outputs, inputs = weight.shape
        padded = torch.nn.functional.pad(weight, (0, -inputs % group if group else 0))
        parts = padded.reshape(outputs, -1, group or padded.shape[1])
        scale = parts.abs().amax(-1, keepdim=True) / 127
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        parts = (parts / scale).round().clamp(-127, 127) * scale
        return parts.reshape(outputs, -1)[:, :inputs]

    return change


def per_token(x: torch.Tensor) -> torch.Tensor:
    """u8 with a scale and a zero point for each token, of its least and its greatest value."""
    least, most = x.amin(-1, keepdim=True).clamp(max=0), x.amax(-1, keepdim=True).clamp(min=0)
    scale = (most - least) / 255
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero = (-least / scale).round()
    return ((x / scale + zero).round().clamp(0, 255) - zero) * scale


def bf16(x: torch.Tensor) -> torch.Tensor:
    return x.bfloat16().float()


SCHEMES: dict[str, tuple[Change | None, Change | None]] = {  # of weights, of activations
    "bf16": (bf16, bf16),
    "int8": (symmetric(0), per_token),
    "int8, activations alone": (None, per_token),
    "int8, weights alone": (symmetric(0), None),
    "int8-weights": (lambda weight: bf16(symmetric(32)(weight)), bf16),
    "int8 weights by 128": (symmetric(128), None),
    "int8 weights by 64": (symmetric(64), None),
    "int8 weights by 32": (symmetric(32), None),
}


def linears(model: torch.nn.Module) -> Iterator[tuple[str, int, torch.nn.Linear]]:
    """Kind, layer and module of each linear layer of the blocks."""
    for name, module in model.named_modules():
        match = re.search(r"layers?\.(\d+)\.(.+)", name)
        if match and isinstance(module, torch.nn.Linear):
            yield match[2], int(match[1]), module


class Changed:
    """For as long as it lives, these layers compute with changed numbers."""

    def __init__(self, modules: Iterable[torch.nn.Linear], scheme: str):
        self.modules, (self.weights, self.inputs) = list(modules), SCHEMES[scheme]

    def __enter__(self) -> None:
        self.kept = [module.weight.data for module in self.modules]
        self.hooks = []
        for module in self.modules:
            if self.weights:
                module.weight.data = self.weights(module.weight.data)
            if change := self.inputs:
                self.hooks.append(module.register_forward_pre_hook(lambda _, args: (change(args[0]),)))

    def __exit__(self, *_: object) -> None:
        for module, weight in zip(self.modules, self.kept, strict=True):
            module.weight.data = weight
        for hook in self.hooks:
            hook.remove()


class Texts:
    """Vectors of the texts' tokens: their mean, and the last one where the model is causal."""

    def __init__(self, folder: str, path: pathlib.Path, count: int, causal: bool):
        lines = (gzip.open if path.suffix == ".gz" else open)(path, "rt")
        texts = [text for line in lines if (text := json.loads(line)["text"]).strip()]
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
        tokenizer.backend_tokenizer.no_padding()
        self.ids = [tokenizer(text).input_ids[:256] for text in texts[:: max(1, len(texts) // count)]]
        self.ids = [ids for ids in self.ids if ids]
        self.causal = causal

    @torch.inference_mode()
    def vectors(self, model: torch.nn.Module) -> torch.Tensor:
        rows = []
        for ids in self.ids:
            states = model(torch.tensor([ids])).last_hidden_state[0]
            rows.append(states[-1] if self.causal else states.mean(0))
        return torch.nn.functional.normalize(torch.stack(rows), dim=-1)


def plant(model: torch.nn.Module, kind: str, factor: float) -> None:
    """Makes one input in a hundred of each layer of the kind larger. Its maker is the norm, or the layer, before it."""
    for name, block in model.named_modules():
        if not re.search(r"layers\.\d+$", name):
            continue
        target = block.get_submodule(kind)
        width = target.weight.shape[1]
        channels = torch.randperm(width)[: max(1, width // 100)]
        readers = [target]
        if kind.endswith("down_proj"):
            maker = block.mlp.up_proj
        elif kind.endswith("o_proj"):
            maker = block.self_attn.v_proj
            heads = width // maker.weight.shape[0]  # of queries that read the same values
            head = block.self_attn.head_dim
            channels = torch.randperm(maker.weight.shape[0])[: max(1, width // 100)]
        elif kind.startswith("mlp"):
            maker, readers = block.post_attention_layernorm, [block.mlp.gate_proj, block.mlp.up_proj]
        else:
            maker = block.input_layernorm
            readers = [block.self_attn.q_proj, block.self_attn.k_proj, block.self_attn.v_proj]
        maker.weight.data[channels] *= factor
        if kind.endswith("o_proj"):
            channels = torch.cat([(c // head * heads + i) * head + c % head for c in channels[:, None]
                                  for i in range(heads)])
        for reader in readers:
            reader.weight.data[:, channels] /= factor


def report(model: torch.nn.Module, texts: Texts, single_layers: bool) -> None:
    exact = texts.vectors(model)
    kinds: dict[str, list[torch.nn.Linear]] = collections.defaultdict(list)
    layers: dict[str, list[torch.nn.Linear]] = collections.defaultdict(list)
    for kind, layer, module in linears(model):
        kinds[kind].append(module)
        layers[f"layer {layer}"].append(module)
    every = [module for modules in kinds.values() for module in modules]

    def row(what: str, scheme: str, modules: list[torch.nn.Linear]) -> None:
        with Changed(modules, scheme):
            cosines = (texts.vectors(model) * exact).sum(-1)
        print(f"| {what} | {scheme} | {cosines.min():.5f} | {cosines.mean():.5f} |", flush=True)

    print(f"{len(texts.ids)} texts\n\n| linear layers | numbers | least cosine | mean |\n|---|---|---|---|")
    for scheme in SCHEMES:
        row("all", scheme, every)
    for kind, modules in kinds.items():
        row(kind, "int8", modules)
    for kind, modules in kinds.items():
        row(f"all but {kind}", "int8", [module for module in every if module not in modules])
    if single_layers:
        for layer, modules in layers.items():
            row(layer, "int8", modules)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--texts", type=pathlib.Path, default=TEXTS)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--layers", action="store_true", help="also layer by layer")
    parser.add_argument("--plant", type=float, default=0, help="of a decoder: for each kind of input in turn")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    model = transformers.AutoModel.from_pretrained(arguments.model, dtype=torch.float32).eval()
    causal = model.config.model_type.startswith("qwen")
    texts = Texts(arguments.model, arguments.texts, arguments.count, causal)
    report(model, texts, arguments.layers)
    for kind in ("self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj") if arguments.plant else ():
        kept = {name: value.clone() for name, value in model.state_dict().items()}
        plant(model, kind, arguments.plant)
        print(f"\nOne input of {kind} in a hundred is {arguments.plant:g} times larger:\n")
        report(model, texts, False)
        model.load_state_dict(kept)


if __name__ == "__main__":
    main()
