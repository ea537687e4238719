# SPDX-License-Identifier: Apache-2.0
"""Pairs of texts: what Hugging Face tokenizers joins them to, and how many tokens of each it keeps."""

import json

import component_cases
import jsonl
from component_cases import metaspace, sequence_of, unigram, wordpiece
from tokenizers import Tokenizer

FOLDER = jsonl.DATA / "tokenizer" / "pairs"
TEXTS = [
    "", " ", "Hello, world!", "  hello   world  ", "the cat's hat", "h\u00e9llo W\u00d6RLD", "e\u0301 a\u030a\u0323", "a\tb\nc",
    "\u4f60\u597d\u4e16\u754cab", "\U0001f44d\U0001f3fd\u200d\U0001f680x", "a\u0000b\ufffdc\u200bd", "<s> a </s><mask>", "[CLS] a [SEP]", "\u2581a \u2581",
]


def special(name: str, kind: int) -> dict:
    return {"SpecialToken": {"id": name, "type_id": kind}}


def text(name: str, kind: int) -> dict:
    return {"Sequence": {"id": name, "type_id": kind}}


def template(pair: list, ids: dict) -> dict:
    return {"type": "TemplateProcessing", "single": [text("A", 0)], "pair": pair,
            "special_tokens": {name: {"id": name, "ids": value, "tokens": [name] * len(value)} for name, value in ids.items()}}


def cases() -> dict:
    xlmr = template([special("<s>", 0), text("A", 0), special("</s>", 0), special("</s>", 0), text("B", 0), special("</s>", 0)],
                    {"<s>": [0], "</s>": [2]})
    bert = template([special("[CLS]", 0), text("A", 0), special("[SEP]", 0), text("B", 1), special("[SEP]", 1)],
                    {"[CLS]": [2], "[SEP]": [3]})
    odd = template([text("B", 3), special("two", 200), text("A", 1), special("two", 0)], {"two": [0, 3]})
    bert_step = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    roberta = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": True}
    spaced = {"pre_tokenizer": None, "decoder": None}
    result = {
        "template_xlmr": unigram(post_processor=xlmr), "template_bert": wordpiece(post_processor=bert),
        "template_odd": unigram(post_processor=odd), "bert": wordpiece(post_processor=bert_step),
        "roberta": unigram(post_processor=roberta),
        "roberta_no_trim": unigram(post_processor={**roberta, "trim_offsets": False}, **spaced),
        "metaspace_first": unigram(post_processor=xlmr, pre_tokenizer=metaspace("first")),
        "sequence_bert_roberta": unigram(post_processor=sequence_of("processors", {**bert_step, "sep": ["</s>", 2]},
                                                                    {**roberta, "trim_offsets": False})),
        "sequence_template_bert": wordpiece(post_processor=sequence_of("processors", bert, bert_step)),
        "sequence_template_roberta": wordpiece(post_processor=sequence_of("processors", bert, {**roberta, "trim_offsets": False})),
        "sequence_bert_template": wordpiece(post_processor=sequence_of("processors", bert_step, bert)),
    }
    for prefix in (True, False):
        result[f"roberta_spaces_{int(prefix)}"] = unigram(post_processor={**roberta, "add_prefix_space": prefix}, **spaced)
    return result


def join(tokenizer: Tokenizer, first: str, second: str) -> dict:
    encoding = tokenizer.encode(first, second)
    return {"first": first, "second": second, "ids": encoding.ids, "types": encoding.type_ids,
            "special": encoding.special_tokens_mask, "offsets": [list(pair) for pair in encoding.offsets]}


def write_joined() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, file in cases().items():
        content = json.dumps(file, separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(content + "\n", encoding="utf-8")
        tokenizer = Tokenizer.from_str(content)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        lines = [join(tokenizer, first, second) for at, first in enumerate(TEXTS)
                 for second in (TEXTS[at], TEXTS[-1 - at], TEXTS[(at + 5) % len(TEXTS)], "")]
        for line in lines if name.startswith("sequence") else []:
            del line["special"]  # a later step forgets there what an earlier one has added
        jsonl.write_gz(FOLDER / f"{name}.jsonl.gz", "".join(map(jsonl.dump_line, lines)).encode())
        total += len(lines)
    print(f"{FOLDER.relative_to(jsonl.ROOT)}: {len(cases())} tokenizers, {total} lines")


def kept(tokenizer: Tokenizer, sizes: tuple, limit: int, rule: str) -> list | None:
    """Tokens of each text that stay; None where the reference refuses."""
    first, second = ("hello " * sizes[0]).strip(), ("world " * sizes[1]).strip()
    tokenizer.enable_truncation(max_length=limit, strategy=rule)
    try:
        encoding = tokenizer.encode(first, second)
    except Exception as error:
        if "too short" not in str(error).lower():
            raise
        return None
    owners = encoding.sequence_ids
    return [owners.count(0), owners.count(1)]


def write_cuts() -> None:
    """Of BERT's template, which adds 3 tokens."""
    tokenizer = Tokenizer.from_file(str(FOLDER / "template_bert.json"))
    tokenizer.no_padding()
    sizes = [(first, second) for first in range(13) for second in range(13)]
    sizes += [(first, second) for first in (20, 30, 31, 100) for second in (0, 1, 9, 20, 30, 31, 100)]
    records = []
    for rule in ("longest_first", "only_second"):
        for limit in (3, 4, 5, 6, 8, 11, 12, 13, 20, 40):
            for first, second in sizes:
                records.append({"first": first, "second": second, "max_tokens": limit, "added": 3, "rule": rule,
                                "kept": kept(tokenizer, (first, second), limit, rule)})
    jsonl.write_jsonl(jsonl.DATA / "tokenizer" / "pair_cuts.jsonl.gz", records)


def main() -> None:
    for old in FOLDER.glob("*"):
        old.unlink()
    write_joined()
    write_cuts()


if __name__ == "__main__":
    main()
