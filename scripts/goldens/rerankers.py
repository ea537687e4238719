# SPDX-License-Identifier: Apache-2.0
"""Small cross-encoders and a classifier with random weights, and the scores that transformers gives.

Truth is float64; float32, sentence-transformers and the ONNX export must agree. See tests/data/rerank/README.md.
"""

import json
import os
import pathlib

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import jsonl
import models
import numpy as np
import onnxruntime
import small_tokenizers
import texts
import torch
from pairs import special, template, text
from safetensors.torch import save_file
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

FOLDER = jsonl.DATA / "rerank"
AGREEMENT = 2e-5  # float32 against float64 on logits of up to about 5
SHAPE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, attn_implementation="eager")
LIMITS = {"bert-reranker-tiny": 96, "bert-classifier-tiny": 64, "xlmr-reranker-tiny": 128, "jina-reranker-tiny": 64}
REMOTE = ("jina-reranker-tiny", "gte-reranker-tiny", "jina-v2-reranker-tiny", "nomic-reranker-tiny")  # names that need remote code
IDENTITY = "torch.nn.modules.linear.Identity"


def bert_tokenizer() -> str:
    file = json.loads(small_tokenizers.wordpiece())
    ids = {name: [file["model"]["vocab"][name]] for name in ("[CLS]", "[SEP]")}
    step = template([special("[CLS]", 0), text("A", 0), special("[SEP]", 0), text("B", 1), special("[SEP]", 1)], ids)
    step["single"] = [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)]
    return json.dumps({**file, "post_processor": step})


def bert(labels: list[str], seed: int) -> torch.nn.Module:
    vocabulary = len(json.loads(small_tokenizers.wordpiece())["model"]["vocab"])
    config = BertConfig(vocab_size=vocabulary, max_position_embeddings=128, num_labels=len(labels),
                        id2label=dict(enumerate(labels)), label2id={name: i for i, name in enumerate(labels)}, **SHAPE)
    return spread(models.scaled(BertForSequenceClassification(config), seed), "classifier")


def xlmr(positions: int, seed: int) -> torch.nn.Module:
    config = XLMRobertaConfig(vocab_size=small_tokenizers.UNIGRAM_SIZE, max_position_embeddings=positions, type_vocab_size=1,
                              layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2, num_labels=1, **SHAPE)
    return spread(models.scaled(XLMRobertaForSequenceClassification(config), seed), "classifier.out_proj")


def spread(model: torch.nn.Module, name: str) -> torch.nn.Module:
    """Scores that differ clearly around 0, so that they do behind a sigmoid, too."""
    last = model.get_submodule(name)
    ids = torch.randint(5, 300, (64, 24), generator=torch.Generator().manual_seed(2))
    ids[:, 0] = 2 if "bert" == model.config.model_type else 0
    with torch.no_grad():
        scores = model(input_ids=ids).logits
        last.weight.mul_(round(1.5 / float(scores.std(dim=0).mean()), 1))
        last.bias.sub_((model(input_ids=ids).logits.mean(dim=0) * 10).round() / 10)
    return model


def rounded(model: torch.nn.Module) -> torch.nn.Module:
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(value.to(torch.bfloat16).to(value.dtype))
    return model


def write_folder(name: str, model: torch.nn.Module, tokenizer: str, config: dict, limits: dict) -> pathlib.Path:
    folder = models.fresh(name)
    (folder / "tokenizer.json").write_text(tokenizer + "\n")
    full = model.config.to_dict()
    full["architectures"] = [type(model).__name__]
    models.synthetic.write_json(folder / "config.json", {**full, **config})
    models.synthetic.write_json(folder / "tokenizer_config.json", limits)
    return folder


def save(folder: pathlib.Path, tensors: dict) -> None:
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "model.safetensors",
              metadata={"format": "pt"})


def jina_names(model: torch.nn.Module) -> dict:
    """As jina-reranker-v2-base-multilingual names the same weights; bf16."""
    source = model.state_dict()
    result = {}
    renamed = {"attention.output.dense": "mixer.out_proj", "attention.output.LayerNorm": "norm1",
               "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2", "output.LayerNorm": "norm2"}
    for name, value in source.items():
        name = name.replace("roberta.embeddings.LayerNorm", "roberta.emb_ln").replace("encoder.layer.", "encoder.layers.")
        layer, _, rest = name.partition("encoder.layers.")[2].partition(".")
        part, _, kind = rest.rpartition(".")
        if part in renamed:
            name = f"roberta.encoder.layers.{layer}.{renamed[part]}.{kind}"
        elif part == "attention.self.query":
            names = [f"roberta.encoder.layer.{layer}.attention.self.{role}.{kind}" for role in ("query", "key", "value")]
            name, value = f"roberta.encoder.layers.{layer}.mixer.Wqkv.{kind}", torch.cat([source[other] for other in names])
        elif part.startswith("attention.self."):
            continue
        result[name] = value.to(torch.bfloat16)
    return result


class Logits(torch.nn.Module):
    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        bias = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * torch.finfo(torch.float32).min
        return self.model(input_ids=input_ids, attention_mask=bias, token_type_ids=token_type_ids).logits


def write_export(name: str, source: str, model: torch.nn.Module) -> None:
    folder = models.fresh(name)
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / file).write_bytes((jsonl.MODELS / source / file).read_bytes())
    inputs = models.sample_inputs(300)
    inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
    exported = models.export(Logits(model), inputs, ["logits"], folder / "whole.onnx")
    width = exported.graph.output[0].type.tensor_type.shape.dim[1]
    width.Clear()
    width.dim_value = model.config.num_labels
    models.save_onnx(exported, folder)


def write_all() -> dict[str, torch.nn.Module]:
    unigram, wordpiece = small_tokenizers.unigram(), bert_tokenizer()
    made = {"bert-reranker-tiny": bert(["LABEL_0"], 31), "xlmr-reranker-tiny": xlmr(130, 32),
            "jina-reranker-tiny": rounded(xlmr(66, 33)), "bert-classifier-tiny": bert(["contradiction", "entailment", "neutral"], 34)}
    bert_limits = {"tokenizer_class": "BertTokenizer", "model_max_length": LIMITS["bert-reranker-tiny"]}
    folder = write_folder("bert-reranker-tiny", made["bert-reranker-tiny"], wordpiece,
                          {"sentence_transformers": {"activation_fn": IDENTITY, "version": "5.1.0"}}, bert_limits)
    save(folder, made["bert-reranker-tiny"].state_dict())
    # No limit but the positions: 130 less the two that the padding id takes.
    folder = write_folder("xlmr-reranker-tiny", made["xlmr-reranker-tiny"], unigram, {},
                          {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 1e30})
    save(folder, made["xlmr-reranker-tiny"].state_dict())
    folder = write_folder("jina-reranker-tiny", made["jina-reranker-tiny"], unigram,
                          {"use_flash_attn": True, "dtype": "bfloat16", "num_labels": 1},
                          {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 66})
    save(folder, jina_names(made["jina-reranker-tiny"]))
    folder = write_folder("bert-classifier-tiny", made["bert-classifier-tiny"], wordpiece, {},
                          {**bert_limits, "model_max_length": LIMITS["bert-classifier-tiny"]})
    save(folder, made["bert-classifier-tiny"].state_dict())
    write_export("bert-reranker-tiny-onnx", "bert-reranker-tiny", made["bert-reranker-tiny"])
    return made


def pairs_for(name: str) -> list[dict]:
    words = " ".join(small_tokenizers.corpus()[:60]).split()
    queries = ["", "a", "How is the weather today?", "what is the capital of Germany", " ".join(words[40:52])]
    documents = [" ".join(words[at:at + count]) for at, count in
                 ((0, 1), (3, 2), (9, 4), (20, 8), (31, 12), (50, 16), (70, 24), (5, 60), (100, 150))]
    hostile = [item for item in texts.HOSTILE if len(item) < 400][:14]
    records = [{"first": query, "second": document} for query in queries for document in ["", *documents]]
    records += [{"first": queries[2], "second": item} for item in hostile + texts.PLAIN[:6]]
    records += [{"first": item, "second": documents[4]} for item in hostile[::3]]
    long, longer = " ".join(words[200:230]), " ".join(words[300:420])
    for limit in (8, 17, 32):
        for side in ("right", "left"):
            for first, second in ((long, longer), (longer, long), (queries[2], longer), (long, "a"), ("a", long), (long, long)):
                records.append({"first": first, "second": second, "max_tokens": limit, "side": side})
            for first in (queries[1], queries[3]):
                records.append({"first": first, "second": long, "max_tokens": limit, "side": side, "rule": "only_second"})
    if "classifier" in name:
        records += [{"first": item, "second": None} for item in queries + documents + hostile[:4]]
    return records


def fill(tokenizer: Tokenizer, record: dict, limit: int) -> bool:
    """Adds ids and types; False where the reference refuses the pair, or has no tokens of it."""
    tokenizer.enable_truncation(max_length=record.get("max_tokens", limit), strategy=record.get("rule", "longest_first"),
                                direction=record.get("side", "right"))
    try:
        encoding = tokenizer.encode(record["first"], record["second"])
    except Exception as error:
        if "too short" not in str(error).lower():
            raise
        return False
    if not encoding.ids:  # of a tokenizer that adds nothing
        return False
    record["ids"], record["types"] = encoding.ids, encoding.type_ids
    tokenizer.no_truncation()
    if len(tokenizer.encode(record["first"], record["second"]).ids) > len(encoding.ids):
        record["truncated"] = True
    return True


def logits_of(model: torch.nn.Module, record: dict) -> np.ndarray:
    inputs = {"input_ids": torch.tensor([record["ids"]])}
    if getattr(model.config, "type_vocab_size", 0) > 0:
        inputs["token_type_ids"] = torch.tensor([record["types"]])
    with torch.no_grad():
        return model(**inputs).logits[0].numpy()


def numbers(values: np.ndarray) -> list[float]:
    return [float(f"{value:.9g}") for value in values]


def write_goldens(name: str, model: torch.nn.Module) -> None:
    tokenizer = Tokenizer.from_file(str(jsonl.MODELS / name / "tokenizer.json"))
    tokenizer.no_padding()
    export = jsonl.MODELS / f"{name}-onnx" / "onnx" / "model.onnx"
    session = onnxruntime.InferenceSession(str(export)) if export.exists() else None
    records = [record for record in pairs_for(name) if fill(tokenizer, record, LIMITS[name])]
    single = [logits_of(model, record) for record in records]
    exact = model.double()
    for record, rough in zip(records, single, strict=True):
        truth = logits_of(exact, record)
        others = [rough]
        if session is not None:
            ids = np.array([record["ids"]], dtype=np.int64)
            others.append(session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids),
                                                   "token_type_ids": np.array([record["types"]], dtype=np.int64)})[0][0])
        worst = max(float(np.abs(other - truth).max()) for other in others)
        if worst > AGREEMENT:
            raise SystemExit(f"{name}: float32 differs by {worst}")
        record["logits"] = numbers(truth)
        record["sigmoid"] = numbers(1 / (1 + np.exp(-truth)))
        if len(truth) > 1:
            powers = np.exp(truth - truth.max())
            record["softmax"] = numbers(powers / powers.sum())
    check_spread(name, exact, records)
    if name not in REMOTE:
        check_sentence_transformers(name, records)
    jsonl.write_jsonl(FOLDER / f"{name}.jsonl.gz", records)


def check_sentence_transformers(name: str, records: list[dict]) -> None:
    """Its whole path: text, truncation, types, the activation that the folder names."""
    model = CrossEncoder(str(jsonl.MODELS / name), device="cpu", model_kwargs={"attn_implementation": "eager"})
    model.max_seq_length = LIMITS[name]  # its own rule is two tokens too many for XLM-RoBERTa
    chosen = [record for record in records if record["second"] is not None and "max_tokens" not in record]
    scores = model.predict([(record["first"], record["second"]) for record in chosen], batch_size=1)
    key = "sigmoid" if isinstance(model.activation_fn, torch.nn.Sigmoid) else "logits"
    truth = np.array([record[key] for record in chosen])
    worst = float(np.abs(scores.reshape(truth.shape) - truth).max())
    print(f"{name}: sentence-transformers differs by {worst:.1e} at most")
    if worst > AGREEMENT:
        raise SystemExit(f"{name}: sentence-transformers differs by {worst}")


def check_spread(name: str, model: torch.nn.Module, records: list[dict]) -> None:
    """A test against these numbers must be able to fail."""
    scores = np.array([record["logits"][0] for record in records])
    print(f"{name}: logits {scores.min():.2f} ... {scores.max():.2f}, deviation {scores.std():.2f}")
    if scores.std() < 0.5:
        raise SystemExit(f"{name}: the scores hardly differ")
    typed = [record for record in records if any(record["types"])][:40]
    if typed and getattr(model.config, "type_vocab_size", 0) > 1:
        plain = [logits_of(model, {**record, "types": [0] * len(record["types"])})[0] for record in typed]
        change = np.abs(np.array(plain) - [record["logits"][0] for record in typed]).mean()
        print(f"{name}: without token types, logits change by {change:.2f} in the mean")
        if change < 0.05:
            raise SystemExit(f"{name}: the token types hardly matter")


def main() -> None:
    torch.manual_seed(0)
    for name, model in write_all().items():
        write_goldens(name, model)


if __name__ == "__main__":
    main()
