#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a jina-embeddings-v3 checkpoint of any size with random weights, for tests and benchmarks.

  scripts/make_synthetic_v3.py --out /tmp/v3 --size full --tokenizer PATH/tokenizer.json
  scripts/make_synthetic_v3.py --out /tmp/v3-hf --size full --layout hf

Both layouts of one seed hold the same weights. Tensors are streamed: memory stays below a few
hundred MiB at any size. Needs numpy alone.
"""

import argparse
import dataclasses
import json
import lzma
import pathlib
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np

TASKS = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"]
PROMPTS = {
    "retrieval.query": "Represent the query for retrieving evidence documents: ",
    "retrieval.passage": "Represent the document for retrieval: ",
    "separation": "", "classification": "", "text-matching": "",
}
HF_TARGETS = ["word_embeddings", "token_type_embeddings", "q_proj", "k_proj", "v_proj", "o_proj",
              "fc1", "fc2", "dense"]
CHUNK = 1 << 22  # values made at a time


@dataclasses.dataclass(frozen=True)
class Spec:
    vocab: int = 250002
    hidden: int = 1024
    layers: int = 24
    heads: int = 16
    intermediate: int = 4096
    max_positions: int = 8194
    rank: int = 4
    alpha: float = 1.0
    rope_base: float = 20000.0
    seed: int = 1
    dtype: str = "BF16"          # how tensors are stored: BF16 or F32
    full_precision: bool = False  # F32 only: values need all their bits, bf16 would round them

    @property
    def dimensions(self) -> list[int]:
        return [d for d in (32, 64, 128, 256, 512, 768, 1024) if d <= self.hidden]


SIZES = {
    "full": Spec(),
    "half": Spec(hidden=512, layers=12, heads=8, intermediate=2048),
    "small": Spec(vocab=32000, hidden=256, layers=4, heads=4, intermediate=1024),
    "tiny": Spec(vocab=512, hidden=64, layers=2, heads=4, intermediate=128),
}


def round_to_bf16(values: np.ndarray) -> np.ndarray:
    """float32 -> the nearest value that bfloat16 can hold, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


class Weights:
    """The values, by the original publication's names; a tensor depends on seed and name alone."""

    def __init__(self, spec: Spec):
        self.spec = spec

    def stream(self, key: str, count: int, std: float, mean: float = 0.0) -> Iterator[np.ndarray]:
        rng = np.random.Generator(np.random.PCG64([self.spec.seed, zlib.crc32(key.encode())]))
        while count > 0:
            part = rng.standard_normal(min(count, CHUNK), dtype=np.float32)
            part = part * np.float32(std) + np.float32(mean)
            yield part if self.spec.full_precision else round_to_bf16(part)
            count -= part.size

    def array(self, key: str, shape: tuple[int, ...], std: float, mean: float = 0.0) -> np.ndarray:
        return np.concatenate(list(self.stream(key, int(np.prod(shape)), std, mean))).reshape(shape)

    # Scales keep activations near 1, attention uneven and adapters visible, so that mistakes show.
    def embedding(self, name: str, rows: int) -> Iterator[np.ndarray]:
        std = 0.05 if name.startswith("word") else 0.02
        return self.stream(name, rows * self.spec.hidden, std)

    def embedding_a(self, name: str, rows: int, task: int) -> np.ndarray:  # [rows, rank]
        return self.array(f"{name}.lora_A.{task}", (rows, self.spec.rank), 1.0)

    def embedding_b(self, name: str, task: int) -> np.ndarray:  # [rank, hidden]
        return self.array(f"{name}.lora_B.{task}", (self.spec.rank, self.spec.hidden), 0.08)

    def matrix(self, name: str, outputs: int, inputs: int) -> np.ndarray:
        return self.array(name, (outputs, inputs), inputs**-0.5)

    def matrix_a(self, name: str, inputs: int, task: int) -> np.ndarray:  # [rank, inputs]
        return self.array(f"{name}.lora_A.{task}", (self.spec.rank, inputs), inputs**-0.5)

    def matrix_b(self, name: str, outputs: int, task: int) -> np.ndarray:  # [outputs, rank]
        return self.array(f"{name}.lora_B.{task}", (outputs, self.spec.rank), 0.8)

    def bias(self, name: str, size: int) -> np.ndarray:
        return self.array(name + ".bias", (size,), 0.1)

    def norm(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.spec.hidden,)
        return (self.array(name + ".weight", shape, 0.1, 1.0), self.array(name + ".bias", shape, 0.1))


@dataclasses.dataclass
class Tensor:
    name: str
    shape: tuple[int, ...]
    values: Callable[[], Iterator[np.ndarray]]  # float32 parts in order


def whole(name: str, shape: tuple[int, ...], make: Callable[[], np.ndarray]) -> Tensor:
    return Tensor(name, shape, lambda: iter([make()]))


def linear_shapes(spec: Spec) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of a layer's matrices, by their original names."""
    return {"mixer.Wqkv": (3 * spec.hidden, spec.hidden), "mixer.out_proj": (spec.hidden, spec.hidden),
            "mlp.fc1": (spec.intermediate, spec.hidden), "mlp.fc2": (spec.hidden, spec.intermediate)}


def embedding_rows(spec: Spec) -> dict[str, int]:
    return {"word_embeddings": spec.vocab, "token_type_embeddings": 1}


def original_tensors(spec: Spec) -> Iterator[Tensor]:
    weights = Weights(spec)
    tasks = range(len(TASKS))

    def stacked(name: str, shape: tuple[int, ...], make: Callable[[int], np.ndarray]) -> Tensor:
        return Tensor(name, (len(TASKS), *shape), lambda: (make(task) for task in tasks))

    def norm(name: str, key: str) -> Iterator[Tensor]:
        for index, part in enumerate(("weight", "bias")):
            yield whole(f"{name}.{part}", (spec.hidden,), lambda index=index: weights.norm(key)[index])

    def linear(name: str, key: str, outputs: int, inputs: int) -> Iterator[Tensor]:
        base = f"{name}.parametrizations.weight"
        yield whole(f"{base}.original", (outputs, inputs), lambda: weights.matrix(key, outputs, inputs))
        yield stacked(f"{base}.0.lora_A", (spec.rank, inputs), lambda t: weights.matrix_a(key, inputs, t))
        yield stacked(f"{base}.0.lora_B", (outputs, spec.rank), lambda t: weights.matrix_b(key, outputs, t))
        yield whole(f"{name}.bias", (outputs,), lambda: weights.bias(key, outputs))

    for key, rows in embedding_rows(spec).items():
        base = f"roberta.embeddings.{key}.parametrizations.weight"
        yield Tensor(f"{base}.original", (rows, spec.hidden),
                     lambda key=key, rows=rows: weights.embedding(key, rows))
        yield stacked(f"{base}.0.lora_A", (rows, spec.rank),
                      lambda t, key=key, rows=rows: weights.embedding_a(key, rows, t))
        yield stacked(f"{base}.0.lora_B", (spec.rank, spec.hidden),
                      lambda t, key=key: weights.embedding_b(key, t))
    yield from norm("roberta.emb_ln", "emb_ln")
    for layer in range(spec.layers):
        for key, (outputs, inputs) in linear_shapes(spec).items():
            yield from linear(f"roberta.encoder.layers.{layer}.{key}", f"{layer}.{key}", outputs, inputs)
        for key in ("norm1", "norm2"):
            yield from norm(f"roberta.encoder.layers.{layer}.{key}", f"{layer}.{key}")
    yield from linear("roberta.pooler.dense", "pooler.dense", spec.hidden, spec.hidden)


def hf_linears(spec: Spec) -> Iterator[tuple[str, str, int, int, slice]]:
    """(new name, original key, all outputs, inputs, rows of the original) of every matrix."""
    renamed = {"mixer.out_proj": "self_attn.o_proj", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"}
    for layer in range(spec.layers):
        for key, (outputs, inputs) in linear_shapes(spec).items():
            if key == "mixer.Wqkv":
                for part, name in enumerate(("q_proj", "k_proj", "v_proj")):
                    rows = slice(part * spec.hidden, (part + 1) * spec.hidden)
                    yield f"layers.{layer}.self_attn.{name}", f"{layer}.{key}", outputs, inputs, rows
            else:
                yield f"layers.{layer}.{renamed[key]}", f"{layer}.{key}", outputs, inputs, slice(0, outputs)
    yield "pooler.dense", "pooler.dense", spec.hidden, spec.hidden, slice(0, spec.hidden)


def hf_tensors(spec: Spec) -> Iterator[Tensor]:
    weights = Weights(spec)

    def norm(name: str, key: str) -> Iterator[Tensor]:
        for index, part in enumerate(("weight", "bias")):
            yield whole(f"{name}.{part}", (spec.hidden,),
                        lambda index=index: weights.norm(key)[index])

    for key, rows in embedding_rows(spec).items():
        yield Tensor(f"embeddings.{key}.weight", (rows, spec.hidden),
                     lambda key=key, rows=rows: weights.embedding(key, rows))
    yield from norm("embeddings.LayerNorm", "emb_ln")
    for name, key, outputs, inputs, rows in hf_linears(spec):
        count = rows.stop - rows.start
        yield whole(f"{name}.weight", (count, inputs), lambda k=key, o=outputs, i=inputs, r=rows:
                    weights.matrix(k, o, i)[r])
        yield whole(f"{name}.bias", (count,), lambda k=key, o=outputs, r=rows: weights.bias(k, o)[r])
    for layer in range(spec.layers):
        yield from norm(f"layers.{layer}.post_attention_layernorm", f"{layer}.norm1")
        yield from norm(f"layers.{layer}.post_mlp_layernorm", f"{layer}.norm2")


def hf_adapter_tensors(spec: Spec, task: int) -> Iterator[Tensor]:
    weights = Weights(spec)
    for key, rows in embedding_rows(spec).items():
        base = f"base_model.model.embeddings.{key}.lora_embedding_"
        yield whole(base + "A", (spec.rank, rows),
                    lambda key=key, rows=rows: weights.embedding_a(key, rows, task).T)
        yield whole(base + "B", (spec.hidden, spec.rank),
                    lambda key=key: weights.embedding_b(key, task).T)
    for name, key, outputs, inputs, rows in hf_linears(spec):
        base = f"base_model.model.{name}.lora_"
        yield whole(base + "A.weight", (spec.rank, inputs),
                    lambda k=key, i=inputs: weights.matrix_a(k, i, task))
        yield whole(base + "B.weight", (rows.stop - rows.start, spec.rank),
                    lambda k=key, o=outputs, r=rows: weights.matrix_b(k, o, task)[r])


def write_safetensors(path: pathlib.Path, tensors: list[Tensor], dtype: str) -> None:
    width = {"BF16": 2, "F32": 4}[dtype]
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        size = int(np.prod(tensor.shape)) * width
        header[tensor.name] = {"dtype": dtype, "shape": list(tensor.shape),
                               "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            for part in tensor.values():
                part = np.ascontiguousarray(part, dtype="<f4")
                file.write(part.tobytes() if dtype == "F32"
                           else (round_to_bf16(part).view(np.uint32) >> 16).astype("<u2").tobytes())


def write_model(folder: pathlib.Path, tensors: list[Tensor], dtype: str, shards: int) -> None:
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors, dtype)
        return
    total = sum(int(np.prod(t.shape)) for t in tensors)
    groups: list[list[Tensor]] = [[] for _ in range(shards)]
    done = 0
    for tensor in tensors:
        groups[min(shards - 1, done * shards // total)].append(tensor)
        done += int(np.prod(tensor.shape))
    names = {}
    for number, group in enumerate(groups, 1):
        file = f"model-{number:05}-of-{shards:05}.safetensors"
        write_safetensors(folder / file, group, dtype)
        names.update({tensor.name: file for tensor in group})
    size = total * (2 if dtype == "BF16" else 4)
    write_json(folder / "model.safetensors.index.json",
               {"metadata": {"total_size": size}, "weight_map": names})


def write_json(path: pathlib.Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def shared_config(spec: Spec) -> dict:
    return {
        "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": spec.hidden,
        "initializer_range": 0.02, "intermediate_size": spec.intermediate, "layer_norm_eps": 1e-05,
        "lora_adaptations": TASKS, "lora_alpha": spec.alpha, "lora_rank": spec.rank,
        "lora_dropout_p": 0.0, "matryoshka_dimensions": spec.dimensions,
        "max_position_embeddings": spec.max_positions, "num_attention_heads": spec.heads,
        "num_hidden_layers": spec.layers, "task_instructions": PROMPTS, "type_vocab_size": 1,
        "vocab_size": spec.vocab,
    }


def original_config(spec: Spec) -> dict:
    return {**shared_config(spec), "architectures": ["XLMRobertaLoRA"], "position_embedding_type": "rotary",
            "rotary_emb_base": spec.rope_base, "torch_dtype": "bfloat16" if spec.dtype == "BF16" else "float32",
            "truncate_dim": None, "use_flash_attn": True, "load_trained_adapters": True}


def hf_config(spec: Spec) -> dict:
    return {**shared_config(spec), "architectures": ["JinaEmbeddingsV3Model"],
            "model_type": "jina_embeddings_v3", "dtype": "bfloat16" if spec.dtype == "BF16" else "float32",
            "rope_parameters": {"rope_theta": spec.rope_base, "rope_type": "default"}}


def adapter_config(spec: Spec) -> dict:
    return {"peft_type": "LORA", "task_type": "FEATURE_EXTRACTION", "base_model_name_or_path": "",
            "inference_mode": True, "r": spec.rank, "lora_alpha": spec.alpha, "lora_dropout": 0.0,
            "bias": "none", "fan_in_fan_out": False, "use_rslora": False, "use_dora": False,
            "target_modules": HF_TARGETS}


def write_sentence_transformers(folder: pathlib.Path, spec: Spec) -> None:
    kinds = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    write_json(folder / "modules.json", [
        {"idx": index, "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (name, path, kind) in enumerate(kinds)])
    write_json(folder / "1_Pooling/config.json", {
        "word_embedding_dimension": spec.hidden, "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})
    write_json(folder / "config_sentence_transformers.json", {
        "prompts": PROMPTS, "default_prompt_name": None, "similarity_fn_name": "cosine"})
    write_json(folder / "tokenizer_config.json", {
        "model_max_length": spec.max_positions, "bos_token": "<s>", "eos_token": "</s>",
        "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>",
        "tokenizer_class": "XLMRobertaTokenizer"})


def write_checkpoint(folder: pathlib.Path, spec: Spec, layout: str, shards: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_sentence_transformers(folder, spec)
    if layout == "original":
        write_json(folder / "config.json", original_config(spec))
        write_model(folder, list(original_tensors(spec)), spec.dtype, shards)
        return
    write_json(folder / "config.json", hf_config(spec))
    write_model(folder, list(hf_tensors(spec)), spec.dtype, shards)
    for task, name in enumerate(TASKS):
        adapter = folder / name.replace(".", "_").replace("-", "_")
        write_json(adapter / "adapter_config.json", adapter_config(spec))
        write_safetensors(adapter / "adapter_model.safetensors", list(hf_adapter_tensors(spec, task)),
                          spec.dtype)


def copy_tokenizer(source: pathlib.Path, folder: pathlib.Path) -> None:
    target = folder / "tokenizer.json"
    if source.suffix == ".xz":
        with lzma.open(source, "rb") as packed, target.open("wb") as file:
            shutil.copyfileobj(packed, file)
    else:
        shutil.copyfile(source, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--layout", choices=["original", "hf"], default="original")
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--full-precision", action="store_true",
                        help="with fp32: values that bf16 cannot hold")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--tokenizer", type=pathlib.Path, help="a tokenizer.json[.xz] to put beside it")
    for name in ("vocab", "hidden", "layers", "heads", "intermediate", "max-positions", "rank", "seed"):
        parser.add_argument(f"--{name}", type=int, help="overrides the size's own")
    options = parser.parse_args()
    changes = {name: getattr(options, name)
               for name in ("vocab", "hidden", "layers", "heads", "intermediate", "max_positions", "rank", "seed")
               if getattr(options, name) is not None}
    spec = dataclasses.replace(SIZES[options.size], **changes,
                               dtype={"bf16": "BF16", "fp32": "F32"}[options.dtype],
                               full_precision=options.full_precision)
    if spec.full_precision and spec.dtype == "BF16":
        parser.error("--full-precision needs --dtype fp32")
    write_checkpoint(options.out, spec, options.layout, options.shards)
    if options.tokenizer:
        copy_tokenizer(options.tokenizer, options.out)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{options.out}: {options.layout} layout, {spec}, {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
