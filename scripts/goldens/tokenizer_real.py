# SPDX-License-Identifier: Apache-2.0
"""Goldens of real vocabularies, XLM-RoBERTa (Unigram), MiniLM's BERT (WordPiece) and Qwen3 (BPE), and of
BPE vocabularies that are trained here, each with the other parts of a published family."""

import json
import lzma
import pathlib

import bpe_cases
import jsonl
import texts
from component_cases import added, sequence_of, template
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

FOLDER = jsonl.DATA / "tokenizer"


def encode(tokenizer: Tokenizer, record: dict) -> dict:
    """Completes a record {"text", options...} with what the reference says. See the README there."""
    tokenizer.no_padding()
    if "max_tokens" in record:
        direction = "left" if record.get("truncate_left") else "right"
        tokenizer.enable_truncation(max_length=record["max_tokens"], direction=direction)
    elif not record.get("file_truncation"):
        tokenizer.no_truncation()
    tokenizer.encode_special_tokens = not record.get("parse_special", True)
    encoding = tokenizer.encode(record["text"],
                                add_special_tokens=record.get("add_special", True))
    record["ids"] = encoding.ids
    record["offsets"] = [list(pair) for pair in encoding.offsets]
    if encoding.overflowing:
        record["truncated"] = True
    return record


def xlm_roberta() -> None:
    source = FOLDER / "xlm-roberta"
    tokenizer = Tokenizer.from_str(jsonl.read_xz(source / "tokenizer.json.xz"))
    goldens = source / "goldens.jsonl.gz"
    records = []
    for old in jsonl.read_jsonl(goldens):  # the texts live in the golden file itself
        record = encode(tokenizer, {"text": old["text"]})
        if record["ids"] != old["ids"]:
            raise SystemExit(f"{goldens}: ids changed for {old['text']!r}")
        records.append(record)
    jsonl.write_jsonl(goldens, records)
    extra = [encode(tokenizer, record) for record in option_records(seed=3)]
    for record in extra:
        tokenizer.no_truncation()
        record["decoded"] = tokenizer.decode(record["ids"])
        record["decoded_all"] = tokenizer.decode(record["ids"], skip_special_tokens=False)
    jsonl.write_jsonl(source / "options.jsonl.gz", extra)


def option_records(seed: int) -> list[dict]:
    """Own texts under every encode option that the engine offers."""
    pool = texts.PLAIN + texts.HOSTILE + texts.SPECIAL_TEXTS
    records = [{"text": text} for text in pool + texts.random_texts(150, seed)]
    records += [{"text": text, "add_special": False} for text in pool[::3]]
    records += [{"text": text, "parse_special": False}
                for text in texts.SPECIAL_TEXTS + texts.random_texts(30, seed + 1)]
    for limit in (2, 3, 8, 17):
        for text in texts.random_texts(12, seed + limit) + ["", "hello world", "a" * 64]:
            records.append({"text": text, "max_tokens": limit})
            records.append({"text": text, "max_tokens": limit, "truncate_left": True})
    records += [{"text": text, "max_tokens": 5, "add_special": False, "truncate_left": left}
                for left in (False, True) for text in texts.random_texts(6, seed + 40)]
    return records


def wordpiece() -> None:
    source = FOLDER / "wordpiece"
    content = jsonl.read_xz(source / "tokenizer.json.xz")
    tokenizer = Tokenizer.from_str(content)
    real = [record["text"] for record in jsonl.read_jsonl(FOLDER / "xlm-roberta" / "goldens.jsonl.gz")]
    records = [encode(tokenizer, {"text": text}) for text in real[::2]]
    jsonl.write_jsonl(source / "goldens.jsonl.gz", records)
    file_limit = [{"text": text, "file_truncation": True} for text in ("a" * 90, "a b " * 100)]
    extra = []
    for record in file_limit:
        extra.append(encode(Tokenizer.from_str(content), record))
    extra += [encode(tokenizer, record) for record in option_records(seed=5)]
    for record in extra:
        record["decoded"] = tokenizer.decode(record["ids"])
        record["decoded_all"] = tokenizer.decode(record["ids"], skip_special_tokens=False)
    jsonl.write_jsonl(source / "options.jsonl.gz", extra)


def qwen3() -> None:
    source = FOLDER / "qwen3"
    write_goldens(source, Tokenizer.from_str(jsonl.read_xz(source / "tokenizer.json.xz")), every=1, seed=7)


def write_goldens(folder: pathlib.Path, tokenizer: Tokenizer, every: int, seed: int) -> None:
    real = [record["text"] for record in jsonl.read_jsonl(FOLDER / "xlm-roberta" / "goldens.jsonl.gz")]
    jsonl.write_jsonl(folder / "goldens.jsonl.gz", [encode(tokenizer, {"text": text}) for text in real[::every]])
    extra = [encode(tokenizer, record) for record in option_records(seed)]
    extra += [encode(tokenizer, {"text": text}) for text in bpe_cases.TEXTS]
    for record in extra:
        tokenizer.no_truncation()
        record["decoded"] = tokenizer.decode(record["ids"])
        record["decoded_all"] = tokenizer.decode(record["ids"], skip_special_tokens=False)
    jsonl.write_jsonl(folder / "options.jsonl.gz", extra)


def families() -> dict[str, dict]:
    """The parts beside the model. Specials come first in every vocabulary."""
    level = bpe_cases.byte_level
    roberta = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
               "add_prefix_space": False}
    metaspace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    return {
        "roberta": {"specials": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "normalizer": None,
                    "pre_tokenizer": level(), "post_processor": roberta, "decoder": level()},
        "modernbert": {"specials": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], "normalizer": {"type": "NFC"},
                       "pre_tokenizer": level(trim_offsets=True), "post_processor": template("[CLS]", 2, "[SEP]", 3),
                       "decoder": level()},
        "llama3": {"specials": ["<|begin_of_text|>", "<|end_of_text|>", "<mask>"], "normalizer": None,
                   "pre_tokenizer": sequence_of("pretokenizers", bpe_cases.split(bpe_cases.LLAMA3), level(use_regex=False)),
                   "post_processor": sequence_of("processors", level(True, trim_offsets=False), {
                       **template("<|begin_of_text|>", 0, "<|end_of_text|>", 1), "single": template(
                           "<|begin_of_text|>", 0, "<|end_of_text|>", 1)["single"][:2]}),
                   "decoder": level(True), "model": {"ignore_merges": True}},
        "gemma": {"specials": ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"], "normalizer": metaspace,
                  "pre_tokenizer": bpe_cases.split(" ", "MergedWithPrevious", kind="String"),
                  "post_processor": template("<bos>", 2, "<eos>", 1),
                  "decoder": sequence_of("decoders", {**metaspace, "pattern": {"String": "\u2581"}, "content": " "},
                                         {"type": "ByteFallback"}, {"type": "Fuse"}),
                  "model": {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}},
    }


def train(name: str, parts: dict) -> str:
    """A vocabulary of 4,000 tokens from the texts of XLM-RoBERTa's goldens."""
    specials = parts["specials"] + ([f"<0x{byte:02X}>" for byte in range(256)] if name == "gemma" else [])
    tokenizer = Tokenizer(models.BPE(unk_token=parts.get("model", {}).get("unk_token")))
    parts = {key: value for key, value in parts.items() if key not in ("specials", "model")} | {
        "model": parts.get("model", {})}
    shell = json.loads(tokenizer.to_str())
    for key in ("normalizer", "pre_tokenizer"):
        shell[key] = parts[key]
    tokenizer = Tokenizer.from_str(json.dumps(shell))
    initial = pre_tokenizers.ByteLevel.alphabet() if name != "gemma" else []
    trainer = trainers.BpeTrainer(vocab_size=4000, special_tokens=specials, initial_alphabet=initial, show_progress=False,
                                  limit_alphabet=1000)
    corpus = [record["text"] for record in jsonl.read_jsonl(FOLDER / "xlm-roberta" / "goldens.jsonl.gz")]
    tokenizer.train_from_iterator(corpus, trainer)
    file = json.loads(tokenizer.to_str())
    file["model"].update(parts["model"])
    file["post_processor"], file["decoder"] = parts["post_processor"], parts["decoder"]
    last = {"lstrip": True} if name in ("roberta", "modernbert", "llama3") else {}
    file["added_tokens"] = [added(index, content, **(last if content == names[-1] else {}))
                            for names in [specials[:5 if name != "llama3" else 3]] for index, content in enumerate(names)]
    return json.dumps(file, ensure_ascii=False)


def trained() -> None:
    for seed, (name, parts) in enumerate(families().items(), start=20):
        folder = FOLDER / f"bpe-{name}"
        path = folder / "tokenizer.json.xz"
        if not path.exists():  # its bytes are an input: another version may train another vocabulary
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(lzma.compress(train(name, parts).encode(), preset=9))
        write_goldens(folder, Tokenizer.from_str(jsonl.read_xz(path)), every=4, seed=seed)


def main() -> None:
    xlm_roberta()
    wordpiece()
    qwen3()
    trained()


if __name__ == "__main__":
    main()
