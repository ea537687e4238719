# SPDX-License-Identifier: Apache-2.0
"""Small encoders with WordPiece or byte-level BPE whose scores know distances, and RoBERTa; random weights, and vectors.

Truth is transformers' native class in float64, of jina-embeddings-v2 a plain statement of it; the same in float32 must
agree. See tests/data/embed/README.md.
"""

import json

import decoders
import jsonl
import models
import small_tokenizers
import torch
from jina_v2_reference import PlainJinaV2
from transformers import (
    ElectraConfig, ElectraModel, Gemma3TextConfig, Gemma3TextModel, MPNetConfig, MPNetModel, RobertaConfig, RobertaModel)

LIMIT = decoders.LIMIT
CODE = {"jina-v2-tiny": "jinaai/jina-bert-implementation", "jina-v2-code-tiny": "jinaai/jina-bert-v2-qk-post-norm"}
SHAPE = dict(hidden_size=32, num_hidden_layers=2, intermediate_size=48, max_position_embeddings=LIMIT + 2,
             pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5, attn_implementation="eager")


def write(name: str, model: torch.nn.Module, config: dict, tokenizer: str, prefix: str = "") -> None:
    folder = models.fresh(name)
    (folder / "tokenizer.json").write_text(tokenizer + "\n")
    models.synthetic.write_json(folder / "config.json", config)
    decoders.save_file({prefix + key: value.contiguous() for key, value in model.state_dict().items()},
                       folder / "model.safetensors", metadata={"format": "pt"})
    decoders.write_pooling(folder)
    jsonl.write_jsonl(decoders.FOLDER / f"{name}.jsonl.gz", decoders.records_of(name, {None: model}))


def mpnet() -> None:
    tokenizer = small_tokenizers.mpnet()
    config = MPNetConfig(vocab_size=len(json.loads(tokenizer)["model"]["vocab"]), num_attention_heads=4, **SHAPE)
    model = decoders.spread_norms(models.scaled(MPNetModel(config, add_pooling_layer=False), 49))
    write("mpnet-tiny", model, config.to_dict() | {"architectures": ["MPNetForMaskedLM"]}, tokenizer, "mpnet.")


def jina_v2(name: str) -> None:
    """Three heads of 16 that ALiBi has no power of two for, and with the names of base-code two."""
    code = name == "jina-v2-code-tiny"
    tokenizer = small_tokenizers.byte_level("roberta") if code else small_tokenizers.wordpiece()
    vocabulary = len(json.loads(tokenizer)["model"]["vocab"])
    hidden, heads = (32, 2) if code else (48, 3)
    model = decoders.spread_norms(models.scaled(PlainJinaV2(vocabulary, hidden, heads, 40, 2, code), 51 if code else 50))
    config = {"_name_or_path": CODE[name], "architectures": ["JinaBertForMaskedLM"], "model_type": "bert",
              "auto_map": {"AutoModel": CODE[name] + "--modeling_bert.JinaBertModel"},
              "vocab_size": vocabulary, "hidden_size": hidden, "num_attention_heads": heads, "num_hidden_layers": 2,
              "intermediate_size": 40, "hidden_act": "gelu", "feed_forward_type": "geglu", "emb_pooler": "mean",
              "position_embedding_type": "alibi", "max_position_embeddings": LIMIT, "type_vocab_size": 2,
              "pad_token_id": 1 if code else 0, "layer_norm_eps": 1e-12, "attn_implementation": None}
    write(name, model, config, tokenizer)


def roberta() -> None:
    """all-distilroberta-v1's shape, and SimCSE's: names below "roberta.", a pooler, the first token."""
    tokenizer = small_tokenizers.byte_level("roberta")
    config = RobertaConfig(vocab_size=small_tokenizers.BPE_SIZE, num_attention_heads=4, type_vocab_size=1, **SHAPE)
    for name, prefix in (("roberta-tiny", ""), ("simcse-tiny", "roberta.")):
        model = decoders.spread_norms(models.scaled(RobertaModel(config, add_pooling_layer=bool(prefix)), 52))
        write(name, model, config.to_dict() | {"architectures": ["RobertaModel"]}, tokenizer, prefix)


def electra() -> None:
    """Names below "electra.", as the discriminator's checkpoints have them."""
    tokenizer = small_tokenizers.wordpiece()
    shape = SHAPE | {"max_position_embeddings": LIMIT, "pad_token_id": 0, "layer_norm_eps": 1e-12}
    config = ElectraConfig(vocab_size=len(json.loads(tokenizer)["model"]["vocab"]), num_attention_heads=4, embedding_size=32, **shape)
    model = decoders.spread_norms(models.scaled(ElectraModel(config), 54))
    write("electra-tiny", model, config.to_dict() | {"architectures": ["ElectraForPreTraining"]}, tokenizer, "electra.")


def gemma_body(seed: int) -> torch.nn.Module:
    """EmbeddingGemma's body: windows of 8 to both sides in three of four layers, a scale that is not of the heads' width."""
    config = Gemma3TextConfig(
        vocab_size=small_tokenizers.GEMMA_SIZE, hidden_size=32, intermediate_size=48, num_hidden_layers=4,
        num_attention_heads=2, num_key_value_heads=1, head_dim=24, query_pre_attn_scalar=20, sliding_window=16,
        layer_types=["sliding_attention"] * 3 + ["full_attention"], max_position_embeddings=LIMIT,
        use_bidirectional_attention=True, attn_implementation="eager")
    model = decoders.spread_norms(models.scaled(Gemma3TextModel(config), seed))
    with torch.no_grad():  # norms multiply by one more
        for key, value in model.named_parameters():
            if "norm" in key:
                value.sub_(1)
    return model


def gemma() -> None:
    model = gemma_body(53)
    write("gemma-tiny", model, model.config.to_dict() | {"architectures": ["Gemma3TextModel"]}, small_tokenizers.gemma())


def main() -> None:
    torch.manual_seed(0)
    mpnet()
    for name in CODE:
        jina_v2(name)
    roberta()
    gemma()
    electra()


if __name__ == "__main__":
    main()
