#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rerankers: nestvec beside ONNX Runtime, OpenVINO and sentence-transformers in one interleaved run, on the same weights.

    make bench-rerank                                # full size: an hour on a small machine, 9 GB on disk
    make bench-rerank ARGS="--size minilm --rounds 5"
    make bench-rerank ARGS=--prepare                 # make models, call each engine once

A call scores one query of 16 tokens with --documents documents of 20 to 500 tokens, lengths evenly spread, order random.
The time of nestvec and of sentence-transformers has the tokenizer in it. A workload's first call also compares scores: an
engine that computes something else is not timed, and the exit code is 1. The models are random
(scripts/make_synthetic_reranker.py); they are made on first use in build/bench-models. OpenVINO
takes part where --openvino names a folder of packages that has it.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import statistics
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import reranker

ROOT = reranker.ROOT
sys.path.append(str(ROOT / "bench"))
import engines  # noqa: E402
import measure  # noqa: E402
import tables  # noqa: E402
from workloads import Filling, Texts  # noqa: E402

SCORERS = pathlib.Path(__file__).with_name("scorers.py")
QUERY_TOKENS, SHORTEST, LONGEST = 16, 20, 500
ENGINES = {engine.name: engine for engine in (
    engines.Engine("nestvec-fp32", "nestvec fp32", "fp32", "checkpoint"),
    engines.Engine("nestvec-bf16", "nestvec bf16", "bf16", "checkpoint"),
    engines.Engine("nestvec-int8", "nestvec int8", "int8", "checkpoint"),
    engines.Engine("nestvec-avx2", "nestvec fp32, AVX2 alone", "fp32", "checkpoint"),
    engines.Engine("onnxruntime", "ONNX Runtime", "fp32", "onnx", "onnxruntime"),
    engines.Engine("onnxruntime-int8", "ONNX Runtime, dynamic int8", "int8", "int8", "onnxruntime"),
    engines.Engine("openvino", "OpenVINO fp32", "fp32", "onnx", "openvino"),
    engines.Engine("openvino-bf16", "OpenVINO bf16", "bf16", "onnx", "openvino"),
    engines.Engine("cross-encoder", "sentence-transformers", "fp32", "checkpoint", "cross-encoder"),
    engines.Engine("cross-encoder-bf16", "sentence-transformers bf16", "bf16", "checkpoint", "cross-encoder"),
)}
FILLINGS = (Filling("one by one", 1), Filling("batches of 8", 8), Filling("batches of 8, by length", 8, True))
DEFAULT_BATCH = (Filling("batches of 32", 32, True),)  # CrossEncoder.predict sorts by length itself
# Of scores from 0 to 1. Random weights spread rounding more than trained ones do.
MOST_DIFFERENCE = {"fp32": 1e-3, "bf16": 0.05, "int8": 0.25}


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=reranker.synthetic.SIZES, default="full", help="of the synthetic model (full)")
    parser.add_argument("--engines", type=names, default=list(ENGINES), metavar="NAME,...", help=f"of {','.join(ENGINES)}")
    parser.add_argument("--fillings", type=names, default=["1", "8", "8s"], metavar="NAME,...",
                        help="of the padded peers: 1, 8, 8s (by length)")
    parser.add_argument("--documents", type=names, default=["20", "75"], metavar="N,...", help="workloads (20,75)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each engine (all cores)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn-seconds", type=float, default=1.0, help="a turn calls until these are over")
    parser.add_argument("--workload-minutes", type=float, default=20, help="no third round begins after these")
    parser.add_argument("--nestvec", default=str(ROOT / "build/release/nestvec"), help="the command")
    parser.add_argument("--openvino", default="", help="a folder with OpenVINO's package: build/venv-bench/lib/python3.11/site-packages")
    parser.add_argument("--store", type=pathlib.Path, default=ROOT / "build/bench-models")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    parser.add_argument("--prepare", action="store_true", help="make models, call each engine once on one document")
    options = parser.parse_args(arguments)
    if unknown := set(options.engines) - set(ENGINES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(ENGINES)}")
    options.store = options.store.resolve()
    return options


def lengths(documents: int, room: int) -> list[int]:
    spread = [round(value) for value in np.linspace(SHORTEST, min(LONGEST, room), documents)]
    random.Random(1).shuffle(spread)
    return spread


class Pairs:
    """A query and documents of exactly so many tokens."""

    def __init__(self, model: reranker.Reranker, documents: int, nestvec: str):
        made = Texts(nestvec, model.form("checkpoint"))
        generator = random.Random(documents)
        texts = [" ".join(generator.choices(made.words, k=count)) for count in (QUERY_TOKENS, *lengths(documents, model.spec.longest - QUERY_TOKENS - 4))]
        first, *others = made.ids(texts)
        # <s> A </s></s> B </s> of XLM-RoBERTa, [CLS] A [SEP] B [SEP] of BERT.
        first = first + first[-1:] if model.spec.family == "xlm-roberta" else first
        kind = 1 if model.spec.types > 1 else 0
        ids = [first + other[1:] for other in others]
        self.tokens = sum(map(len, ids))
        self.request = {"query": texts[0], "texts": texts[1:], "ids": ids,
                        "types": [[0] * len(first) + [kind] * (len(other) - 1) for other in others]}


def start(engine: engines.Engine, model: reranker.Reranker, options: argparse.Namespace) -> engines.Worker:
    log = options.store / "logs" / f"{model.name}-{engine.name}"
    environment = {"NESTVEC_CACHE": str(options.store / "compiled"), "OMP_NUM_THREADS": str(options.threads)}
    if not engine.pads:
        if engine.name == "nestvec-avx2":
            environment["NESTVEC_MAX_ISA"] = "avx2"
        command = [options.nestvec, "bench", "-q", "--on-request", "--model", str(model.form("checkpoint")),
                   "--threads", str(options.threads), "--precision", engine.precision]
        return engines.Worker(engine, command, log, environment)
    command = [sys.executable, str(SCORERS), engine.kind, str(model.form(engine.form)), "--threads", str(options.threads),
               "--precision", engine.precision, "--openvino", options.openvino,
               "--pad", "1" if model.spec.family == "xlm-roberta" else "0"]
    return engines.Worker(engine, command, log, environment)


def entries_of(workers: list[engines.Worker], pairs: Pairs, chosen: list[str]) -> Iterator[measure.Entry]:
    marks = dict(zip(("1", "8", "8s"), FILLINGS, strict=True))
    for worker in workers:
        fillings: tuple[Filling, ...] = tuple(marks[name] for name in chosen)
        if not worker.engine.pads:
            fillings = (Filling("", 0),)
        elif worker.engine.kind == "cross-encoder":
            fillings = DEFAULT_BATCH
        for filling in fillings:
            yield measure.Entry(worker, filling, {**pairs.request, "size": filling.size, "by_length": filling.by_length})


def agreeing(entries: list[measure.Entry], tokens: int, left_out: dict[str, str]) -> list[measure.Entry]:
    """Those whose scores are the first one's. Also the call that warms up."""
    kept, truth = [], None
    for entry in entries:
        name = entry.worker.engine.name
        if name in left_out:
            continue
        try:
            answer = entry.worker.ask({**entry.request, "vectors": True})
            if answer.get("tokens", tokens) != tokens:
                raise engines.EngineFailed(f"read {answer['tokens']} tokens instead of {tokens}")
            scores = np.array(answer["scores"])
        except engines.EngineFailed as failure:
            left_out[name] = str(failure)
            continue
        truth = scores if truth is None else truth
        entry.cosine = float(np.abs(scores - truth).max())  # here a difference: 0 is best
        if entry.cosine > MOST_DIFFERENCE[entry.worker.engine.precision]:
            left_out[name] = f"disagrees: a score differs by {entry.cosine:.3f}"
        else:
            kept.append(entry)
    return kept


def row_of(entry: measure.Entry, entries: list[measure.Entry], documents: int) -> dict[str, Any]:
    seconds = statistics.median(entry.rounds)
    ours = [other for other in entries if not other.worker.engine.pads]
    return {"engine": entry.worker.engine.name, "title": entry.title, "precision": entry.worker.engine.precision,
            "difference": entry.cosine, "round_seconds": entry.rounds, "calls": entry.calls, "seconds": seconds,
            "pairs_per_second": documents / seconds, "peak_bytes": entry.worker.peak_bytes(),
            "times_of": {other.worker.engine.name: statistics.median(
                mine / theirs for mine, theirs in zip(entry.rounds, other.rounds)) for other in ours}}


def measure_documents(model: reranker.Reranker, documents: int, workers: list[engines.Worker], options: argparse.Namespace) -> dict[str, Any]:
    print(f"{documents} documents ", end="", file=sys.stderr, flush=True)
    left_out: dict[str, str] = {}
    pairs = Pairs(model, documents, options.nestvec)
    alive = [worker for worker in workers if worker.alive()]
    entries = agreeing(list(entries_of(alive, pairs, options.fillings)), pairs.tokens, left_out)
    plan = measure.Plan(options.rounds, options.turn_seconds, options.workload_minutes * 60)
    if entries:
        entries = measure.run_rounds(entries, workers, plan, left_out)
    print(file=sys.stderr)
    return {"documents": documents, "tokens": pairs.tokens, "left_out": left_out,
            "rows": [row_of(entry, entries, documents) for entry in entries]}


def markdown(results: dict[str, Any]) -> str:
    ours = [name for name in ENGINES if any(row["engine"] == name and not ENGINES[name].pads
                                            for result in results["workloads"] for row in result["rows"])]
    parts = [f"{results['cpu']}, {results['isa']}, {results['threads']} threads; {results['date']}; "
             f"{'; '.join(results['versions'])}. Load average at the start {results['load']:.2f}.\n"]
    for result in results["workloads"]:
        rows = [["engine", "pairs/s", "tokens/s", "p50 s", "rounds, s", "score differs by", "peak MiB",
                 *(f"time of {ENGINES[name].title}" for name in ours)]]
        for row in result["rows"]:
            rounds = row["round_seconds"]
            rows.append([row["title"], f"{row['pairs_per_second']:.1f}", f"{result['tokens'] / row['seconds']:,.0f}",
                         f"{statistics.median(row['calls']):.2f}", f"{min(rounds):.2f} ... {max(rounds):.2f}",
                         f"{row['difference']:.4f}", f"{row['peak_bytes'] / 2**20:,.0f}",
                         *(f"{row['times_of'][name]:.2f}" if name in row["times_of"] else "" for name in ours)])
        count = max((len(row["round_seconds"]) for row in result["rows"]), default=0)
        parts.append(f"**{results['model']}, {result['documents']} documents, {result['tokens']:,} tokens with the query; "
                     f"rounds: {count}**\n\n{tables.table(rows)}")
        parts += [f"Without {name}: {why}.\n" for name, why in result["left_out"].items()]
    return "\n".join(parts)


def run(options: argparse.Namespace) -> dict[str, Any]:
    model, workers = reranker.Reranker(options.store, options.size), []
    results: dict[str, Any] = {"date": str(datetime.date.today()), "model": model.name, "threads": options.threads,
                               "load": os.getloadavg()[0], "workloads": []}
    try:
        for name in options.engines:
            print(f"starting {name} on {model.name}", file=sys.stderr, flush=True)
            try:
                workers.append(start(ENGINES[name], model, options))
            except engines.EngineFailed as failure:
                print(f"  without it: {failure}", file=sys.stderr)
        facts = [worker.facts for worker in workers]
        results |= {"cpu": next((fact["processor"] for fact in facts if "processor" in fact), ""),
                    "isa": next((fact["isa"] for fact in facts if "isa" in fact), ""),
                    "versions": list(dict.fromkeys(fact["version"] for fact in facts if "version" in fact))}
        for documents in ["1"] if options.prepare else options.documents:
            results["workloads"].append(measure_documents(model, int(documents), workers, options))
    finally:
        for worker in workers:
            worker.close()
    return results


def main() -> None:
    options = parse_arguments(sys.argv[1:])
    results = run(options)
    print("\n" + markdown(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(any(why.startswith("disagrees") for result in results["workloads"] for why in result["left_out"].values()))


if __name__ == "__main__":
    main()
