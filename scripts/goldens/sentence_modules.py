# SPDX-License-Identifier: Apache-2.0
"""A small model with modules behind its pooling and weights that torch.save wrote, and its vectors.

Truth is transformers' class and sentence-transformers' own modules, all in float64.
See tests/data/embed/README.md.
"""

import collections
import json
import shutil

import jsonl
import models
import numpy as np
import torch
from embed_goldens import TEXTS, finish
from safetensors.torch import load_file
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.sentence_transformer.modules.layer_norm import LayerNorm
from sentence_transformers.sentence_transformer.modules.pooling import Pooling
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

NAME = "dense-tiny"
BASE = jsonl.MODELS / "bert-tiny"
MODULES = ["Transformer", "Pooling", "Dense", "LayerNorm", "Dense", "Normalize"]


def filled(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    rng = np.random.Generator(np.random.PCG64([51, seed]))
    with torch.no_grad():
        for name, value in module.named_parameters():
            centre = 1.0 if name == "norm.weight" else 0.0
            value.copy_(torch.from_numpy(centre + 0.3 * rng.standard_normal(value.shape)).float())
    return module


def write_folder() -> None:
    folder = models.fresh(NAME)
    for file in ("config.json", "tokenizer.json", "sentence_bert_config.json"):
        shutil.copy(BASE / file, folder / file)
    torch.save(collections.OrderedDict(sorted(load_file(BASE / "model.safetensors").items())), folder / "pytorch_model.bin")
    places = ["" if kind == "Transformer" else f"{index}_{kind}" for index, kind in enumerate(MODULES)]
    models.synthetic.write_json(folder / "modules.json", [
        {"idx": index, "name": str(index), "path": place, "type": f"sentence_transformers.models.{kind}"}
        for index, (place, kind) in enumerate(zip(places, MODULES))])
    models.synthetic.write_json(folder / "1_Pooling/config.json", {
        "word_embedding_dimension": 32, "pooling_mode_mean_tokens": False, "pooling_mode_weightedmean_tokens": True})
    # As EmbeddingGemma has its two: without bias and activation. The second one is of an older version, which wrote
    # pytorch_model.bin.
    for place in places[2:5]:
        (folder / place).mkdir()
    filled(Dense(32, 80, bias=False, activation_function=torch.nn.Identity()), 1).save(str(folder / "2_Dense"))
    filled(LayerNorm(80), 2).save(str(folder / "3_LayerNorm"))
    filled(Dense(80, 24, activation_function=torch.nn.GELU()), 3).save(str(folder / "4_Dense"), safe_serialization=False)


def stages() -> list:
    folder = str(jsonl.MODELS / NAME)
    return [stage.double().eval() for stage in (
        Pooling.load(folder, subfolder="1_Pooling"), Dense.load(folder, subfolder="2_Dense"),
        LayerNorm.load(folder, subfolder="3_LayerNorm"), Dense.load(folder, subfolder="4_Dense"))]


def bert() -> torch.nn.Module:
    config = BertConfig.from_pretrained(BASE, attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False)
    weights = {key.removeprefix("bert."): value for key, value in load_file(BASE / "model.safetensors").items()}
    missing, _ = model.load_state_dict(weights, strict=False)
    if [name for name in missing if "position_ids" not in name]:
        raise SystemExit(f"not loaded: {missing}")
    return model.double().eval()


def main() -> None:
    write_folder()
    model, modules = bert(), stages()
    tokenizer = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    tokenizer.no_padding()
    limit = json.loads((BASE / "sentence_bert_config.json").read_text())["max_seq_length"]
    tokenizer.enable_truncation(max_length=limit)
    records = []
    for index, text in enumerate(TEXTS):
        record = {"text": text} | ({"dimensions": 8} if index % 3 == 0 else {})
        record["ids"] = tokenizer.encode(text).ids
        ids = torch.tensor([record["ids"]])
        with torch.no_grad():
            features = {"token_embeddings": model(input_ids=ids).last_hidden_state,
                        "attention_mask": torch.ones_like(ids)}
            for module in modules:
                features = module(features)
        record["vector"] = finish(features["sentence_embedding"].numpy(), record)[0]
        records.append(record)
    jsonl.write_jsonl(jsonl.DATA / "embed" / f"{NAME}.jsonl.gz", records)


if __name__ == "__main__":
    main()
