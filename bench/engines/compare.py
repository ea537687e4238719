# SPDX-License-Identifier: Apache-2.0
"""Sets nestvec beside ONNX Runtime, OpenVINO and PyTorch in one interleaved run, on the same weights.

    make bench-engines                           # everything; hours at full size on a small machine
    make bench-engines ARGS="--quick"            # minutes, half size
    build/venv-bench/bin/python bench/engines/compare.py --size half --rounds 3 \\
        --engines nestvec-fp32,onnxruntime-folded --workloads short,uniform --report docs/performance.md

Every engine is a process that keeps its model and sleeps between its turns. A workload's first call
also compares vectors: an engine that computes something else is not timed, and the exit code is 1.
One whose memory does not suffice beside all others takes turns with nestvec alone.
The models (13 GB at full size) are made on first use in build/bench-models and kept there. PyTorch
takes part where scripts/reference-venv.sh has put it.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import decoders
import engines
import measure
import models
import plots
import products
import report
import workloads

ROOT = models.ROOT
REFERENCE = ROOT / "build/venv-reference/bin/python"
MINILM_ENGINES = ["nestvec-fp32", "nestvec-bf16", "nestvec-int8", "onnxruntime-folded", "onnxruntime-int8"]
MODELS = ["v3", "minilm", "v5-nano", "v5-small"]
Model = engines.Model


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=models.SIZES, help="of the synthetic model (full)")
    parser.add_argument("--quick", action="store_true", help="half size, two rounds, no sweeps, nothing long")
    parser.add_argument("--engines", type=names, default=list(engines.ENGINES), metavar="NAME,...",
                        help=f"of {','.join(engines.ENGINES)}")
    parser.add_argument("--precisions", type=names, metavar="NAME,...",
                        help="of nestvec: fp32,bf16,int8 (all, bf16 where the CPU computes in it)")
    parser.add_argument("--workloads", type=names, metavar="NAME,...", help=f"of {','.join(workloads.GROUPS)}")
    parser.add_argument("--models", type=names, default=["v3", "minilm"], metavar="NAME,...", help=f"of {','.join(MODELS)} (v3,minilm)")
    parser.add_argument("--threads", type=int, help="of each engine (what nestvec takes by itself)")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--turn-seconds", type=float, default=1.0, help="a turn calls until these are over")
    parser.add_argument("--workload-minutes", type=float, default=20, help="no third round begins after these")
    parser.add_argument("--nestvec", default=str(ROOT / "build/release/nestvec"), help="the command")
    parser.add_argument("--torch-python", default=str(REFERENCE) if REFERENCE.exists() else "",
                        help="an interpreter with PyTorch, transformers and peft")
    parser.add_argument("--store", type=pathlib.Path, default=ROOT / "build/bench-models")
    parser.add_argument("--json", type=pathlib.Path, help="results (STORE/results.json)")
    parser.add_argument("--report", type=pathlib.Path, help="a Markdown document whose marked part is rewritten")
    parser.add_argument("--images", type=pathlib.Path, default=ROOT / "docs/images", help="charts of --report")
    parser.add_argument("--from-json", type=pathlib.Path, help="measure nothing, report these results")
    options = parser.parse_args(arguments)
    options.size = options.size or ("half" if options.quick else "full")
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.workloads = options.workloads or (["short", "uniform", "mixed"] if options.quick else workloads.GROUPS)
    options.store, options.json = options.store.resolve(), options.json or options.store / "results.json"
    for chosen, known in ((options.engines, engines.ENGINES), (options.workloads, workloads.GROUPS),
                          (options.models, MODELS)):
        if unknown := set(chosen) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return options


def choose_engines(options: argparse.Namespace, model: Model,
                   facts: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Names, nestvec's first, and why others are left out."""
    chosen, left_out = [], {}
    for name, engine in engines.ENGINES.items():
        if name not in options.engines or (isinstance(model, models.MiniLM) and name not in MINILM_ENGINES):
            continue
        if isinstance(model, decoders.V5) and engine.form == "official":
            continue
        if not engine.pads and options.precisions and engine.precision not in options.precisions:
            continue
        asked = bool(options.precisions) and not engine.pads
        if engine.precision == "bf16" and facts["precision"] != "bf16" and not asked:
            left_out[name] = "this CPU does not compute in bf16"
        else:
            chosen.append(name)
    return chosen, left_out


@contextlib.contextmanager
def running(chosen: list[str], model: Model, setting: engines.Setting,
            left_out: dict[str, str]) -> Iterator[list[engines.Worker]]:
    workers = []
    try:
        for name in chosen:
            print(f"starting {name} on {model.name}", file=sys.stderr, flush=True)
            try:
                workers.append(engines.start(engines.ENGINES[name], model, setting))
            except engines.EngineFailed as failure:
                left_out[name] = str(failure)
                print(f"  without it: {failure}", file=sys.stderr)
        yield workers
    finally:
        for worker in workers:
            worker.close()


def workloads_of(options: argparse.Namespace, model: Model) -> list[workloads.Workload]:
    if isinstance(model, models.MiniLM):
        return workloads.minilm_workloads(options.workloads)
    # The tiny model is there to try all of this out.
    return workloads.v3_workloads(options.workloads, longest_mixed=64 if options.size == "tiny" else 512)


class Comparison:
    """All workloads of a model."""

    def __init__(self, options: argparse.Namespace, model: Model, setting: engines.Setting, facts: dict[str, Any]):
        self.model, self.setting, self.workloads = model, setting, workloads_of(options, model)
        self.plan = measure.Plan(options.rounds, options.turn_seconds, options.workload_minutes * 60)
        self.texts = workloads.Texts(setting.nestvec, model.form("checkpoint"))
        self.chosen, self.left_out = choose_engines(options, model, facts)
        self.unfinished = unfinished(options)

    def measure(self, workload: workloads.Workload, workers: list[engines.Worker]) -> dict[str, Any]:
        result = measure.measure(workload, workers, self.texts, self.model.encoder.heads, self.plan)
        with self.unfinished.open("a") as kept:
            kept.write(json.dumps({"model": self.model.title, **result}) + "\n")
        return result

    def run(self) -> dict[str, Any]:
        with running(self.chosen, self.model, self.setting, self.left_out) as workers:
            measured = [self.measure(workload, workers) for workload in self.workloads]
        for workload, result in zip(self.workloads, measured):
            self.second_pass(workload, result)
        described = {}
        for worker in workers:
            name = worker.engine.name
            peaks = [worker.facts["load_peak_bytes"], *(result["peak_bytes"].get(name, 0) for result in measured)]
            described[name] = {"title": worker.engine.title, "precision": worker.engine.precision, **worker.facts,
                               "idle_share": worker.idle_share, "peak_bytes": max(peaks)}
        products = {"products": self.model.products} if isinstance(self.model, decoders.V5) else {}
        return {"title": self.model.title, **products, "left_out": self.left_out, "workloads": measured, "engines": described}

    def second_pass(self, workload: workloads.Workload, result: dict[str, Any]) -> None:
        """Who had no room beside all others takes turns with the first engine alone."""
        left_out = result["left_out"]
        for name in [name for name, why in left_out.items() if why.startswith(measure.NO_ROOM)]:
            with running([self.chosen[0], name], self.model, self.setting, left_out) as pair:
                again = self.measure(workload, pair)
            rows = [row for row in again["rows"] if row["engine"] == name]
            if rows:
                del left_out[name]
                result["rows"] += rows
                result["peak_bytes"][name] = again["peak_bytes"][name]
            else:
                left_out |= again["left_out"]


def machine(facts: dict[str, Any]) -> dict[str, Any]:
    return {"cpu": facts["processor"] or platform.processor(), "isa": facts["isa"], "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "load": os.getloadavg()[0],
            "system": platform.platform()}


def chosen_models(options: argparse.Namespace) -> list[Model]:
    chosen: list[Model] = [models.V3(options.store, options.size)] if "v3" in options.models else []
    if "minilm" in options.models:
        done = subprocess.run([ROOT / "scripts/fetch-default-model.sh"], stdout=subprocess.PIPE, text=True, check=True)
        chosen.append(models.MiniLM(options.store, pathlib.Path(done.stdout.strip())))
    tiny = "tiny-" if options.size == "tiny" else ""
    return chosen + [decoders.V5(options.store, tiny + name.removeprefix("v5-")) for name in options.models if name.startswith("v5")]


def run(options: argparse.Namespace) -> dict[str, Any]:
    chosen = chosen_models(options)
    setting = engines.Setting(options.nestvec, options.threads or 0, options.store, options.torch_python)
    facts = engines.nestvec_info(setting, chosen[0], "auto")
    setting = engines.Setting(options.nestvec, facts["threads"], options.store, options.torch_python)
    if os.getloadavg()[0] > 0.5:
        print(f"note: the load average is {os.getloadavg()[0]:.1f}; a quiet machine measures better", file=sys.stderr)
    programs = pathlib.Path(options.nestvec).parent / "bench"
    comparable = options.size == "full" and options.models != ["minilm"]
    bounds = products.measure(programs, setting.threads, options.turn_seconds) if comparable else []
    results = {"date": str(datetime.date.today()), "machine": machine(facts), "threads": setting.threads,
               "size": options.size, "models": [Comparison(options, model, setting, facts).run() for model in chosen]}
    if bounds:
        bounds = products.better(bounds, products.measure(programs, setting.threads, options.turn_seconds))
    return {**results, "products": bounds, "versions": versions(options, results)}


def versions(options: argparse.Namespace, results: dict[str, Any]) -> list[str]:
    done = subprocess.run([options.nestvec, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    facts = [engine for model in results["models"] for engine in model["engines"].values()]
    return list(dict.fromkeys([done.stdout.strip(), *(fact["version"] for fact in facts if "version" in fact)]))


def publish(options: argparse.Namespace, results: dict[str, Any]) -> None:
    print("\n" + report.markdown(results))
    if not options.report:
        return
    charts = plots.write(options.images, results["models"][0])
    links = [os.path.relpath(chart, options.report.resolve().parent) for chart in charts]
    images = "".join(f"\n![{pathlib.Path(link).stem.replace('-', ' by ')}]({link})" for link in links)
    report.rewrite(options.report, report.markdown(results, images))


def unfinished(options: argparse.Namespace) -> pathlib.Path:
    """What a run that was cut off had measured: a line a workload."""
    return options.json.with_suffix(".unfinished.jsonl")


def main() -> None:
    options = parse_arguments(sys.argv[1:])
    if options.from_json:
        results = json.loads(options.from_json.read_text())
    else:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        unfinished(options).unlink(missing_ok=True)
        results = run(options)
        options.json.write_text(json.dumps(results, indent=1) + "\n")
        unfinished(options).unlink(missing_ok=True)
    publish(options, results)
    measured = [workload for model in results["models"] for workload in model["workloads"]]
    sys.exit(any(why.startswith("disagrees") for workload in measured for why in workload["left_out"].values()))


if __name__ == "__main__":
    try:
        main()
    except engines.EngineFailed as failure:
        sys.exit(f"an engine failed: {failure}")
