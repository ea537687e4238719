# SPDX-License-Identifier: Apache-2.0
"""Vectors of qwen3-tiny with the scaled rotary positions that transformers knows.

Truth is transformers' class in float64. See tests/data/embed/README.md.
"""

import jsonl
import numpy as np
import torch
from embed_goldens import AGREEMENT, finish
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Qwen3Config, Qwen3Model

FOLDER = jsonl.MODELS / "qwen3-tiny"
THETA = 10000.0
SHORT = [1.0, 1.1, 1.3, 1.6, 2.0, 2.5, 3.1, 3.8]
# By the keys of transformers 5, and what older versions called them.
NEW = {
    "linear": {"rope_type": "linear", "factor": 2.5},
    "dynamic": {"rope_type": "dynamic", "factor": 4.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 40},
    "yarn by hand": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 20, "beta_fast": 8, "beta_slow": 2,
                     "attention_factor": 1.25, "truncate": False},
    "yarn of two scales": {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 10, "mscale": 0.7,
                           "mscale_all_dim": 1.1},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32},
    "longrope": {"rope_type": "longrope", "factor": 4.0, "short_factor": SHORT, "long_factor": [4.0] * 8,
                 "original_max_position_embeddings": 160},
}


def model_of(rope: dict) -> torch.nn.Module:
    settings = Qwen3Config.from_pretrained(FOLDER).to_dict()
    settings["rope_parameters"] = {"rope_theta": THETA, **rope}
    config = Qwen3Config(**settings)
    config._attn_implementation = "eager"
    model = Qwen3Model(config)
    weights = {key.removeprefix("model."): value for key, value in load_file(FOLDER / "model.safetensors").items()}
    model.load_state_dict(weights)
    return model.eval()


def main() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.no_padding()
    texts = [" ".join(f"{number} cats sleep in the sun" for number in range(count)) for count in (1, 4, 8)]
    records = []
    for name, rope in NEW.items():
        model = model_of(rope)
        old = {"type" if key == "rope_type" else key: value for key, value in rope.items()}
        for number, text in enumerate(texts):
            ids = tokenizer.encode(text).ids
            if len(ids) > 160:
                raise SystemExit(f"{len(ids)} tokens are too many")
            change = {"rope_parameters": {"rope_theta": THETA, **rope}} if number else {
                "rope_theta": THETA, "rope_parameters": None, "rope_scaling": old}
            record = {"name": name, "config": change, "text": text, "ids": ids}
            with torch.no_grad():
                rows = [model.to(kind)(input_ids=torch.tensor([ids])).last_hidden_state[0, -1:].double().numpy()
                        for kind in (torch.float32, torch.float64)]
            difference = float(np.abs(rows[0] - rows[1]).max())
            if difference > 4 * AGREEMENT:
                raise SystemExit(f"{name}: float32 differs by {difference}")
            record["vector"] = finish(rows[1], record)[0]
            records.append(record)
    jsonl.write_jsonl(jsonl.DATA / "embed" / "rotary-qwen3-tiny.jsonl.gz", records)


if __name__ == "__main__":
    main()
