# SPDX-License-Identifier: Apache-2.0
"""Three small charts of jina-embeddings-v3: throughput by length and by batch, memory by length."""

import pathlib
from collections.abc import Callable
from typing import Any

Point = tuple[float, float]


def even_workloads(model: dict[str, Any]) -> list[tuple[int, int, dict[str, Any]]]:
    """(texts, length, workload) of those whose texts are all of one length."""
    return sorted(((len(w["lengths"]), w["lengths"][0], w) for w in model["workloads"] if len(set(w["lengths"])) == 1),
                  key=lambda entry: entry[:2])


def rate_of(workload: dict[str, Any], engine: str) -> float | None:
    return next((row["tokens_per_second"] for row in workload["rows"] if row["engine"] == engine), None)


def mebibytes_of(workload: dict[str, Any], engine: str) -> float | None:
    size = workload["peak_bytes"].get(engine)
    return size and size / 2**20


def by_length(model: dict[str, Any], engine: str, value: Callable) -> list[Point]:
    points = [(length, value(workload, engine)) for texts, length, workload in even_workloads(model) if texts == 1]
    return [point for point in points if point[1] is not None]


def by_batch(model: dict[str, Any], engine: str) -> list[Point]:
    points = [(texts, rate_of(workload, engine)) for texts, length, workload in even_workloads(model) if length == 128]
    return [point for point in points if point[1] is not None]


def draw(path: pathlib.Path, model: dict[str, Any], points: Callable, labels: tuple[str, str, str]) -> None:
    import matplotlib
    matplotlib.use("Agg")
    # Text stays text, and the same results give the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "nestvec", "font.size": 9})
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7.6, 3.6), layout="constrained")
    for name, engine in model["engines"].items():
        line = points(model, name)
        if line:
            style = "-" if name.startswith("nestvec-") else "--"
            axes.plot(*zip(*line), style, marker="o", markersize=3, label=engine["title"])
    axes.set_title(labels[0])
    axes.set_xlabel(labels[1])
    axes.set_ylabel(labels[2])
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    figure.legend(fontsize=7, loc="outside right upper")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write(folder: pathlib.Path, model: dict[str, Any]) -> list[pathlib.Path]:
    """Only charts of more than one point."""
    charts = {
        "throughput-length.svg": (lambda m, e: by_length(m, e, rate_of),
                                  ("Throughput, one text", "tokens of the text", "tokens/s")),
        "throughput-batch.svg": (by_batch, ("Throughput, texts of 128 tokens", "texts of a call", "tokens/s")),
        "memory-length.svg": (lambda m, e: by_length(m, e, mebibytes_of),
                              ("Peak memory, one text", "tokens of the text", "MiB resident")),
    }
    written = []
    for name, (points, labels) in charts.items():
        if any(len(points(model, engine)) > 1 for engine in model["engines"]):
            draw(folder / name, model, points, labels)
            written.append(folder / name)
    return written
