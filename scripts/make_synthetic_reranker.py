#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a reranker (a cross-encoder with one label) of any size with random weights, for benchmarks.

  scripts/make_synthetic_reranker.py --out /tmp/reranker                  # the shape of bge-reranker-v2-m3
  scripts/make_synthetic_reranker.py --out /tmp/small --size minilm       # the shape of ms-marco-MiniLM-L6-v2

Weights are float32, as those models publish them, and need all their bits. Needs numpy alone.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Iterator

import make_synthetic_v3 as synthetic
import numpy as np

DATA = pathlib.Path(__file__).resolve().parents[1] / "tests/data/tokenizer"


@dataclasses.dataclass(frozen=True)
class Spec(synthetic.Spec):  # whose sizes are those of bge-reranker-v2-m3
    family: str = "xlm-roberta"
    types: int = 1
    epsilon: float = 1e-5
    full_precision: bool = True

    @property
    def longest(self) -> int:
        return self.max_positions - 2 if self.family == "xlm-roberta" else self.max_positions


BERT = Spec(family="bert", vocab=30522, hidden=384, layers=6, heads=12, intermediate=1536, max_positions=512, types=2, epsilon=1e-12)
SIZES = {
    "full": Spec(),
    "minilm": BERT,
    "tiny": Spec(hidden=64, layers=2, heads=4, intermediate=128, max_positions=1026),
    "tiny-bert": dataclasses.replace(BERT, hidden=64, layers=2, heads=4, intermediate=128),
}
TOKENIZERS = {"xlm-roberta": DATA / "xlm-roberta/tokenizer.json.xz", "bert": DATA / "wordpiece/tokenizer.json.xz"}


def layer_matrices(spec: Spec) -> dict[str, tuple[int, int]]:
    square = (spec.hidden, spec.hidden)
    return {"attention.self.query": square, "attention.self.key": square, "attention.self.value": square,
            "attention.output.dense": square, "intermediate.dense": (spec.intermediate, spec.hidden),
            "output.dense": (spec.hidden, spec.intermediate)}


def tensors(spec: Spec) -> Iterator[synthetic.Tensor]:
    weights = synthetic.Weights(spec)
    xlmr = spec.family == "xlm-roberta"
    body = "roberta" if xlmr else "bert"

    def norm(name: str) -> Iterator[synthetic.Tensor]:
        for index, part in enumerate(("weight", "bias")):
            yield synthetic.whole(f"{name}.{part}", (spec.hidden,), lambda index=index: weights.norm(name)[index])

    def linear(name: str, outputs: int, inputs: int, scale: float = 1.0) -> Iterator[synthetic.Tensor]:
        yield synthetic.whole(f"{name}.weight", (outputs, inputs), lambda: weights.matrix(name, outputs, inputs) * np.float32(scale))
        yield synthetic.whole(f"{name}.bias", (outputs,), lambda: weights.bias(name, outputs))

    for key, rows in (("word", spec.vocab), ("position", spec.max_positions), ("token_type", spec.types)):
        yield synthetic.Tensor(f"{body}.embeddings.{key}_embeddings.weight", (rows, spec.hidden),
                               lambda key=key, rows=rows: weights.embedding(f"{key}_embeddings", rows))
    yield from norm(f"{body}.embeddings.LayerNorm")
    for layer in range(spec.layers):
        base = f"{body}.encoder.layer.{layer}"
        for key, (outputs, inputs) in layer_matrices(spec).items():
            yield from linear(f"{base}.{key}", outputs, inputs)
        for key in ("attention.output.LayerNorm", "output.LayerNorm"):
            yield from norm(f"{base}.{key}")
    yield from linear("classifier.dense" if xlmr else "bert.pooler.dense", spec.hidden, spec.hidden)
    # Scores that differ, so that an engine that computes something else is seen.
    yield from linear("classifier.out_proj" if xlmr else "classifier", 1, spec.hidden, 3.0)


def config(spec: Spec) -> dict:
    xlmr = spec.family == "xlm-roberta"
    ids = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1} if xlmr else {"pad_token_id": 0}
    return {
        "architectures": ["XLMRobertaForSequenceClassification" if xlmr else "BertForSequenceClassification"],
        "model_type": spec.family, "attention_probs_dropout_prob": 0.1, "classifier_dropout": None, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "hidden_size": spec.hidden, "id2label": {"0": "LABEL_0"}, "initializer_range": 0.02,
        "intermediate_size": spec.intermediate, "label2id": {"LABEL_0": 0}, "layer_norm_eps": spec.epsilon,
        "max_position_embeddings": spec.max_positions, "num_attention_heads": spec.heads, "num_hidden_layers": spec.layers,
        "position_embedding_type": "absolute", "torch_dtype": "float32", "type_vocab_size": spec.types,
        "vocab_size": spec.vocab, **ids}


def write(folder: pathlib.Path, spec: Spec) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    synthetic.write_json(folder / "config.json", config(spec))
    kind = "XLMRobertaTokenizer" if spec.family == "xlm-roberta" else "BertTokenizer"
    synthetic.write_json(folder / "tokenizer_config.json", {"tokenizer_class": kind, "model_max_length": spec.longest})
    synthetic.write_model(folder, list(tensors(spec)), "F32", 1)
    synthetic.copy_tokenizer(TOKENIZERS[spec.family], folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    spec = dataclasses.replace(SIZES[options.size], seed=options.seed)
    write(options.out, spec)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{options.out}: {spec}, {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
