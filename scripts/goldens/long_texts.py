# SPDX-License-Identifier: Apache-2.0
"""Narrow models that take long texts, one of each kind of mask, and their vectors at 512, 2,048 and 8,192 tokens.

Truth is transformers' native class in float64. See tests/data/embed/README.md.
"""

import random

import jsonl
import models
import numpy as np
import small_tokenizers
import torch
from decoders import old_keys, spread_norms, write_folder, write_pooling
from embed_goldens import finish
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, ModernBertConfig, ModernBertModel, Qwen3Config, Qwen3Model

SHAPE = dict(hidden_size=32, num_attention_heads=2, attn_implementation="eager")
LENGTHS = {"bert-narrow": (130, 512), "modernbert-narrow": (512, 2048, 8192), "qwen3-narrow": (512, 2048, 8192)}
# float32 angles of 8,192 positions, and sums over as many tokens.
AGREEMENT = 1e-4


def body(name: str) -> torch.nn.Module:
    if name == "bert-narrow":
        size = len(small_tokenizers.json.loads(small_tokenizers.wordpiece())["model"]["vocab"])
        return models.scaled(BertModel(BertConfig(
            vocab_size=size, num_hidden_layers=1, intermediate_size=48, max_position_embeddings=512, **SHAPE),
            add_pooling_layer=False), 71)
    common = dict(vocab_size=small_tokenizers.BPE_SIZE, max_position_embeddings=8192, **SHAPE)
    if name == "modernbert-narrow":
        return models.scaled(ModernBertModel(ModernBertConfig(
            num_hidden_layers=2, intermediate_size=48, global_attn_every_n_layers=2, local_attention=128, pad_token_id=0,
            bos_token_id=2, cls_token_id=2, eos_token_id=3, sep_token_id=3, **common)), 72)
    return models.scaled(Qwen3Model(Qwen3Config(
        num_hidden_layers=1, intermediate_size=48, num_key_value_heads=1, head_dim=16, rope_theta=1000000.0,
        use_sliding_window=False, tie_word_embeddings=True, **common)), 73)


def text_of(tokenizer: Tokenizer, tokens: int, seed: int) -> str:
    """A text of exactly so many tokens, specials included. Words with their spaces tokenise apart, so counts add up."""
    rng = random.Random(seed)
    words = sorted({word for text in small_tokenizers.corpus()[:200] for word in text.split() if word.isalpha()})
    counts = {word: len(tokenizer.encode("a " + word).ids) - len(tokenizer.encode("a").ids) for word in words}
    left = tokens - len(tokenizer.encode("a").ids)
    ones = [word for word in words if counts[word] == 1]
    chosen = ["a"]
    while left > 0:
        word = rng.choice(words if left > 40 else ones)
        if counts[word] <= left:
            chosen.append(word)
            left -= counts[word]
    return " ".join(chosen)


def main() -> None:
    torch.manual_seed(0)
    for name, lengths in LENGTHS.items():
        model = spread_norms(body(name))
        keys = old_keys(model.config) | {"global_attn_every_n_layers": 2} if name.startswith("modernbert") else {}
        folder = write_folder(name, model, keys, "" if name.startswith("bert") else "model.")
        write_pooling(folder)
        rows = slice(-1, None) if name.startswith("qwen3") else slice(None)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        records = []
        for seed, length in enumerate(lengths):
            text = text_of(tokenizer, length, 80 + seed)
            record = {"text": text, "ids": tokenizer.encode(text).ids}
            if len(record["ids"]) != length:
                raise SystemExit(f"{name}: {len(record['ids'])} tokens, expected {length}")
            ids = torch.tensor([record["ids"]])
            with torch.no_grad():
                narrow, exact = (
                    model.to(kind)(input_ids=ids).last_hidden_state[0, rows].double().numpy().mean(axis=0, keepdims=True)
                    for kind in (torch.float32, torch.float64))
            difference = float(np.abs(narrow - exact).max())
            print(f"{name}: {length} tokens, float32 differs by {difference:.1e}")
            if difference > AGREEMENT:
                raise SystemExit("too much")
            record["vector"] = finish(exact, record)[0]
            records.append(record)
        jsonl.write_jsonl(jsonl.DATA / "embed" / f"{name}.jsonl.gz", records)


if __name__ == "__main__":
    main()
