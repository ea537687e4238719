# SPDX-License-Identifier: Apache-2.0
"""Goldens of two real vocabularies: XLM-RoBERTa (Unigram) and MiniLM's BERT (WordPiece)."""

import jsonl
import texts
from tokenizers import Tokenizer

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


def main() -> None:
    xlm_roberta()
    wordpiece()


if __name__ == "__main__":
    main()
