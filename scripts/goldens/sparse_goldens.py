# SPDX-License-Identifier: Apache-2.0
"""Small models with sparse and multi-vector heads, and what transformers and torch compute of them.

bge-m3-tiny: XLM-RoBERTa with sparse_linear.pt and colbert_linear.pt in fp16, as torch.save writes
them. splade-tiny: BertForMaskedLM as sentence-transformers lays it out, decoder tied and left out.
splade-roberta-tiny: XLMRobertaForMaskedLM, sum and log1p twice, with a decoder of its own. See
tests/data/sparse/README.md for the schema.
"""

import json
import pathlib
import shutil

import jsonl
import models
import numpy as np
import small_tokenizers
import torch
from embed_goldens import TEXTS, numbers, tokenizer_of
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM, XLMRobertaConfig, XLMRobertaForMaskedLM

FOLDER = jsonl.DATA / "sparse"
SHAPE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
             attn_implementation="eager")
XLMR = dict(vocab_size=small_tokenizers.UNIGRAM_SIZE, max_position_embeddings=130, type_vocab_size=1,
            layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
VECTOR_WIDTH = 24


def texts_of() -> list[str]:
    words = " ".join(small_tokenizers.corpus()[:40]).split()
    return TEXTS + [" ".join(words[:count]) for count in (3, 10, 20, 30, 45)]


def write_splade_files(folder: pathlib.Path, new_names: bool, pooling: dict) -> None:
    """Both layouts: sentence-transformers 5's MLMTransformer, and 6's Transformer with a task."""
    stem = "sentence_transformers." + ("base.modules.transformer." if new_names else "sparse_encoder.models.")
    kind = "Transformer" if new_names else "MLMTransformer"
    splade = "sparse_encoder.modules.splade_pooling." if new_names else "sparse_encoder.models."
    models.synthetic.write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": stem + kind},
        {"idx": 1, "name": "1", "path": "1_SpladePooling",
         "type": "sentence_transformers." + splade + "SpladePooling"}])
    models.synthetic.write_json(folder / "1_SpladePooling" / "config.json", pooling)
    config = {"max_seq_length": 96, "do_lower_case": False}
    if new_names:
        config = {"transformer_task": "fill-mask", "max_seq_length": 96, "do_lower_case": False,
                  "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
                  "module_output_name": "token_embeddings"}
    models.synthetic.write_json(folder / "sentence_bert_config.json", config)
    models.synthetic.write_json(folder / "config_sentence_transformers.json", {
        "model_type": "SparseEncoder", "__version__": {"sentence_transformers": "6.2.0" if new_names else "5.0.0"},
        "prompts": {"query": "", "document": ""}, "default_prompt_name": None, "similarity_fn_name": "dot"})


def splade_bert() -> torch.nn.Module:
    vocabulary = len(json.loads(small_tokenizers.wordpiece())["model"]["vocab"])
    model = BertForMaskedLM(BertConfig(vocab_size=vocabulary, max_position_embeddings=128, **SHAPE))
    return with_logits(models.scaled(model, 41), model.cls.predictions.bias, 0.0)


def splade_roberta() -> torch.nn.Module:
    model = XLMRobertaForMaskedLM(XLMRobertaConfig(tie_word_embeddings=False, **XLMR, **SHAPE))
    return with_logits(models.scaled(model, 42), model.lm_head.bias, -1.0)


def with_logits(model: torch.nn.Module, bias: torch.nn.Parameter, mean: float) -> torch.nn.Module:
    """A bias of its own for each word, about `mean`: some weights are 0 and some are not."""
    rng = np.random.Generator(np.random.PCG64(43))
    with torch.no_grad():
        bias.copy_(torch.from_numpy(rng.standard_normal(bias.shape[0], dtype=np.float32) * 0.3 + np.float32(mean)))
    return model.eval()


def pooled(logits: torch.Tensor, pooling: dict) -> np.ndarray:
    values = torch.log1p(torch.relu(logits))
    if pooling["activation_function"] == "log1p_relu":
        values = torch.log1p(values)
    rows = values.max(dim=0).values if pooling["pooling_strategy"] == "max" else values.sum(dim=0)
    return rows.numpy()


def sparse_fields(weights: dict[int, float]) -> dict:
    order = sorted(index for index, weight in weights.items() if weight > 0)
    return {"indices": order, "weights": numbers(weights[index] for index in order)}


def write_splade(name: str, model: torch.nn.Module, tokenizer: str, pooling: dict, new_names: bool) -> None:
    folder = models.fresh(name)
    (folder / "tokenizer.json").write_text(tokenizer + "\n")
    config = model.config.to_dict()
    config["architectures"] = [type(model).__name__]
    models.synthetic.write_json(folder / "config.json", config)
    write_splade_files(folder, new_names, pooling)
    tensors = {key: value.contiguous().clone() for key, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        tensors.pop("cls.predictions.decoder.weight")
        tensors.pop("cls.predictions.decoder.bias")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    reference = type(model)(model.config).double().eval()
    reference.load_state_dict({key: value.double() if value.is_floating_point() else value
                               for key, value in model.state_dict().items()})
    tokenizer_ = tokenizer_of(name)
    tokenizer_.enable_truncation(max_length=96)
    records = []
    for text in texts_of():
        ids = tokenizer_.encode(text).ids
        with torch.no_grad():
            logits = reference(torch.tensor([ids])).logits[0]
        row = pooled(logits, pooling)
        records.append({"text": text, "ids": ids} | sparse_fields({i: float(v) for i, v in enumerate(row)}))
    jsonl.write_jsonl(FOLDER / f"{name}.jsonl.gz", records)
    check_with_sentence_transformers(folder, records)


def check_with_sentence_transformers(folder: pathlib.Path, records: list[dict]) -> None:
    """The library that the layout is from reads the folder and computes the same."""
    from sentence_transformers import SparseEncoder
    with_names = folder / "tokenizer_config.json"
    roberta = "roberta" in folder.name
    names = {"cls_token": "<s>" if roberta else "[CLS]", "sep_token": "</s>" if roberta else "[SEP]",
             "pad_token": "<pad>" if roberta else "[PAD]", "unk_token": "<unk>" if roberta else "[UNK]"}
    models.synthetic.write_json(with_names, {"tokenizer_class": "PreTrainedTokenizerFast", **names})
    model = SparseEncoder(str(folder), device="cpu")
    worst = 0.0
    for record in records:
        row = model.encode([record["text"]], convert_to_sparse_tensor=False)[0].double().numpy()
        expected = np.zeros_like(row)
        expected[record["indices"]] = record["weights"]
        worst = max(worst, float(np.abs(row - expected).max()))
    print(json.dumps({"model": folder.name, "difference to sentence-transformers": worst}))
    if worst > 2e-5:
        raise SystemExit(f"{folder.name}: differs from sentence-transformers by {worst}")


def write_bge() -> None:
    """The heads as FlagEmbedding applies them: relu and the largest weight of an id; rows from 1 on."""
    name = "bge-m3-tiny"
    folder = models.fresh(name)
    (folder / "tokenizer.json").write_text(small_tokenizers.unigram() + "\n")
    model = models.scaled(models.XLMRobertaModel(XLMRobertaConfig(**XLMR, **SHAPE)), 44)
    models.synthetic.write_json(folder / "config.json", model.config.to_dict())
    models.write_sentence_files(folder, 32, "cls", True, 128)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    generator = torch.Generator().manual_seed(45)
    heads = {}
    for stem, rows in (("sparse_linear", 1), ("colbert_linear", VECTOR_WIDTH)):
        linear = torch.nn.Linear(32, rows)
        with torch.no_grad():
            linear.weight.copy_(torch.randn(rows, 32, generator=generator) * 0.3)
            linear.bias.copy_(torch.randn(rows, generator=generator) * 0.1)
        linear = linear.half()
        torch.save(linear.state_dict(), folder / f"{stem}.pt")
        heads[stem] = torch.nn.Linear(32, rows)
        heads[stem].load_state_dict({key: value.float() for key, value in linear.state_dict().items()})
        heads[stem] = heads[stem].double()
    model = model.double()
    tokenizer = tokenizer_of(name)
    tokenizer.enable_truncation(max_length=128)
    unused = {0, 1, 2, tokenizer.token_to_id("<unk>")}
    records = []
    for text in texts_of():
        ids = tokenizer.encode(text).ids
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state[0]
            weights = torch.relu(heads["sparse_linear"](hidden))[:, 0].tolist()
            vectors = torch.nn.functional.normalize(heads["colbert_linear"](hidden[1:]), dim=-1)
        best: dict[int, float] = {}
        for token, weight in zip(ids, weights):
            if token not in unused:
                best[token] = max(best.get(token, 0.0), weight)
        dense = (hidden[0] / hidden[0].norm()).tolist()
        records.append({"text": text, "ids": ids, "vector": numbers(dense)} | sparse_fields(best) |
                       {"vectors": [numbers(row.tolist()) for row in vectors]})
    jsonl.write_jsonl(FOLDER / f"{name}.jsonl.gz", records)


def main() -> None:
    torch.manual_seed(0)
    write_bge()
    write_splade("splade-tiny", splade_bert(), small_tokenizers.wordpiece(),
                 {"pooling_strategy": "max", "activation_function": "relu", "word_embedding_dimension": None}, False)
    write_splade("splade-roberta-tiny", splade_roberta(), small_tokenizers.unigram(),
                 {"pooling_strategy": "sum", "activation_function": "log1p_relu", "embedding_dimension": 512}, True)


if __name__ == "__main__":
    main()
