# SPDX-License-Identifier: Apache-2.0
"""Vectors of the small models. Two references must agree before a number is written.

Truth is PlainV3 (a plain statement of the original) in float64 with float32 RoPE angles; checked
against transformers' native JinaEmbeddingsV3Model with its PEFT adapters in float32, and against
the exported ONNX files. See tests/data/embed/README.md for the schema.
"""

import json
import os
import pathlib
import random
import tempfile

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import jsonl
import models
import numpy as np
import onnxruntime
import torch
from peft import PeftModel
from tokenizers import Tokenizer
from transformers import JinaEmbeddingsV3Model
from v3_reference import PlainV3

FOLDER = jsonl.DATA / "embed"
AGREEMENT = 4e-6  # float32 against float64 on values of about 1
TASKS = models.synthetic.TASKS
PROMPTS = models.synthetic.PROMPTS
OVERLAP = 256

TEXTS = [
    "", "a", "Hello, world!", "How is the weather today?", "What is the current weather like today?",
    "The quick brown fox jumps over the lazy dog, twice.", "Berlin ist die Hauptstadt von Deutschland.",
    "La tour Eiffel se trouve \u00e0 Paris, sur le Champ-de-Mars.", "\u017dlu\u0165ou\u010dk\u00fd k\u016f\u0148 \u00fap\u011bl \u010f\u00e1belsk\u00e9 \u00f3dy",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\uff21\uff22\uff23 \uff11\uff12\uff13 full width\u00a0and\u3000wide",
    "<s> typed </s> specials <mask>", "  spaces   around\tand\nlines  ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "A longer paragraph: embeddings turn text into numbers, so that near meanings lie near each other. "
    "Long documents are cut into chunks, and each chunk should still know what the others said.",
]
LENGTHS = [2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 96, 100, 127, 128, 129, 200, 255, 256, 257,
           333, 384, 511, 512]


def numbers(values) -> list:
    """9 significant digits: enough to give a float32 back exactly."""
    return [float(f"{value:.9g}") for value in values]


def tokenizer_of(name: str) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(jsonl.MODELS / name / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def text_of(tokenizer: Tokenizer, tokens: int, seed: int) -> str:
    """A text of exactly so many tokens, specials included. Words tokenise apart, so counts add up."""
    rng = random.Random(seed)
    words = [word for text in models.small_tokenizers.corpus()[:200] for word in text.split() if "<" not in word]
    words = sorted(set(words))
    counts = {word: len(tokenizer.encode(word, add_special_tokens=False).ids) for word in words}
    singles = [word for word in words if counts[word] == 1]
    chosen, left = [], tokens - 2
    while left > 0:
        word = rng.choice(words if left > 12 else singles)
        if counts[word] <= left:
            chosen.append(word)
            left -= counts[word]
    return " ".join(chosen)


class V3:
    """One checkpoint with everything that has to agree on it."""

    def __init__(self, name: str, native: pathlib.Path, exported: str):
        self.name = name
        self.tokenizer = tokenizer_of(name)
        self.plain = PlainV3(jsonl.MODELS / name).eval()
        self.exact = PlainV3(jsonl.MODELS / name).double().eval()
        self.exact.inv_freq = self.plain.inv_freq  # angles stay in float32
        self._check_frequencies()
        self.native = self._load_native(native)
        self.session = onnxruntime.InferenceSession(
            str(jsonl.MODELS / exported / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
        self.worst = {"plain float32": 0.0, "transformers": 0.0, "ONNX": 0.0}

    def _check_frequencies(self) -> None:
        """The README states a formula without PyTorch; it must give the same bits."""
        size = self.plain.head_size
        powers = np.power(self.plain.config["rotary_emb_base"], np.arange(0, size, 2) / size)
        if not np.array_equal(np.float32(1) / powers.astype(np.float32), self.plain.inv_freq.numpy()):
            raise SystemExit(f"{self.name}: inv_freq is not what tests/data/embed/README.md says")

    @staticmethod
    def _load_native(folder: pathlib.Path) -> dict:
        def base():
            model, report = JinaEmbeddingsV3Model.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
            if any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")):
                raise SystemExit(f"{folder}: {report}")
            return model
        result = {"none": base().eval()}
        for task in TASKS:
            part = folder / task.replace(".", "_").replace("-", "_")
            adapted = PeftModel.from_pretrained(base(), str(part))
            result[task] = adapted.merge_and_unload().eval()
        return result

    def hidden(self, ids: list[int], task: str) -> np.ndarray:
        truth = self.exact.hidden(ids, task).numpy()
        self._compare("plain float32", self.plain.hidden(ids, task).numpy(), truth)
        mask = torch.ones(1, len(ids), dtype=torch.int64)
        with torch.no_grad():
            other = self.native[task](input_ids=torch.tensor([ids]), attention_mask=mask)
        self._compare("transformers", other.last_hidden_state[0].numpy(), truth)
        if task != "none" and len(ids) <= 600:
            rank = len(self.session.get_inputs()[2].shape)
            number = np.array(TASKS.index(task) if rank == 0 else [TASKS.index(task)], dtype=np.int64)
            other = self.session.run(["text_embeds"], {
                "input_ids": np.array([ids], dtype=np.int64), "attention_mask": mask.numpy(), "task_id": number})[0][0]
            self._compare("ONNX", other, truth)
        return truth

    def _compare(self, name: str, other: np.ndarray, truth: np.ndarray) -> None:
        difference = float(np.abs(other - truth).max())
        self.worst[name] = max(self.worst[name], difference)
        # Long texts: softmax over thousands of tokens and float32 angles of some thousand radians.
        limit = AGREEMENT * (1 if len(truth) <= 600 else 4)
        if difference > limit:
            raise SystemExit(f"{self.name}: {name} differs by {difference} on {len(truth)} tokens")

    def encode(self, text: str):
        return self.tokenizer.encode(text)


def finish(rows: np.ndarray, record: dict) -> list[list[float]]:
    """Cut, then normalise."""
    if record.get("dimensions"):
        rows = rows[:, : record["dimensions"]]
    if record.get("normalize", True):
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return [numbers(row) for row in rows]


def prompt_of(record: dict) -> str:
    return PROMPTS.get(record["task"], "") if record.get("add_prompt", True) else ""


def cut(ids: list[int], prompt: int, record: dict) -> list[int]:
    """Truncation: right keeps the last special token, left keeps `<s>` and the prompt's tokens."""
    limit = record.get("max_tokens", len(ids))
    if len(ids) <= limit:
        return ids
    excess = len(ids) - limit
    if record["truncation"] == "right":
        return ids[: -1 - excess] + ids[-1:]
    head = 1 + prompt
    return ids[:head] + ids[head + excess:]


def plain_record(model: V3, record: dict) -> dict:
    """Completes {"text" | "ids", "task", options...} with ids and vector."""
    if "text" in record:
        prompt = prompt_of(record)
        encoding = model.encode(prompt + record["text"])
        own = sum(1 for (_, end), special in zip(encoding.offsets, encoding.special_tokens_mask)
                  if not special and end <= len(prompt))
        record["ids"] = cut(encoding.ids, own, record)
    pooled = model.hidden(record["ids"], record["task"]).mean(axis=0, keepdims=True)
    record["vector"] = finish(pooled, record)[0]
    return record


def token_record(model: V3, record: dict) -> dict:
    """Token embeddings: the hidden states and each token's bytes in the text."""
    prompt = prompt_of(record)
    encoding = model.encode(prompt + record["text"])
    record["ids"] = encoding.ids
    record["byte_offsets"] = []
    for (begin, end), special in zip(encoding.offsets, encoding.special_tokens_mask):
        inside = not special and end > len(prompt)
        pair = (max(begin, len(prompt)) - len(prompt), end - len(prompt)) if inside else (0, 0)
        record["byte_offsets"].append([len(record["text"][:at].encode()) for at in pair])
    record["hidden"] = [numbers(row) for row in model.hidden(record["ids"], record["task"])]
    return record


def chunk_record(model: V3, record: dict) -> dict:
    """Late chunking by true character offsets: a token belongs to the first chunk that ends at or
    behind its end; `<s>` and the prompt to the first chunk, `</s>` to the last."""
    joined = prompt_of(record)
    prompt, ends = len(joined), []
    for index, chunk in enumerate(record["chunks"]):
        joined += (" " if index else "") + chunk
        ends.append(len(joined))
    encoding = model.encode(joined)
    content = list(zip(encoding.ids, encoding.offsets))[1:-1]
    instruction = [pair for pair in content if pair[1][1] <= prompt]
    content = content[len(instruction):]
    owner = [next((i for i, end in enumerate(ends) if offsets[1] <= end), len(ends) - 1) for _, offsets in content]
    if set(owner) != set(range(len(ends))) and len(ends) > 1 or not content:
        record["error"] = next(i for i in range(len(ends)) if i not in owner)
        return record
    record["ids"] = encoding.ids
    head = [0] + [token for token, _ in instruction]
    sums, counts = np.zeros((len(ends), model.exact.config["hidden_size"])), [0] * len(ends)
    for begin, owned, end in windows(len(content), record.get("max_tokens", len(encoding.ids)) - len(head) - 1):
        hidden = model.hidden(head + [token for token, _ in content[begin:end]] + [2], record["task"])
        rows = [(len(head) + i - begin, owner[i]) for i in range(owned, end)]
        if begin == 0:
            rows = [(i, 0) for i in range(len(head))] + rows
        if end == len(content):
            rows.append((len(hidden) - 1, len(ends) - 1))
        for row, chunk in rows:
            sums[chunk] += hidden[row]
            counts[chunk] += 1
    record["tokens"] = counts
    record["vectors"] = finish(sums / np.array(counts)[:, None], record)
    return record


def windows(content: int, capacity: int) -> list[tuple[int, int, int]]:
    """(begin, first owned, end) of overlapping windows over the content tokens."""
    result = [(0, 0, min(content, capacity))]
    while result[-1][2] < content:
        owned = result[-1][2]
        begin = owned - OVERLAP
        result.append((begin, owned, min(content, begin + capacity)))
    return result


def tiny_records() -> list[dict]:
    tokenizer = tokenizer_of("v3-tiny")
    records = [{"text": text, "task": task} for text in TEXTS for task in TASKS + ["none"]]
    records += [{"text": text, "task": task, "add_prompt": False} for text in TEXTS[1:6] for task in TASKS[:2]]
    records.append({"ids": [0], "task": "text-matching"})
    records.append({"ids": [7], "task": "none"})
    for index, length in enumerate(LENGTHS):
        text = text_of(tokenizer, length, length)
        for task in ((TASKS + ["none"])[index % 6], (TASKS + ["none"])[(index + 3) % 6]):
            records.append({"text": text, "task": task, "add_prompt": False})
    for dimensions in (1, 8, 32, 64):
        for task in ("retrieval.passage", "none"):
            records.append({"text": TEXTS[5], "task": task, "dimensions": dimensions})
            records.append({"text": TEXTS[5], "task": task, "dimensions": dimensions, "normalize": False})
    records += [{"text": text, "task": task, "normalize": False} for text in TEXTS[2:6] for task in TASKS + ["none"]]
    for limit in (16, 40):
        for task in ("retrieval.query", "text-matching", "none"):
            for side in ("right", "left"):
                records.append({"text": TEXTS[-1], "task": task, "max_tokens": limit + 24, "truncation": side})
    return records


def chunk_lists() -> list[list[str]]:
    sentences = ["Berlin is the capital of Germany.", "It has 3.85 million inhabitants.", "The city lies on the Spree.",
                 "In 1991 it became", "the seat of government", "again", "a", "Its \u00dcber-Museum is caf\u00e9-like.", "x", "y z"]
    return [sentences[:1], sentences[:2], sentences[:3], sentences, ["a", "b", "c"], ["a", "bb", "c"],
            ["trailing space ", "next"], [" leading", " spaces "], ["no", "break here", "!"], ["\u4f60\u597d\uff0c", "\u4e16\u754c\u3002"],
            ["tab\tinside", "line\nbreak", "nbsp\u00a0here"], ["e\u0301", "\u0301combining"], TEXTS[3:8], ["<mask>", "</s>", "end"]]


def tiny_chunk_records() -> list[dict]:
    tokenizer = tokenizer_of("v3-tiny")
    records = []
    for index, chunks in enumerate(chunk_lists()):
        for task in ("none", "text-matching", "retrieval.passage", "retrieval.query"):
            records.append({"chunks": chunks, "task": task})
        records.append({"chunks": chunks, "task": TASKS[index % 5], "add_prompt": False, "normalize": False})
        records.append({"chunks": chunks, "task": TASKS[index % 5], "dimensions": 32})
    records += [{"chunks": chunks, "task": "text-matching"}
                for chunks in (["a", "", "b"], ["", "b"], ["a", ""], ["a", "  ", "b"])]
    long = [text_of(tokenizer, 2 + 30 + 10 * i, 900 + i) for i in range(12)]  # about 1,000 tokens
    for limit in (560, 700, 900, 8192):
        for task in ("retrieval.passage", "none"):
            records.append({"chunks": long, "task": task, "max_tokens": limit})
    return records


def narrow_records() -> tuple[list[dict], list[dict]]:
    tokenizer = tokenizer_of("v3-narrow")
    plain = []
    for length, tasks in ((100, TASKS + ["none"]), (513, ["none"]), (1024, ["separation"]), (2048, ["none"]),
                          (4096, ["classification"]), (8191, ["retrieval.passage"]),
                          (8192, ["none", "text-matching"])):
        text = text_of(tokenizer, length, length)
        plain += [{"text": text, "task": task, "add_prompt": False} for task in tasks]
    prompt = len(tokenizer.encode(PROMPTS["retrieval.query"], add_special_tokens=False).ids)
    plain.append({"text": text_of(tokenizer, 8192 - prompt, 5), "task": "retrieval.query"})
    words = text_of(tokenizer, 8192, 6).split()
    chunks = [" ".join(words[i:i + 97]) for i in range(0, len(words), 97)]
    return plain, [{"chunks": chunks, "task": "text-matching"}]


def encoder_records(name: str, limit: int, mode: str) -> list[dict]:
    """The stock encoders, straight from transformers in float64."""
    model = models.small_encoder(name).double()
    tokenizer = tokenizer_of(name)
    words = " ".join(models.small_tokenizers.corpus()[:40]).split()
    texts = TEXTS + [" ".join(words[:count]) for count in (3, 10, 20, 30, 45)]
    records = []
    for text in texts:
        record = {"text": text}
        tokenizer.enable_truncation(max_length=limit)
        record["ids"] = tokenizer.encode(text).ids
        with torch.no_grad():
            hidden = model(torch.tensor([record["ids"]])).last_hidden_state[0].numpy()
        pooled = hidden[:1] if mode == "cls" else hidden.mean(axis=0, keepdims=True)
        record["vector"] = finish(pooled, {"normalize": mode == "mean"})[0]
        records.append(record)
    session = onnxruntime.InferenceSession(str(jsonl.MODELS / f"{name}-onnx" / "onnx" / "model.onnx"))
    for record in records:
        ids = np.array([record["ids"]], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        inputs = {entry.name: inputs[entry.name] for entry in session.get_inputs()}
        other = session.run(["last_hidden_state"], inputs)[0][0]
        pooled = other[:1] if mode == "cls" else other.mean(axis=0, keepdims=True)
        difference = np.abs(np.array(finish(pooled, {"normalize": mode == "mean"})[0]) - record["vector"]).max()
        if difference > AGREEMENT:
            raise SystemExit(f"{name}: ONNX differs by {difference}")
    return records


def main() -> None:
    torch.manual_seed(0)
    tiny = V3("v3-tiny", jsonl.MODELS / "v3-tiny-hf", "v3-tiny-onnx")
    jsonl.write_jsonl(FOLDER / "v3-tiny.jsonl.gz", [plain_record(tiny, record) for record in tiny_records()])
    tokens = [{"text": text, "task": task} for text, task in (
        (TEXTS[2], "none"), (TEXTS[2], "text-matching"), (TEXTS[3], "retrieval.query"), (TEXTS[11], "separation"),
        (TEXTS[13], "classification"), ("caf\u00e9 na\u00efve \U0001f600", "retrieval.passage"))]
    jsonl.write_jsonl(FOLDER / "v3-tiny-tokens.jsonl.gz", [token_record(tiny, record) for record in tokens])
    jsonl.write_jsonl(FOLDER / "v3-tiny-late.jsonl.gz",
                      [chunk_record(tiny, record) for record in tiny_chunk_records()])
    with tempfile.TemporaryDirectory() as folder:  # its native layout is needed here alone
        models.synthetic.write_checkpoint(pathlib.Path(folder), models.NARROW, "hf")
        narrow = V3("v3-narrow", pathlib.Path(folder), "v3-narrow-onnx")
    plain, chunks = narrow_records()
    jsonl.write_jsonl(FOLDER / "v3-narrow.jsonl.gz", [plain_record(narrow, record) for record in plain])
    jsonl.write_jsonl(FOLDER / "v3-narrow-late.jsonl.gz", [chunk_record(narrow, record) for record in chunks])
    jsonl.write_jsonl(FOLDER / "bert-tiny.jsonl.gz", encoder_records("bert-tiny", 96, "mean"))
    jsonl.write_jsonl(FOLDER / "xlmr-tiny.jsonl.gz", encoder_records("xlmr-tiny", 256, "cls"))
    for model in (tiny, narrow):
        print(json.dumps({"model": model.name, "largest difference": model.worst}))


if __name__ == "__main__":
    main()
