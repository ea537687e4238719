# SPDX-License-Identifier: Apache-2.0
"""Small rerankers and classifiers of jina-v2, EuroBERT, MPNet, nomic-embed-text and ELECTRA, as rerankers.py makes BERT's.

Truth is transformers' own class in float64, of jina-v2 a plain statement of it. See tests/data/rerank/README.md.
"""

import copy
import json
import types

import decoders
import jsonl
import models
import newer_rerankers
import numpy as np
import rerankers
import small_tokenizers
import torch
from decoders import spread_norms
from jina_v2_reference import PlainJinaV2
from models import scaled
from newer_rerankers import LABELS, POSITIONS, SHAPE, labels, spread
from transformers import (
    ElectraConfig, ElectraForSequenceClassification, EuroBertConfig, EuroBertForSequenceClassification, MPNetConfig,
    MPNetForSequenceClassification, NomicBertConfig, NomicBertForSequenceClassification)

LIMITS = {"jina-v2-reranker-tiny": 120, "eurobert-reranker-tiny": 110, "eurobert-classifier-tiny": 64,
          "mpnet-reranker-tiny": 94, "nomic-reranker-tiny": 120, "electra-reranker-tiny": 100}
# As jina-reranker-v1-turbo-en and -tiny-en have them: no class in "architectures", no number of labels.
JINA = {"architectures": ["JinaBertForMaskedLM"], "model_type": "bert", "hidden_act": "gelu", "feed_forward_type": "geglu",
        "auto_map": {"AutoModel": "modeling_bert.JinaBertModel",
                     "AutoModelForSequenceClassification": "modeling_bert.JinaBertForSequenceClassification"},
        "emb_pooler": "mean", "position_embedding_type": "alibi", "type_vocab_size": 2, "pad_token_id": 0,
        "layer_norm_eps": 1e-12, "attn_implementation": None, "classifier_dropout": None, "num_hidden_layers": 2}


class JinaReranker(torch.nn.Module):
    """BERT's pooler and classifier on the encoder."""

    def __init__(self, vocabulary: int, hidden: int, heads: int):
        super().__init__()
        self.bert = PlainJinaV2(vocabulary, hidden, heads, 40, 2, False)
        self.bert.pooler = torch.nn.ModuleDict({"dense": torch.nn.Linear(hidden, hidden)})
        self.classifier = torch.nn.Linear(hidden, 1)
        self.config = types.SimpleNamespace(**JINA, num_labels=1)

    def forward(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor | None = None) -> types.SimpleNamespace:
        rows = [self.bert(row[None], None if token_type_ids is None else token_type_ids[i]).last_hidden_state[0, 0]
                for i, row in enumerate(input_ids)]
        pooled = torch.tanh(self.bert.pooler["dense"](torch.stack(rows)))
        return types.SimpleNamespace(logits=self.classifier(pooled))


def jina() -> torch.nn.Module:
    """Three heads of 16 that ALiBi has no power of two for."""
    model = spread_norms(scaled(JinaReranker(len(json.loads(rerankers.bert_tokenizer())["model"]["vocab"]), 48, 3), 71))
    return rerankers.spread(model, "classifier")


def eurobert(names: list[str], pooling: str, seed: int) -> torch.nn.Module:
    shape = SHAPE | {"num_attention_heads": 4}
    config = EuroBertConfig(
        vocab_size=small_tokenizers.BPE_SIZE, num_key_value_heads=2, rope_theta=10000.0, max_position_embeddings=POSITIONS,
        pad_token_id=1, bos_token_id=0, eos_token_id=1, mask_token_id=2, classifier_pooling=pooling, **labels(names), **shape)
    return spread(spread_norms(scaled(EuroBertForSequenceClassification(config), seed)), "classifier", 3)


def mpnet() -> torch.nn.Module:
    vocabulary = len(json.loads(small_tokenizers.mpnet())["model"]["vocab"])
    config = MPNetConfig(vocab_size=vocabulary, max_position_embeddings=96, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0,
                         eos_token_id=2, **labels(["LABEL_0"]), **SHAPE)
    return rerankers.spread(spread_norms(scaled(MPNetForSequenceClassification(config), 74)), "classifier.out_proj")


def nomic() -> torch.nn.Module:
    vocabulary = len(json.loads(rerankers.bert_tokenizer())["model"]["vocab"])
    config = NomicBertConfig(vocab_size=vocabulary, max_position_embeddings=POSITIONS, pad_token_id=0, **labels(["LABEL_0"]),
                             **SHAPE)
    return spread(spread_norms(scaled(NomicBertForSequenceClassification(config), 75)), "classifier", 3)


def electra() -> torch.nn.Module:
    vocabulary = len(json.loads(rerankers.bert_tokenizer())["model"]["vocab"])
    config = ElectraConfig(vocab_size=vocabulary, max_position_embeddings=POSITIONS, embedding_size=SHAPE["hidden_size"],
                           **labels(["LABEL_0"]), **SHAPE)
    return rerankers.spread(spread_norms(scaled(ElectraForSequenceClassification(config), 76)), "classifier.out_proj")


def nomic_names(model: torch.nn.Module) -> dict:
    """As the publication's own code names the same weights."""
    source = model.state_dict()
    encoder = {name.removeprefix("nomic_bert."): value for name, value in source.items() if name.startswith("nomic_bert.")}
    own = {"bert." + name: value for name, value in decoders.published("nomic-tiny", encoder).items()}
    return own | {name: source[name] for name in source if not name.startswith("nomic_bert.")}


def write(name: str, model: torch.nn.Module, tokenizer: str, config: dict, pad: str, tensors: dict | None = None) -> None:
    folder = models.fresh(name)
    (folder / "tokenizer.json").write_text(tokenizer + "\n")
    models.synthetic.write_json(folder / "config.json", config)
    models.synthetic.write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "ElectraTokenizer" if name == "electra-reranker-tiny" else "PreTrainedTokenizerFast",
        "model_max_length": LIMITS[name], "pad_token": pad,
        **({"model_input_names": ["input_ids", "attention_mask"]} if not config.get("type_vocab_size") else {})})
    rerankers.save(folder, tensors or model.state_dict())


def full(model: torch.nn.Module) -> dict:
    return {**model.config.to_dict(), "architectures": [type(model).__name__]}


def write_all() -> dict[str, torch.nn.Module]:
    bert, llama = rerankers.bert_tokenizer(), small_tokenizers.byte_level("llama3")
    made = {"jina-v2-reranker-tiny": jina(), "eurobert-reranker-tiny": eurobert(["LABEL_0"], "late", 72),
            "eurobert-classifier-tiny": eurobert(LABELS, "mean", 73), "mpnet-reranker-tiny": mpnet(), "nomic-reranker-tiny": nomic(),
            "electra-reranker-tiny": electra()}
    model = made["jina-v2-reranker-tiny"]
    vocabulary = len(json.loads(bert)["model"]["vocab"])
    write("jina-v2-reranker-tiny", model, bert, {**JINA, "vocab_size": vocabulary, "hidden_size": 48, "num_attention_heads": 3,
                                                 "intermediate_size": 40, "max_position_embeddings": POSITIONS}, "[PAD]")
    write("eurobert-reranker-tiny", made["eurobert-reranker-tiny"], llama, full(made["eurobert-reranker-tiny"]), "<|end_of_text|>")
    write("eurobert-classifier-tiny", made["eurobert-classifier-tiny"], llama, full(made["eurobert-classifier-tiny"]),
          "<|end_of_text|>")
    write("mpnet-reranker-tiny", made["mpnet-reranker-tiny"], small_tokenizers.mpnet(), full(made["mpnet-reranker-tiny"]), "<pad>")
    keys = {**decoders.PUBLISHED_KEYS["nomic-tiny"], "architectures": ["NomicBertForSequenceClassification"], "num_labels": 1,
            "n_positions": POSITIONS, "vocab_size": vocabulary}
    write("nomic-reranker-tiny", made["nomic-reranker-tiny"], bert, keys, "[PAD]", nomic_names(made["nomic-reranker-tiny"]))
    write("electra-reranker-tiny", made["electra-reranker-tiny"], bert, full(made["electra-reranker-tiny"]), "[PAD]")
    return made


def add_first_token(name: str, model: torch.nn.Module) -> None:
    """What the same weights give with classifier_pooling "bos"."""
    path = rerankers.FOLDER / f"{name}.jsonl.gz"
    records = jsonl.read_jsonl(path)
    other = copy.deepcopy(model).double()
    other.classifier_pooling = "bos"
    for record in records:
        record["bos"] = rerankers.numbers(rerankers.logits_of(other, record))
    difference = np.abs(np.array([record["bos"][0] - record["logits"][0] for record in records])).mean()
    print(f"{name}: with the first token, logits change by {difference:.2f} in the mean")
    jsonl.write_jsonl(path, records)


def main() -> None:
    torch.manual_seed(0)
    rerankers.LIMITS.update(newer_rerankers.LIMITS | LIMITS)
    made = write_all()
    for name, model in made.items():
        rerankers.write_goldens(name, model)
    add_first_token("eurobert-reranker-tiny", made["eurobert-reranker-tiny"])


if __name__ == "__main__":
    main()
