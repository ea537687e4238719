# SPDX-License-Identifier: Apache-2.0
"""Sets the tokenizer beside Hugging Face tokenizers, sentencepiece and tiktoken, on one core, in one run.

    "$(scripts/reference-venv.sh --light)" scripts/bench_tokenizers.py

Needs the packages tokenizers, sentencepiece and protobuf, tiktoken if it is to run beside the others
(pip install tiktoken==0.14.0), and build/release/bench/tokenizer_bench. One table is of XLM-RoBERTa's
vocabulary (Unigram), one of Qwen3's (byte-level BPE).
The texts are those of tests/data/tokenizer/xlm-roberta/goldens.jsonl.gz. Every round runs each
tokenizer once, so that whatever else the machine does hits all of them alike, and time is the CPU's,
not the clock's; the table has the median over the rounds, the slowest and the fastest. sentencepiece
gets a model that is made out of the same tokenizer.json, and tiktoken an encoding; they add no special
tokens, and tiktoken does not normalize.
"""

import argparse
import base64
import datetime
import gzip
import json
import lzma
import os
import pathlib
import platform
import statistics
import subprocess
import time
from collections.abc import Callable

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
from sentencepiece import sentencepiece_model_pb2  # noqa: E402

try:
    import tiktoken
except ImportError:
    tiktoken = None

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests/data/tokenizer"
NORMAL, UNKNOWN, CONTROL = 1, 2, 3


def sentencepiece_model(content: str) -> sentencepiece.SentencePieceProcessor:
    """The same pieces, scores and charsmap as a sentencepiece model."""
    description = json.loads(content)
    specials = {entry["content"] for entry in description["added_tokens"]}
    unknown = description["model"]["unk_id"]
    model = sentencepiece_model_pb2.ModelProto()
    for index, (text, score) in enumerate(description["model"]["vocab"]):
        kind = UNKNOWN if index == unknown else CONTROL if text in specials else NORMAL
        model.pieces.add(piece=text, score=score, type=kind)
    model.trainer_spec.model_type = 1
    model.trainer_spec.unk_id = unknown
    model.trainer_spec.bos_id, model.trainer_spec.pad_id, model.trainer_spec.eos_id = 0, 1, 2
    model.normalizer_spec.precompiled_charsmap = base64.b64decode(description["normalizer"]["precompiled_charsmap"])
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def tiktoken_encoding(content: str):
    """The same pieces and the same regular expression; ids are ranks."""
    description = json.loads(content)
    pattern = description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    byte_of = {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}
    ranks = {bytes(byte_of[c] for c in token): rank for token, rank in description["model"]["vocab"].items()}
    specials = {entry["content"]: entry["id"] for entry in description["added_tokens"]}
    return tiktoken.Encoding("qwen3", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)


def timed(run: Callable[[], int]) -> float:
    """Tokens a CPU second of one run, which returns its number of tokens."""
    start = time.process_time()
    return run() / (time.process_time() - start)


def our_rate(program: str, name: str) -> float:
    """The same; the program's rates are by CPU time too."""
    run = subprocess.run([program, f"--benchmark_filter=^encode_mixed/{name}$", "--benchmark_format=json",
                          "--benchmark_min_time=1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(run.stdout)["benchmarks"][0]["items_per_second"]


def cpu_name() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--program", default="build/release/bench/tokenizer_bench")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    with gzip.open(DATA / "xlm-roberta/goldens.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    print(f"{cpu_name()}, one core, {datetime.date.today()}, median of {options.rounds} rounds (slowest ... fastest)")
    print(f"{len(texts)} texts, {sum(len(t.encode()) for t in texts)} bytes; tokenizers {tokenizers.__version__}, "
          f"sentencepiece {sentencepiece.__version__}, tiktoken {tiktoken.__version__ if tiktoken else 'is not there'}")
    for vocabulary in ("xlm-roberta", "qwen3"):
        compare(vocabulary, texts, options)


def contenders_for(vocabulary: str, texts: list[str], program: str) -> dict[str, Callable[[], float]]:
    content = lzma.decompress((DATA / vocabulary / "tokenizer.json.xz").read_bytes()).decode()
    reference = tokenizers.Tokenizer.from_str(content)
    name = vocabulary.replace("-", "_")
    contenders: dict[str, Callable[[], float]] = {
        "nestvec, ids": lambda: our_rate(program, f"{name}_ids"),
        "nestvec, ids and offsets": lambda: our_rate(program, f"{name}_offsets"),
    }
    if vocabulary == "xlm-roberta":
        pieces = sentencepiece_model(content)
        contenders["sentencepiece, ids"] = lambda: timed(lambda: sum(map(len, pieces.encode(texts, num_threads=1))))
    elif tiktoken:
        encoding = tiktoken_encoding(content)
        contenders["tiktoken, ids"] = lambda: timed(
            lambda: sum(len(encoding.encode(text, allowed_special="all")) for text in texts))
    contenders["tokenizers, ids"] = lambda: timed(lambda: sum(len(e.ids) for e in reference.encode_batch_fast(texts)))
    contenders["tokenizers, ids and offsets"] = lambda: timed(
        lambda: sum(len(e.ids) for e in reference.encode_batch(texts)))
    return contenders


def compare(vocabulary: str, texts: list[str], options: argparse.Namespace) -> None:
    contenders = contenders_for(vocabulary, texts, options.program)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, measure in contenders.items():
            rates[name].append(measure() / 1e6)

    print(f"\n{vocabulary}\n")
    print("| tokenizer | million tokens/s | spread |\n| --- | ---: | --- |")
    for name, values in rates.items():
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} ... {max(values):.2f} |")


if __name__ == "__main__":
    main()
