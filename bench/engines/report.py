# SPDX-License-Identifier: Apache-2.0
"""Results to Markdown, for the terminal and for the part of a document between two markers."""

import pathlib
import sys
from typing import Any

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import tables  # noqa: E402
from tables import table  # noqa: E402


V3_PRODUCTS = 24 * (3072 * 1024 + 1024 * 1024 + 2 * 4096 * 1024)  # of a token, adapters left out


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.{1 if seconds < 1 else 0}f}"


def mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f}"


def ours_of(model: dict[str, Any]) -> dict[str, str]:
    return {name: engine["title"] for name, engine in model["engines"].items() if name.startswith("nestvec-")}


def workload_table(workload: dict[str, Any], ours: dict[str, str]) -> str:
    rows = [["engine", "p50 ms", "p90 ms", "rounds, ms", "texts/s", "tokens/s",
             *(f"time of {title}" for title in ours.values())]]
    for row in workload["rows"]:
        spread = f"{milliseconds(min(row['round_seconds']))} ... {milliseconds(max(row['round_seconds']))}"
        ratios = [f"{row['times_of'][name]:.2f}" if name in row["times_of"] else "" for name in ours]
        rows.append([row["title"], milliseconds(row["p50"]), milliseconds(row["p90"]), spread,
                     f"{row['texts_per_second']:,.1f}", f"{row['tokens_per_second']:,.0f}", *ratios])
    return table(rows)


def title_of(workload: dict[str, Any]) -> str:
    lengths = workload["lengths"]
    texts = f"{len(lengths)} texts" if len(lengths) > 1 else "one text"
    span = f"{lengths[0]}" if len(set(lengths)) == 1 else f"{min(lengths)} to {max(lengths)}"
    rounds = max((len(row["round_seconds"]) for row in workload["rows"]), default=0)
    return f"{workload['name']}: {texts} of {span} tokens, {workload['tokens']:,} in all; rounds: {rounds}"


def engines_table(model: dict[str, Any]) -> str:
    rows = [["engine", "least cosine", "load s", "load peak MiB", "loaded MiB", "peak MiB", "idle cores"]]
    for name, engine in model["engines"].items():
        cosines = [row["cosine"] for workload in model["workloads"] for row in workload["rows"]
                   if row["engine"] == name]
        rows.append([engine["title"], f"{min(cosines, default=0):.6f}", f"{engine['load_seconds']:.1f}",
                     mebibytes(engine["load_peak_bytes"]), mebibytes(engine["loaded_bytes"]),
                     mebibytes(engine["peak_bytes"]), f"{engine['idle_share']:.2f}"])
    return table(rows)


def products_table(results: dict[str, Any]) -> str:
    rows = [["products alone", "precision", "rows", "tokens/s"]]
    for rate in results["products"]:
        name = rate["title"] + (f", {rate['isa']}" if rate["isa"] else "")
        rows.append([name, rate["precision"], str(rate["rows"]), f"{rate['tokens_per_second']:,.0f}"])
    return table(rows)


def shares_table(results: dict[str, Any]) -> str:
    """What part of the better of the bounds the engines reach on 1,024 tokens at a time."""
    bounds: dict[str, float] = {}
    for rate in results["products"]:
        if rate["rows"] == 1024:
            bounds[rate["precision"]] = max(bounds.get(rate["precision"], 0), rate["tokens_per_second"])
    rows = [["uniform 128", "tokens/s", "products alone", "share"]]
    for model in results["models"]:
        for row in (row for workload in model["workloads"] if workload["name"] == "uniform 128" for row in workload["rows"]):
            bound = bounds.get(model["engines"][row["engine"]]["precision"])
            if bound:
                # The products were those of jina-embeddings-v3; another body has fewer or more of them a token.
                bound *= V3_PRODUCTS / model.get("products", V3_PRODUCTS)
                rate = row["tokens_per_second"]
                name = f"{model['title'].split(',')[0]}: {row['title']}" if len(results["models"]) > 1 else row["title"]
                rows.append([name, f"{rate:,.0f}", f"{bound:,.0f}", f"{rate / bound:.0%}"])
    return table(rows)


def left_out_of(model: dict[str, Any]) -> list[str]:
    titles = {name: engine["title"] for name, engine in model["engines"].items()}
    lines = [f"- Without {name}: {why}." for name, why in model["left_out"].items()]
    return lines + [f"- {workload['name']} without {titles[name]}: {why}."
                    for workload in model["workloads"] for name, why in workload["left_out"].items()]


def model_text(model: dict[str, Any]) -> str:
    parts = [f"### {model['title']}\n"]
    swept = [workload for workload in model["workloads"] if workload["name"][0].isdigit()]
    for workload in model["workloads"]:
        if workload not in swept:
            parts += [f"**{title_of(workload)}**\n", workload_table(workload, ours_of(model))]
    if swept:
        parts += ["**Tokens/s of texts x tokens**\n", swept_table(swept, model)]
    parts += ["**Processes**\n", engines_table(model)]
    left_out = left_out_of(model)
    return "\n".join(parts + (["\n".join(left_out) + "\n"] if left_out else []))


def swept_table(swept: list[dict[str, Any]], model: dict[str, Any]) -> str:
    rows = [["engine", *(workload["name"] for workload in swept)]]
    for name, engine in model["engines"].items():
        rates = [next((row["tokens_per_second"] for row in workload["rows"] if row["engine"] == name), None)
                 for workload in swept]
        rows.append([engine["title"], *("" if rate is None else f"{rate:,.0f}" for rate in rates)])
    return table(rows)


def head_of(results: dict[str, Any]) -> str:
    machine = results["machine"]
    versions = "; ".join(results["versions"])
    return (f"{machine['cpu']}, {machine['isa']}, {results['threads']} of {machine['cores']} cores, "
            f"{machine['memory_bytes'] / 2**30:.0f} GiB; {results['date']}; {versions}. Load average at the start "
            f"{machine['load']:.2f}.\n")


EXPLANATION = """\
One run, engines taking turns in every round. *rounds* is the range of the rounds' medians, *time of* the median
over rounds of an engine's time divided by nestvec's in that round: over 1 means slower than nestvec. Only
nestvec tokenises within its time; the others get ids. *least cosine* is that to the first fp32 engine, over
all texts. Memory is resident, mapped files included; *idle cores* what a process took while others had their turn.
"""


def markdown(results: dict[str, Any], images: str = "") -> str:
    parts = [head_of(results), EXPLANATION]
    for model in results["models"]:
        parts.append(model_text(model))
    if results["products"]:
        parts += ["### The bound\n", f"The 96 products of the full-size encoder on {results['threads']} threads.\n",
                  products_table(results), shares_table(results)]
    return "\n".join(parts) + images


def rewrite(document: pathlib.Path, text: str) -> None:
    tables.rewrite(document, "bench-engines", text)
