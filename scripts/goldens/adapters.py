# SPDX-License-Identifier: Apache-2.0
"""LoRA adapters beside small models of which they are no part, and the vectors of each.

Truth is PEFT's merged model in float64 over transformers' class. See tests/data/embed/README.md.
"""

import json
import shutil

import jsonl
import models
import numpy as np
import torch
from embed_goldens import AGREEMENT, TEXTS, finish
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, Qwen3Config, Qwen3Model

# By model: of different ranks, scalings and modules. PEFT's "dense" of BERT has the pooler among it, which no vector uses.
ADAPTERS = {
    "bert-tiny": {
        "legal": dict(r=4, lora_alpha=6, target_modules=["query", "value"]),
        "medical.notes": dict(r=6, lora_alpha=8, use_rslora=True,
                              target_modules=["query", "key", "value", "dense", "word_embeddings"])},
    "qwen3-tiny": {
        "legal": dict(r=8, lora_alpha=8, target_modules="all-linear"),
        "last": dict(r=2, lora_alpha=1, target_modules=r".*layers\.1\..*(v_proj|down_proj)"),
        # Keys that are ends of names, whole names and regular expressions. Of several the first counts, and PEFT writes
        # them in alphabetical order.
        "uneven": dict(r=4, lora_alpha=6,
                       target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "embed_tokens"],
                       rank_pattern={"v_proj": 2, "^layers.0.mlp.down_proj": 9, "^layers.1.self_attn.o_proj": 7, "down_proj": 3,
                                     r"layers\.1\..*gate_proj": 3, "embed_tokens": 5},
                       alpha_pattern={"k_proj": 1, "^layers.1.mlp.down_proj": 12, "down_proj": 2.5, "embed_tokens": 3, "self_attn": 99})},
}
POOLING = {"bert-tiny": slice(None), "qwen3-tiny": slice(-1, None)}


def base(name: str) -> torch.nn.Module:
    folder = jsonl.MODELS / name
    kinds = {"bert-tiny": (BertConfig, BertModel), "qwen3-tiny": (Qwen3Config, Qwen3Model)}
    config = kinds[name][0].from_pretrained(folder, attn_implementation="eager")
    model = kinds[name][1](config)
    weights = {key.removeprefix("bert.").removeprefix("model."): value
               for key, value in load_file(folder / "model.safetensors").items()}
    missing, _ = model.load_state_dict(weights, strict=False)
    if [key for key in missing if "position_ids" not in key and "pooler" not in key]:
        raise SystemExit(f"{name}: not loaded: {missing}")
    return model.eval()


def write_adapter(name: str, task: str, settings: dict, seed: int) -> torch.nn.Module:
    peft = get_peft_model(base(name), LoraConfig(bias="none", **settings))
    rng = np.random.Generator(np.random.PCG64([61, seed]))
    with torch.no_grad():
        for key, value in peft.named_parameters():
            if "lora_" in key:
                value.copy_(torch.from_numpy(0.12 * rng.standard_normal(value.shape)).float())
    folder = jsonl.MODELS / "adapters" / name / task
    shutil.rmtree(folder, ignore_errors=True)
    peft.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    written = json.loads((folder / "adapter_config.json").read_text())
    written["base_model_name_or_path"] = ""
    if isinstance(written["target_modules"], list):
        written["target_modules"] = sorted(written["target_modules"])  # PEFT writes a set
    models.synthetic.write_json(folder / "adapter_config.json", written)
    return PeftModel.from_pretrained(base(name), str(folder)).merge_and_unload().eval()


def main() -> None:
    torch.manual_seed(0)
    for name, adapters in ADAPTERS.items():
        adapted = {"base": base(name), "none": base(name)}
        for seed, (task, settings) in enumerate(adapters.items()):
            adapted[task] = write_adapter(name, task, settings, seed)
        tokenizer = Tokenizer.from_file(str(jsonl.MODELS / name / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=64)
        records = []
        for text in TEXTS:
            ids = tokenizer.encode(text).ids
            if len(ids) >= 64:
                continue
            for task, model in adapted.items():
                record = {"text": text, "task": task, "ids": ids}
                with torch.no_grad():
                    rows = [model.to(kind)(input_ids=torch.tensor([ids])).last_hidden_state[0, POOLING[name]].double().numpy()
                            for kind in (torch.float32, torch.float64)]
                difference = float(np.abs(rows[0] - rows[1]).max())
                if difference > 4 * AGREEMENT:
                    raise SystemExit(f"{name}: float32 differs by {difference}")
                record["vector"] = finish(rows[1].mean(axis=0, keepdims=True), record)[0]
                records.append(record)
        jsonl.write_jsonl(jsonl.DATA / "embed" / f"adapters-{name}.jsonl.gz", records)


if __name__ == "__main__":
    main()
