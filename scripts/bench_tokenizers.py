# SPDX-License-Identifier: Apache-2.0
"""Sets the tokenizer beside Hugging Face tokenizers and sentencepiece, on one core, in one run.

    "$(scripts/reference-venv.sh --light)" scripts/bench_tokenizers.py

Needs the packages tokenizers, sentencepiece and protobuf, and build/release/bench/tokenizer_bench.
The texts are those of tests/data/tokenizer/xlm-roberta/goldens.jsonl.gz. Every round runs each
tokenizer once, so that whatever else the machine does hits all of them alike, and time is the CPU's,
not the clock's; the table has the median over the rounds, the slowest and the fastest. sentencepiece
gets a model that is made out of the same tokenizer.json; it adds no special tokens.
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

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests/data/tokenizer/xlm-roberta"
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

    content = lzma.decompress((DATA / "tokenizer.json.xz").read_bytes()).decode()
    with gzip.open(DATA / "goldens.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    reference = tokenizers.Tokenizer.from_str(content)
    pieces = sentencepiece_model(content)

    contenders: dict[str, Callable[[], float]] = {
        "nestvec, ids": lambda: our_rate(options.program, "xlm_roberta_ids"),
        "nestvec, ids and offsets": lambda: our_rate(options.program, "xlm_roberta_offsets"),
        "sentencepiece, ids": lambda: timed(lambda: sum(map(len, pieces.encode(texts, num_threads=1)))),
        "tokenizers, ids": lambda: timed(lambda: sum(len(e.ids) for e in reference.encode_batch_fast(texts))),
        "tokenizers, ids and offsets": lambda: timed(lambda: sum(len(e.ids) for e in reference.encode_batch(texts))),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, measure in contenders.items():
            rates[name].append(measure() / 1e6)

    print(f"{cpu_name()}, one core, {datetime.date.today()}, median of {options.rounds} rounds (slowest ... fastest)")
    print(f"{len(texts)} texts, {sum(len(t.encode()) for t in texts)} bytes; "
          f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}\n")
    print("| tokenizer | million tokens/s | spread |\n| --- | ---: | --- |")
    for name, values in rates.items():
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} ... {max(values):.2f} |")


if __name__ == "__main__":
    main()
