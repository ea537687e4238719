# SPDX-License-Identifier: Apache-2.0
"""Rounds: every engine has its turn in each, so that whatever else the machine does hits all alike."""

import dataclasses
import pathlib
import statistics
import sys
import time
from typing import Any

import numpy as np
from engines import LEAST_COSINE, EngineFailed, Worker
from workloads import Filling, Texts, Workload

SETTLE_SECONDS = 0.1  # threads of the engine before spin for a while until they sleep
NO_ROOM = "needs "    # how the reason of within_memory() begins
MEMORY_SHARE = 0.9    # of what is available, for the workload ahead


@dataclasses.dataclass(frozen=True)
class Plan:
    rounds: int
    turn_seconds: float      # a turn calls again until these are over
    workload_seconds: float  # no further round begins after these, but two are made


@dataclasses.dataclass
class Entry:
    """An engine with one way to fill its batches."""

    worker: Worker
    filling: Filling
    request: dict[str, Any]
    cosine: float = 1.0
    rounds: list[float] = dataclasses.field(default_factory=list)  # median seconds of a call
    calls: list[float] = dataclasses.field(default_factory=list)

    @property
    def title(self) -> str:
        name = self.worker.engine.title
        return f"{name}, {self.filling.title}" if self.filling.title else name


def entries_of(workload: Workload, workers: list[Worker], texts: list[str], ids: list[list[int]]) -> list[Entry]:
    entries = []
    for worker in workers:
        if not worker.engine.pads:
            entries.append(Entry(worker, Filling("", 0), {"texts": texts}))
            continue
        for filling in workload.fillings:
            batches = filling.batches(workload.lengths)
            entries.append(Entry(worker, filling, {"batches": [[ids[i] for i in batch] for batch in batches]}))
    return entries


def vectors_of(entry: Entry, workload: Workload) -> np.ndarray:
    """In the order of the texts. Also the call that warms up."""
    answer = entry.worker.ask({**entry.request, "vectors": True})
    if answer["tokens"] != workload.tokens:
        raise EngineFailed(f"read {answer['tokens']} tokens instead of {workload.tokens}")
    order = [i for batch in entry.filling.batches(workload.lengths) for i in batch]
    vectors = np.empty((len(order), len(answer["vectors"][0])))
    vectors[order] = answer["vectors"]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def available_bytes() -> int:
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def within_memory(workload: Workload, workers: list[Worker], heads: int, left_out: dict[str, str]) -> list[Worker]:
    """Those whose attention fits into memory beside that of the others, the thriftiest first."""
    free = available_bytes() * MEMORY_SHARE
    admitted = []
    for worker in sorted(workers, key=lambda worker: worker.engine.score_copies):
        need = worker.engine.score_copies * heads * max(workload.lengths) ** 2 * 4
        if need > free:
            left_out[worker.engine.name] = f"{NO_ROOM}{need / 2**30:.1f} GiB more, {free / 2**30:.1f} GiB are free"
            continue
        free -= need
        admitted.append(worker)
    return [worker for worker in workers if worker in admitted]


def agreeing(workload: Workload, entries: list[Entry], left_out: dict[str, str]) -> list[Entry]:
    """Those whose vectors are the first fp32 engine's; the others are not timed."""
    vectors: list[tuple[Entry, np.ndarray]] = []
    for entry in entries:
        try:
            vectors.append((entry, vectors_of(entry, workload)))
        except EngineFailed as failure:
            left_out[entry.worker.engine.name] = str(failure)
    truth = next((v for e, v in vectors if e.worker.engine.precision == "fp32"), vectors[0][1] if vectors else None)
    agreed = []
    for entry, own in vectors:
        entry.cosine = float((own * truth).sum(axis=1).min())
        least = LEAST_COSINE[entry.worker.engine.precision]
        if entry.cosine >= least:
            agreed.append(entry)
        else:
            left_out[entry.worker.engine.name] = f"disagrees: cosine {entry.cosine:.6f}, at least {least} is asked"
    return [entry for entry in agreed if entry.worker.engine.name not in left_out]


def turn(entry: Entry, workers: list[Worker], plan: Plan) -> None:
    time.sleep(SETTLE_SECONDS)
    others = [worker for worker in workers if worker is not entry.worker and worker.alive()]
    before = [worker.cpu_seconds() for worker in others]
    start = time.monotonic()
    calls = entry.worker.ask({**entry.request, "seconds": plan.turn_seconds})["seconds"]
    elapsed = time.monotonic() - start
    for worker, used in zip(others, before):
        if elapsed > 0.5:  # of shorter turns the clock's tick is too large a part
            worker.idle_share = max(worker.idle_share, (worker.cpu_seconds() - used) / elapsed)
    entry.rounds.append(statistics.median(calls))
    entry.calls.extend(calls)


def run_rounds(entries: list[Entry], workers: list[Worker], plan: Plan, left_out: dict[str, str]) -> list[Entry]:
    """Those that lasted to the end: one that the system kills for its memory must not cost hours of the others."""
    start = time.monotonic()
    for number in range(plan.rounds):
        if number >= 2 and time.monotonic() - start > plan.workload_seconds:
            break
        first = number % len(entries)  # who comes first and who after whom should not matter
        for entry in entries[first:] + entries[:first]:
            name = entry.worker.engine.name
            if name in left_out:
                continue
            try:
                turn(entry, workers, plan)
            except EngineFailed as failure:
                left_out[name] = str(failure)
            print(".", end="", file=sys.stderr, flush=True)
    return [entry for entry in entries if entry.worker.engine.name not in left_out]


def row_of(entry: Entry, workload: Workload, entries: list[Entry]) -> dict[str, Any]:
    seconds = statistics.median(entry.rounds)
    p50, p90 = np.quantile(entry.calls, [0.5, 0.9])
    ours = [other for other in entries if not other.worker.engine.pads]
    return {
        "engine": entry.worker.engine.name, "title": entry.title, "filling": entry.filling.title,
        "cosine": entry.cosine, "calls": len(entry.calls), "round_seconds": entry.rounds,
        "seconds": seconds, "p50": float(p50), "p90": float(p90),
        "texts_per_second": len(workload.lengths) / seconds, "tokens_per_second": workload.tokens / seconds,
        "times_of": {other.worker.engine.name: statistics.median(
            mine / theirs for mine, theirs in zip(entry.rounds, other.rounds)) for other in ours},
    }


def measure(workload: Workload, workers: list[Worker], texts: Texts, heads: int, plan: Plan) -> dict[str, Any]:
    print(f"{workload.name} ", end="", file=sys.stderr, flush=True)
    left_out: dict[str, str] = {}
    chosen = within_memory(workload, [worker for worker in workers if worker.alive()], heads, left_out)
    for worker in chosen:
        worker.reset_peak()
    entries = agreeing(workload, entries_of(workload, chosen, *texts.make(workload)), left_out)
    if entries:
        entries = run_rounds(entries, workers, plan, left_out)
    print(file=sys.stderr)
    for name, why in left_out.items():
        print(f"  without {name}: {why}", file=sys.stderr)
    return {
        "name": workload.name, "lengths": list(workload.lengths), "tokens": workload.tokens, "left_out": left_out,
        "rows": [row_of(entry, workload, entries) for entry in entries],
        "peak_bytes": {entry.worker.engine.name: entry.worker.peak_bytes() for entry in entries},
    }
