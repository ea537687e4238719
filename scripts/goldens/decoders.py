# SPDX-License-Identifier: Apache-2.0
"""Small models of the families whose blocks are not BERT's, with random weights, and their vectors.

Truth is transformers' native class in float64; the same in float32 must agree. Adapters are PEFT's,
loaded by PEFT. See tests/data/embed/README.md.
"""

import json
import pathlib

import jsonl
import models
import numpy as np
import small_tokenizers
import torch
from embed_goldens import AGREEMENT, TEXTS, finish
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import (
    DistilBertConfig, DistilBertModel, EuroBertConfig, EuroBertModel, GteConfig, GteModel, ModernBertConfig,
    ModernBertModel, NomicBertConfig, NomicBertModel, Qwen3Config, Qwen3Model)

FOLDER = jsonl.DATA / "embed"
LIMIT = 160
SHAPE = dict(hidden_size=32, num_hidden_layers=2, max_position_embeddings=LIMIT, attn_implementation="eager")
TASKS = ["retrieval", "text-matching", "clustering", "classification"]
PROMPTS = {"query": "Query: ", "document": "Document: "}
# What a caller may ask for, and the adapter and prompt that it means.
USES = {"retrieval.query": ("retrieval", "query"), "retrieval.passage": ("retrieval", "document"),
        "text-matching": ("text-matching", "document"), "clustering": ("clustering", "document"),
        "classification": ("classification", "document"), "retrieval": ("retrieval", "document"),
        "separation": ("clustering", "document"), "none": (None, None)}
TOKENIZERS = {"eurobert-tiny": "llama3", "v5-nano-tiny": "llama3", "qwen3-tiny": "qwen3-embedding",
              "v5-small-tiny": "qwen3", "modernbert-tiny": "modernbert",
              "qwen3-narrow": "qwen3-embedding", "modernbert-narrow": "modernbert"}
# Pooling of the models that do not take the last token.
POOLING = {"modernbert-tiny": "mean", "distilbert-tiny": "mean", "nomic-tiny": "mean", "gte-tiny": "cls",
           "gemma-tiny": "mean", "mpnet-tiny": "mean", "jina-v2-tiny": "mean", "jina-v2-code-tiny": "mean", "roberta-tiny": "mean", "simcse-tiny": "cls",
           "electra-tiny": "mean",
           "bert-narrow": "mean", "modernbert-narrow": "mean"}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def body(name: str) -> torch.nn.Module:
    """Widths that do not fill a panel of 32, keys shared by two heads, heads wider than hidden / heads."""
    vocabulary = small_tokenizers.BPE_SIZE
    if name in ("eurobert-tiny", "v5-nano-tiny"):
        return models.scaled(EuroBertModel(EuroBertConfig(
            vocab_size=vocabulary, intermediate_size=48, num_attention_heads=4, num_key_value_heads=4 if "nano" in name else 2,
            rope_theta=10000.0, rms_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=1, mask_token_id=2,
            **SHAPE)), 41)
    if name == "modernbert-tiny":  # windows of 8 in layers 1 and 2, which texts of this length leave
        return models.scaled(ModernBertModel(ModernBertConfig(
            vocab_size=vocabulary, intermediate_size=48, num_attention_heads=2, global_attn_every_n_layers=3,
            local_attention=16, pad_token_id=0, bos_token_id=2, cls_token_id=2, eos_token_id=3, sep_token_id=3,
            **SHAPE | {"num_hidden_layers": 4})), 45)
    return models.scaled(Qwen3Model(Qwen3Config(
        vocab_size=vocabulary, intermediate_size=80, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        rope_theta=10000.0, use_sliding_window=False, tie_word_embeddings=True, **SHAPE)), 42)


def encoder_body(name: str) -> torch.nn.Module:
    """BERT's kin, with WordPiece."""
    size = dict(vocab_size=len(json.loads(small_tokenizers.wordpiece())["model"]["vocab"]), pad_token_id=0)
    if name == "distilbert-tiny":
        return models.scaled(DistilBertModel(DistilBertConfig(
            dim=32, hidden_dim=48, n_layers=2, n_heads=2, max_position_embeddings=LIMIT, attn_implementation="eager",
            **size)), 46)
    if name == "nomic-tiny":
        return models.scaled(NomicBertModel(NomicBertConfig(
            intermediate_size=48, num_attention_heads=2, **SHAPE, **size), add_pooling_layer=False), 47)
    # A static NTK factor of 8 over a base of 20,000, as transformers states it.
    rope = {"rope_type": "linear", "rope_theta": 160000.0, "factor": 8.0 ** (2 / 16)}
    return models.scaled(GteModel(GteConfig(
        intermediate_size=48, num_attention_heads=2, type_vocab_size=1, rope_parameters=rope, **SHAPE, **size),
        add_pooling_layer=False), 48)


def published(name: str, weights: dict) -> dict:
    """The tensors as the model's own publication calls them, of which transformers makes its own on loading."""
    if name == "distilbert-tiny":
        return {"distilbert." + key: value for key, value in weights.items()}
    nomic = name == "nomic-tiny"
    renamed = {}
    for key, value in weights.items():
        for old, new in ([("layers.", "encoder.layers."), ("embeddings.LayerNorm", "emb_ln"), ("self_attn.o_proj", "attn.out_proj"),
                          ("up_proj", "fc11"), ("gate_proj", "fc12"), ("down_proj", "fc2"),
                          ("post_attention_layernorm", "norm1"), ("post_mlp_layernorm", "norm2")] if nomic else
                         [("layers.", "encoder.layer."), ("self_attn.o_proj", "attention.o_proj"),
                          ("post_attention_layernorm", "attn_ln"), ("post_mlp_layernorm", "mlp_ln")]):
            key = key.replace(old, new)
        renamed[key if nomic else "new." + key] = value
    for first, others, joined in ([("self_attn.q_proj", ["self_attn.k_proj", "self_attn.v_proj"], "attn.Wqkv")] if nomic else
                                  [("self_attn.q_proj", ["self_attn.k_proj", "self_attn.v_proj"], "attention.qkv_proj"),
                                   ("mlp.up_proj", ["mlp.gate_proj"], "mlp.up_gate_proj")]):
        for key in [key for key in renamed if first in key]:
            parts = [renamed.pop(key.replace(first, part)) for part in [first, *others]]
            renamed[key.replace(first, joined)] = torch.cat(parts)
    return renamed


PUBLISHED_KEYS = {
    "distilbert-tiny": {},
    "nomic-tiny": {"n_embd": 32, "n_head": 2, "n_inner": 48, "n_layer": 2, "n_positions": LIMIT, "rotary_emb_base": 1000,
                   "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_scaling_factor": None,
                   "prenorm": False, "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False,
                   "activation_function": "swiglu", "layer_norm_epsilon": 1e-12, "vocab_size": 420, "type_vocab_size": 2,
                   "model_type": "nomic_bert", "architectures": ["NomicBertModel"]},
    "gte-tiny": {"model_type": "new", "architectures": ["NewModel"], "rope_theta": 20000.0, "rope_parameters": None,
                 "rope_scaling": {"type": "ntk", "factor": 8.0}, "pack_qkv": True, "logn_attention_scale": False},
}


def write_encoder(name: str) -> None:
    model = spread_norms(encoder_body(name))
    folder = write_folder(name, model, PUBLISHED_KEYS[name], tensors=published(name, model.state_dict()))
    if name == "nomic-tiny":  # its publication has none of BERT's keys
        models.synthetic.write_json(folder / "config.json", PUBLISHED_KEYS[name])
    write_pooling(folder)
    jsonl.write_jsonl(FOLDER / f"{name}.jsonl.gz", records_of(name, {None: model}))


def spread_norms(model: torch.nn.Module) -> torch.nn.Module:
    """models.scaled() knows LayerNorm by its name; RMSNorms have others."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "norm" in name:
                rng = np.random.Generator(np.random.PCG64([43, len(name), sum(name.encode())]))
                value.copy_(torch.from_numpy(1 + 0.2 * rng.standard_normal(value.shape)).float())
    return model.eval()


def write_folder(name: str, model: torch.nn.Module, config: dict, prefix: str = "",
                 tensors: dict | None = None) -> pathlib.Path:
    folder = models.fresh(name)
    kind = TOKENIZERS.get(name)
    (folder / "tokenizer.json").write_text((small_tokenizers.byte_level(kind) if kind else small_tokenizers.wordpiece()) + "\n")
    full = model.config.to_dict()
    full.pop("_attn_implementation_autoset", None)
    models.synthetic.write_json(folder / "config.json", {**full, **config})
    tensors = tensors or {prefix + key: value for key, value in model.state_dict().items()}
    save_file({key: value.contiguous() for key, value in tensors.items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def old_keys(config: ModernBertConfig) -> dict:
    """The keys of ModernBERT's publications, where transformers 5 writes others."""
    return {"layer_types": None, "rope_parameters": None, "global_attn_every_n_layers": 3,
            "global_rope_theta": config.rope_parameters["full_attention"]["rope_theta"],
            "local_rope_theta": config.rope_parameters["sliding_attention"]["rope_theta"],
            "position_embedding_type": "absolute"}


def write_pooling(folder: pathlib.Path) -> None:
    pooling = POOLING.get(folder.name, "lasttoken")
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    models.synthetic.write_json(folder / "modules.json", [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(kinds)])
    models.synthetic.write_json(folder / "1_Pooling/config.json", {
        "word_embedding_dimension": 32, "pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_lasttoken": pooling == "lasttoken", "include_prompt": True})


def write_adapters(folder: pathlib.Path, model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    adapted = {None: model}
    for number, task in enumerate(TASKS):
        base = spread_norms(body(folder.name))
        peft = get_peft_model(base, LoraConfig(r=4, lora_alpha=4, target_modules=TARGETS, bias="none"))
        rng = np.random.Generator(np.random.PCG64([44, number]))
        with torch.no_grad():
            for key, value in peft.named_parameters():
                if "lora_" in key:
                    value.copy_(torch.from_numpy(0.25 * rng.standard_normal(value.shape)).float())
        target = folder / "adapters" / task
        peft.save_pretrained(target)
        (target / "README.md").unlink(missing_ok=True)
        settings = json.loads((target / "adapter_config.json").read_text())
        settings["base_model_name_or_path"] = ""
        settings["target_modules"] = sorted(settings["target_modules"])  # PEFT writes a set
        models.synthetic.write_json(target / "adapter_config.json", settings)
        again = PeftModel.from_pretrained(spread_norms(body(folder.name)), str(target))
        adapted[task] = again.merge_and_unload().eval()
    return adapted


def vector_of(model: torch.nn.Module, name: str, record: dict) -> None:
    ids = torch.tensor([record["ids"]])
    with torch.no_grad():
        rows = {"mean": slice(None), "cls": slice(1), "lasttoken": slice(-1, None)}[POOLING.get(name, "lasttoken")]
        narrow = model.float()(input_ids=ids).last_hidden_state[0, rows].double().numpy()
        exact = model.double()(input_ids=ids).last_hidden_state[0, rows].numpy()
    difference = float(np.abs(narrow - exact).max())
    if difference > 4 * AGREEMENT:
        raise SystemExit(f"{name}: float32 differs by {difference} on {len(record['ids'])} tokens")
    record["vector"] = finish(exact.mean(axis=0, keepdims=True), record)[0]


def texts() -> list[str]:
    words = " ".join(small_tokenizers.corpus()[:60]).split()
    return TEXTS + [" ".join(words[:count]) for count in (3, 10, 20, 30, 45, 60, 90, 120)]


def records_of(name: str, adapted: dict) -> list[dict]:
    tokenizer = Tokenizer.from_file(str(jsonl.MODELS / name / "tokenizer.json"))
    tokenizer.no_padding()  # and its own truncation, which sentence-transformers overrules
    tokenizer.enable_truncation(max_length=LIMIT)
    records = []
    for index, text in enumerate(texts()):
        uses = USES if len(adapted) > 1 else {"": (None, None)}
        for number, (use, (adapter, prompt)) in enumerate(uses.items()):
            record = {"text": text} | ({"task": use} if use else {})
            if (index + number) % 7 == 0:
                record["dimensions"] = 8
            record["ids"] = tokenizer.encode(PROMPTS.get(prompt, "") + text).ids
            if not record["ids"]:  # no prompt, and a tokenizer that adds nothing: there is no last token
                continue
            vector_of(adapted[adapter], name, record)
            records.append(record)
    return records


def main() -> None:
    torch.manual_seed(0)
    for name, prefix in (("eurobert-tiny", ""), ("qwen3-tiny", "model.")):
        model = spread_norms(body(name))
        folder = write_folder(name, model, {}, prefix)
        write_pooling(folder)
        jsonl.write_jsonl(FOLDER / f"{name}.jsonl.gz", records_of(name, {None: model}))
    model = spread_norms(body("modernbert-tiny"))
    write_pooling(write_folder("modernbert-tiny", model, old_keys(model.config), "model."))
    jsonl.write_jsonl(FOLDER / "modernbert-tiny.jsonl.gz", records_of("modernbert-tiny", {None: model}))
    for name in PUBLISHED_KEYS:
        write_encoder(name)
    for name in ("v5-nano-tiny", "v5-small-tiny"):
        model = spread_norms(body(name))
        head = {} if "small" in name else {"head_dim": None}  # nano's file does not have it
        folder = write_folder(name, model, {**head, "model_type": "jina_embeddings_v5", "architectures": ["JinaEmbeddingsV5Model"],
                                            "task_names": TASKS, "matryoshka_dimensions": [8, 16, 32]})
        models.synthetic.write_json(folder / "modules.json", [
            {"idx": 0, "name": "transformer", "path": "", "type": "custom_st.Transformer", "kwargs": ["task", "truncate_dim"]}])
        models.synthetic.write_json(folder / "config_sentence_transformers.json", {
            "prompts": PROMPTS, "default_prompt_name": "document", "similarity_fn_name": "cosine"})
        jsonl.write_jsonl(FOLDER / f"{name}.jsonl.gz", records_of(name, write_adapters(folder, model)))


if __name__ == "__main__":
    main()
