# SPDX-License-Identifier: Apache-2.0
"""Small rerankers and classifiers of RoBERTa, DistilBERT, ModernBERT, gte and Qwen3, as rerankers.py makes BERT's.

Truth is transformers' own class in float64; float32 and sentence-transformers must agree. See tests/data/rerank/README.md.
"""

import json

import jsonl
import models
import numpy as np
import rerankers
import small_tokenizers
import torch
from decoders import published, spread_norms
from models import scaled
from pairs import special, template, text
from sentence_transformers import CrossEncoder
from transformers import (
    AutoTokenizer, DistilBertConfig, DistilBertForSequenceClassification, GteConfig, GteForSequenceClassification, ModernBertConfig,
    ModernBertForSequenceClassification, Qwen3Config, Qwen3ForCausalLM, Qwen3ForSequenceClassification, RobertaConfig,
    RobertaForSequenceClassification)

SHAPE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, attn_implementation="eager")
LABELS = ["contradiction", "entailment", "neutral"]
LIMITS = {"modernbert-reranker-tiny": 120, "modernbert-classifier-tiny": 64, "roberta-reranker-tiny": 94,
          "distilbert-reranker-tiny": 96, "gte-reranker-tiny": 120, "qwen3-classifier-tiny": 100}
POSITIONS = 128


def modernbert_tokenizer() -> str:
    file = json.loads(small_tokenizers.byte_level("modernbert"))
    ids = {"[CLS]": [2], "[SEP]": [3]}
    step = template([special("[CLS]", 0), text("A", 0), special("[SEP]", 0), text("B", 1), special("[SEP]", 1)], ids)
    step["single"] = [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)]
    return json.dumps({**file, "post_processor": step}, ensure_ascii=False)


def labels(names: list[str]) -> dict:
    return {"num_labels": len(names), "id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


def modernbert(names: list[str], pooling: str, bias: bool, seed: int) -> torch.nn.Module:
    config = ModernBertConfig(
        vocab_size=small_tokenizers.BPE_SIZE, max_position_embeddings=POSITIONS, global_attn_every_n_layers=3, local_attention=16,
        classifier_pooling=pooling, classifier_bias=bias, pad_token_id=0, bos_token_id=2, cls_token_id=2, eos_token_id=3,
        sep_token_id=3, **labels(names), **SHAPE)
    return spread_norms(scaled(ModernBertForSequenceClassification(config), seed))


def roberta() -> torch.nn.Module:
    config = RobertaConfig(vocab_size=small_tokenizers.BPE_SIZE, max_position_embeddings=96, type_vocab_size=1,
                           layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2, **labels(["LABEL_0"]), **SHAPE)
    return scaled(RobertaForSequenceClassification(config), 53)


def distilbert() -> torch.nn.Module:
    vocabulary = len(json.loads(small_tokenizers.wordpiece())["model"]["vocab"])
    config = DistilBertConfig(vocab_size=vocabulary, dim=32, hidden_dim=48, n_layers=2, n_heads=2, pad_token_id=0,
                              max_position_embeddings=POSITIONS, attn_implementation="eager", **labels(["LABEL_0"]))
    return scaled(DistilBertForSequenceClassification(config), 54)


def gte() -> torch.nn.Module:
    rope = {"rope_type": "linear", "rope_theta": 160000.0, "factor": 8.0 ** (2 / 16)}
    config = GteConfig(vocab_size=small_tokenizers.UNIGRAM_SIZE, max_position_embeddings=POSITIONS, type_vocab_size=1,
                       rope_parameters=rope, pad_token_id=1, bos_token_id=0, eos_token_id=2, **labels(["LABEL_0"]), **SHAPE)
    return spread_norms(scaled(GteForSequenceClassification(config), 55))


def qwen3() -> torch.nn.Module:
    shape = SHAPE | {"num_attention_heads": 4}
    config = Qwen3Config(vocab_size=small_tokenizers.BPE_SIZE, num_key_value_heads=2, head_dim=16, rope_theta=10000.0,
                         use_sliding_window=False, max_position_embeddings=POSITIONS, pad_token_id=0,
                         **labels(["LABEL_0"]), **shape)
    return spread_norms(scaled(Qwen3ForSequenceClassification(config), 56))


def spread(model: torch.nn.Module, name: str, deviation: float = 1.5) -> torch.nn.Module:
    """Scores that differ clearly around 0, where the layer allows it."""
    last = model.get_submodule(name)
    ids = torch.randint(5, 300, (64, 24), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        scores = model(input_ids=ids).logits
        last.weight.mul_(round(deviation / float(scores.std(dim=0).mean()), 1))
        if last.bias is not None:
            last.bias.sub_((model(input_ids=ids).logits.mean(dim=0) * 10).round() / 10)
    return model


def gte_names(model: torch.nn.Module) -> dict:
    """As gte-multilingual-reranker-base names the same weights."""
    source = model.state_dict()
    encoder = {name.removeprefix("gte."): value for name, value in source.items() if name.startswith("gte.")}
    return published("gte-tiny", encoder) | {name: source[name] for name in source if not name.startswith("gte.")}


def old_keys(model: torch.nn.Module) -> dict:
    rope = model.config.rope_parameters
    return {"layer_types": None, "rope_parameters": None, "global_attn_every_n_layers": 3,
            "global_rope_theta": rope["full_attention"]["rope_theta"], "local_rope_theta": rope["sliding_attention"]["rope_theta"],
            "position_embedding_type": "absolute"}


def write(name: str, model: torch.nn.Module, tokenizer: str, config: dict, tensors: dict | None = None) -> torch.nn.Module:
    names = {"roberta": "<pad>", "gte": "<pad>", "qwen3": "<|endoftext|>"}
    limits = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LIMITS[name], "pad_token": names.get(
        name.split("-")[0], "[PAD]"), "model_input_names": ["input_ids", "attention_mask"]}
    folder = rerankers.write_folder(name, model, tokenizer, config, limits)
    rerankers.save(folder, tensors or model.state_dict())
    return model


def write_all() -> dict[str, torch.nn.Module]:
    unigram, byte_level = small_tokenizers.unigram(), small_tokenizers.byte_level
    made = {
        "modernbert-reranker-tiny": spread(modernbert(["LABEL_0"], "mean", False, 51), "classifier"),
        "modernbert-classifier-tiny": spread(modernbert(LABELS, "cls", True, 57), "classifier"),
        "roberta-reranker-tiny": spread(roberta(), "classifier.out_proj", 4),
        "distilbert-reranker-tiny": spread(distilbert(), "classifier"),
        "gte-reranker-tiny": spread(gte(), "classifier"), "qwen3-classifier-tiny": spread(qwen3(), "score")}
    write("modernbert-reranker-tiny", made["modernbert-reranker-tiny"], modernbert_tokenizer(),
          old_keys(made["modernbert-reranker-tiny"]))
    write("modernbert-classifier-tiny", made["modernbert-classifier-tiny"], modernbert_tokenizer(), {})
    write("roberta-reranker-tiny", made["roberta-reranker-tiny"], byte_level("roberta"), {})
    write("distilbert-reranker-tiny", made["distilbert-reranker-tiny"], rerankers.bert_tokenizer(), {})
    write("gte-reranker-tiny", made["gte-reranker-tiny"], unigram,
          {"model_type": "new", "architectures": ["NewForSequenceClassification"], "rope_theta": 20000.0, "rope_parameters": None,
           "rope_scaling": {"type": "ntk", "factor": 8.0}, "pack_qkv": True, "logn_attention_scale": False},
          gte_names(made["gte-reranker-tiny"]))
    write("qwen3-classifier-tiny", made["qwen3-classifier-tiny"], byte_level("qwen3"), {})
    return made


CHAT = "qwen3-reranker-tiny"
UNTIED = "qwen3-reranker-untied-tiny"  # whose logits have a table of their own
CHAT_LIMIT = 420
# Of Qwen3-Reranker's tokenizer_config.json.
CHAT_TEMPLATE = """{%- set instruction = messages | selectattr("role", "eq", "system") | map(attribute="content") | first | \
default("Given a web search query, retrieve relevant passages that answer the query") -%}
{%- set query_text = messages | selectattr("role", "eq", "query") | map(attribute="content") | first -%}
{%- set document_text = messages | selectattr("role", "eq", "document") | map(attribute="content") | first -%}
<|im_start|>system
Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only \
be "yes" or "no".<|im_end|>
<|im_start|>user
<Instruct>: {{ instruction }}
<Query>: {{ query_text }}
<Document>: {{ document_text }}<|im_end|>
<|im_start|>assistant
<think>

</think>


"""
# Of its model card.
PREFIX = """<|im_start|>system
Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only \
be "yes" or "no".<|im_end|>
<|im_start|>user
"""
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"


def chat_tokenizer() -> str:
    """Qwen3's kinds of tokens, with the two answers and the marks of thinking."""
    file = json.loads(small_tokenizers.byte_level("qwen3"))
    vocabulary, merges = file["model"]["vocab"], file["model"]["merges"]
    for first, second in (("y", "e"), ("ye", "s"), ("n", "o")):
        if first + second not in vocabulary:
            vocabulary[first + second] = len(vocabulary)
            merges.append([first, second])
    for name in ("<think>", "</think>"):
        file["added_tokens"].append({"id": len(vocabulary) + name.count("/"), "content": name, "single_word": False,
                                     "lstrip": False, "rstrip": False, "normalized": False, "special": False})
    return json.dumps(file, ensure_ascii=False)


def write_chat(name: str) -> torch.nn.Module:
    tokenizer = chat_tokenizer()
    shape = SHAPE | {"num_attention_heads": 4}
    config = Qwen3Config(vocab_size=440, num_key_value_heads=2, head_dim=16, rope_theta=10000.0, use_sliding_window=False,
                         max_position_embeddings=512, tie_word_embeddings=name == CHAT, **shape)
    model = spread_norms(scaled(Qwen3ForCausalLM(config), 61))
    with torch.no_grad():  # logits as far apart as a trained model's
        model.model.norm.weight.mul_(12)
    limits = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CHAT_LIMIT, "pad_token": "<|endoftext|>",
              "padding_side": "left", "chat_template": CHAT_TEMPLATE}
    folder = rerankers.write_folder(name, model, tokenizer, {}, limits)
    rerankers.save(folder, {key: value for key, value in model.state_dict().items() if name == UNTIED or key != "lm_head.weight"})
    vocabulary = json.loads(tokenizer)["model"]["vocab"]
    write_json = models.synthetic.write_json
    logits = {"method": "forward", "method_output_name": "logits"}
    write_json(folder / "sentence_bert_config.json", {
        "transformer_task": "text-generation", "modality_config": {"text": logits, "message": logits | {"format": "flat"}},
        "module_output_name": "causal_logits"})
    write_json(folder / "1_LogitScore/config.json", {
        "true_token_id": vocabulary["yes"], "false_token_id": vocabulary["no"], "module_input_name": "causal_logits"})
    write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
        {"idx": 1, "name": "1", "path": "1_LogitScore",
         "type": "sentence_transformers.cross_encoder.modules.logit_score.LogitScore"}])
    write_json(folder / "config_sentence_transformers.json", {"model_type": "CrossEncoder", "prompts": {}})
    return model


def chat_ids(tokenizer: object, record: dict) -> list[int]:
    """As the model card's code, which cuts what stands between prefix and suffix."""
    prefix, suffix = (tokenizer.encode(part, add_special_tokens=False) for part in (PREFIX, SUFFIX))
    middle = (f"<Instruct>: {record.get('instruction', INSTRUCTION)}\n<Query>: {record['first']}\n"
              f"<Document>: {record['second']}")
    room = record.get("max_tokens", CHAT_LIMIT) - len(prefix) - len(suffix)
    ids = tokenizer(middle, truncation="longest_first", max_length=room, add_special_tokens=False)["input_ids"]
    if len(tokenizer(middle, add_special_tokens=False)["input_ids"]) > len(ids):
        record["truncated"] = True
    return prefix + ids + suffix


def chat_records() -> list[dict]:
    records = [{"first": record["first"], "second": record["second"]} for record in rerankers.pairs_for("reranker")
               if "max_tokens" not in record]
    records += [{**record, "instruction": "Judge by the weather"} for record in records[::7]]
    words = " ".join(small_tokenizers.corpus()[:60]).split()
    document, query = " ".join(words[100:200]), " ".join(words[300:420])
    return records + [{"first": first, "second": second, "max_tokens": limit} for limit in (210, 260)
                      for first, second in (("weather", document), (words[7], "a"), (query, document), (query, "a"))]


def write_chat_goldens(name: str) -> None:
    rough = write_chat(name)
    folder = jsonl.MODELS / name
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokens = json.loads((folder / "1_LogitScore/config.json").read_text())
    records = chat_records()[::1 if name == CHAT else 3]
    encoder = CrossEncoder(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"})
    exact = write_chat(name).double()
    worst = 0.0
    for record in records:
        record["ids"] = chat_ids(tokenizer, record)
        record["types"] = [0] * len(record["ids"])
        encoder.max_seq_length = record.get("max_tokens", CHAT_LIMIT)
        features = encoder.preprocess([(record["first"], record["second"])], prompt=record.get("instruction"))
        if features["input_ids"][0].tolist() != record["ids"]:
            raise SystemExit(f"{name}: sentence-transformers has other tokens for {record}")
        score = []
        for one in (exact, rough):
            with torch.no_grad():
                last = one(input_ids=torch.tensor([record["ids"]])).logits[0, -1].double().numpy()
            score.append(last[tokens["true_token_id"]] - last[tokens["false_token_id"]])
        theirs = encoder.predict([(record["first"], record["second"])], prompt=record.get("instruction"))[0]
        record["logits"] = rerankers.numbers(np.array(score[:1]))
        record["sigmoid"] = rerankers.numbers(1 / (1 + np.exp(-np.array(score[:1]))))
        worst = max(worst, abs(score[0] - score[1]) / max(1, abs(score[0])), abs(float(theirs) - record["sigmoid"][0]))
    print(f"{name}: float32 and sentence-transformers differ by {worst:.1e} at most")
    if worst > rerankers.AGREEMENT:
        raise SystemExit(f"{name}: differs by {worst}")
    rerankers.check_spread(name, exact, records)
    jsonl.write_jsonl(rerankers.FOLDER / f"{name}.jsonl.gz", records)


def main() -> None:
    torch.manual_seed(0)
    rerankers.LIMITS.update(LIMITS)
    for name, model in write_all().items():
        rerankers.write_goldens(name, model)
    for name in (CHAT, UNTIED):
        write_chat_goldens(name)


if __name__ == "__main__":
    main()
