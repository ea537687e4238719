#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a jina-embeddings-v5-text checkpoint of any size with random weights, for benchmarks.

  scripts/make_synthetic_v5.py --out /tmp/nano --size nano      # EuroBERT's body of 210 M parameters, four adapters
  scripts/make_synthetic_v5.py --out /tmp/small --size small    # Qwen3's body of 0.6 B
  scripts/make_synthetic_v5.py --out /tmp/small-hf --size small --layout hf    # as the body's own class in transformers reads it

Both layouts of one seed hold the same weights, in bf16. Tensors are streamed. Needs numpy alone.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Iterator

import make_synthetic_v3 as synthetic

DATA = pathlib.Path(__file__).resolve().parents[1] / "tests/data/tokenizer"
TASKS = ["retrieval", "text-matching", "clustering", "classification"]
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclasses.dataclass(frozen=True)
class Spec(synthetic.Spec):
    body: str = "qwen3"  # or eurobert
    vocab: int = 151936
    layers: int = 28
    kv_heads: int = 8
    head_size: int = 128
    intermediate: int = 3072
    max_positions: int = 32768
    epsilon: float = 1e-6
    rope_base: float = 1e6
    rank: int = 32
    alpha: float = 32.0

    @property
    def causal(self) -> bool:
        return self.body == "qwen3"


NANO = Spec(body="eurobert", vocab=128256, hidden=768, layers=12, heads=12, kv_heads=12, head_size=64, max_positions=8192, epsilon=1e-5)
TINY = dict(hidden=64, layers=2, heads=4, intermediate=128, rank=4, alpha=4.0)
SIZES = {"nano": NANO, "small": Spec(), "tiny-nano": dataclasses.replace(NANO, kv_heads=4, head_size=16, **TINY),
         "tiny-small": dataclasses.replace(Spec(), kv_heads=2, head_size=32, **TINY)}
TOKENIZERS = {"eurobert": DATA / "bpe-llama3/tokenizer.json.xz", "qwen3": DATA / "qwen3/tokenizer.json.xz"}


def matrices(spec: Spec) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of a layer's matrices."""
    queries, keys = spec.heads * spec.head_size, spec.kv_heads * spec.head_size
    return {"self_attn.q_proj": (queries, spec.hidden), "self_attn.k_proj": (keys, spec.hidden),
            "self_attn.v_proj": (keys, spec.hidden), "self_attn.o_proj": (spec.hidden, queries),
            "mlp.gate_proj": (spec.intermediate, spec.hidden), "mlp.up_proj": (spec.intermediate, spec.hidden),
            "mlp.down_proj": (spec.hidden, spec.intermediate)}


def tensors(spec: Spec) -> Iterator[synthetic.Tensor]:
    weights = synthetic.Weights(spec)

    def norm(name: str, size: int) -> synthetic.Tensor:
        return synthetic.whole(f"{name}.weight", (size,), lambda: weights.array(name + ".weight", (size,), 0.1, 1.0))

    # Of the size of an ordinary hidden state: the first block comes without a norm of the embeddings.
    yield synthetic.Tensor("embed_tokens.weight", (spec.vocab, spec.hidden),
                           lambda: weights.stream("embed_tokens", spec.vocab * spec.hidden, 1.0))
    for layer in range(spec.layers):
        base = f"layers.{layer}"
        yield norm(f"{base}.input_layernorm", spec.hidden)
        yield norm(f"{base}.post_attention_layernorm", spec.hidden)
        if spec.body == "qwen3":
            yield norm(f"{base}.self_attn.q_norm", spec.head_size)
            yield norm(f"{base}.self_attn.k_norm", spec.head_size)
        for key, (outputs, inputs) in matrices(spec).items():
            name = f"{base}.{key}"
            yield synthetic.whole(f"{name}.weight", (outputs, inputs), lambda n=name, o=outputs, i=inputs: weights.matrix(n, o, i))
    yield norm("norm", spec.hidden)


def adapter_tensors(spec: Spec, task: int) -> Iterator[synthetic.Tensor]:
    weights = synthetic.Weights(spec)
    for layer in range(spec.layers):
        for key, (outputs, inputs) in matrices(spec).items():
            name = f"layers.{layer}.{key}"
            base = f"base_model.model.{name}.lora_"
            yield synthetic.whole(base + "A.weight", (spec.rank, inputs), lambda n=name, i=inputs: weights.matrix_a(n, i, task))
            # Small beside the base's own matrices, as trained ones are.
            yield synthetic.whole(base + "B.weight", (outputs, spec.rank),
                                  lambda n=name, o=outputs: weights.array(f"{n}.lora_B.{task}", (o, spec.rank), 0.05))


def config(spec: Spec, layout: str) -> dict:
    own = {"architectures": ["JinaEmbeddingsV5Model"], "model_type": "jina_embeddings_v5", "task_names": TASKS,
           "matryoshka_dimensions": [size for size in (32, 64, 128, 256, 512, 768, 1024) if size <= spec.hidden]}
    kind = "Qwen3Model" if spec.body == "qwen3" else "EuroBertModel"
    body = {"head_dim": spec.head_size, "use_sliding_window": False, "tie_word_embeddings": True} if spec.body == "qwen3" else {
        "tie_word_embeddings": False, "mask_token_id": 2, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
        "classifier_pooling": "late", "mlp_bias": False}
    return {"vocab_size": spec.vocab, "hidden_size": spec.hidden, "intermediate_size": spec.intermediate,
            "num_hidden_layers": spec.layers, "num_attention_heads": spec.heads, "num_key_value_heads": spec.kv_heads,
            "hidden_act": "silu", "max_position_embeddings": spec.max_positions, "rms_norm_eps": spec.epsilon,
            "rope_theta": spec.rope_base, "rope_scaling": None, "attention_bias": False, "attention_dropout": 0.0,
            "torch_dtype": "bfloat16", **body,
            **(own if layout == "original" else {"architectures": [kind], "model_type": spec.body})}


def write(folder: pathlib.Path, spec: Spec, layout: str = "original") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    synthetic.write_json(folder / "config.json", config(spec, layout))
    if layout == "original":
        synthetic.write_json(folder / "modules.json", [
            {"idx": 0, "name": "transformer", "path": "", "type": "custom_st.Transformer", "kwargs": ["task", "truncate_dim"]}])
        synthetic.write_json(folder / "config_sentence_transformers.json", {
            "prompts": {"query": "Query: ", "document": "Document: "}, "default_prompt_name": "document",
            "similarity_fn_name": "cosine"})
    synthetic.write_model(folder, list(tensors(spec)), "BF16", 1)
    for task, name in enumerate(TASKS):
        adapter = folder / "adapters" / name
        adapter.mkdir(parents=True, exist_ok=True)
        synthetic.write_json(adapter / "adapter_config.json", {
            "peft_type": "LORA", "task_type": "FEATURE_EXTRACTION", "base_model_name_or_path": "", "inference_mode": True,
            "r": spec.rank, "lora_alpha": spec.alpha, "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False,
            "use_rslora": False, "use_dora": False, "target_modules": TARGETS})
        synthetic.write_safetensors(adapter / "adapter_model.safetensors", list(adapter_tensors(spec, task)), "BF16")
    synthetic.copy_tokenizer(TOKENIZERS[spec.body], folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--layout", choices=["original", "hf"], default="original")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    spec = dataclasses.replace(SIZES[options.size], seed=options.seed)
    write(options.out, spec, options.layout)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{options.out}: {spec}, {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
