# SPDX-License-Identifier: Apache-2.0
"""A matrix of small tokenizer.json files, one a component or option, each with goldens."""

import json

import bpe_cases
import component_cases
import jsonl
import texts
from tokenizer_real import encode
from tokenizers import Tokenizer

FOLDER = jsonl.DATA / "tokenizer" / "components"


def records_for(case: dict) -> list[dict]:
    records = [{"text": text} for text in case.get("texts", []) + component_cases.TEXTS]
    records += [{"text": text} for text in texts.random_texts(10, seed=len(case["name"]))]
    if case.get("specials"):
        for text in component_cases.SPECIAL_TEXTS:
            records.append({"text": text})
            records.append({"text": text, "parse_special": False})
        records += [{"text": text, "add_special": False} for text in component_cases.TEXTS[:6]]
    if case.get("truncation"):
        records += [{"text": record["text"], "file_truncation": True} for record in records]
        for limit in case["truncation"]:
            for left in (False, True):
                for text in component_cases.TEXTS[:10]:
                    records.append({"text": text, "max_tokens": limit, "truncate_left": left})
    return records


def golden(content: str, record: dict, decode: bool) -> dict:
    tokenizer = Tokenizer.from_str(content)  # anew: encode() changes its truncation
    record = encode(tokenizer, record)
    if decode:
        try:
            decoded = tokenizer.decode(record["ids"])
            record["decoded_all"] = tokenizer.decode(record["ids"], skip_special_tokens=False)
            record["decoded"] = decoded
        except BaseException as error:  # the reference panics on some tokens: no truth there
            if type(error).__name__ != "PanicException":
                raise
    return record


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    total = 0
    for number, case in enumerate(component_cases.all_cases() + bpe_cases.all_cases()):
        # Both spellings of non-ASCII text in JSON occur in the wild.
        content = json.dumps(case["file"], ensure_ascii=number % 2 == 0, separators=(",", ":"))
        (FOLDER / f"{case['name']}.json").write_text(content + "\n", encoding="utf-8")
        lines = [golden(content, record, case["file"]["decoder"] is not None)
                 for record in records_for(case)]
        text = "".join(jsonl.dump_line(line) for line in lines)
        jsonl.write_gz(FOLDER / f"{case['name']}.jsonl.gz", text.encode())
        total += len(lines)
    print(f"{FOLDER.relative_to(jsonl.ROOT)}: {number + 1} tokenizers, {total} lines")


if __name__ == "__main__":
    main()
