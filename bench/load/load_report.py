# SPDX-License-Identifier: Apache-2.0
"""Results to Markdown, for the terminal and for the part of a document between two markers."""

import pathlib
import sys
from typing import Any

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import tables  # noqa: E402

# text-embeddings-inference, ONNX Runtime backend, all-MiniLM-L6-v2 on 2 cores: texts/s, p50 in ms.
PEER = {("short", 1): ("287", "3.4"), ("short", 16): ("240 ... 320", ""), ("short", 64): ("319 ... 343", "184 ... 199"),
        ("bulk", 1): ("58 ... 64", "")}
EXPLANATION = """\
*p50* and *p99* are what a client waits, from the first byte sent to the last received; clients are connections of one
process on the same cores, which took *client cores* of them. A client sends its next request when it has the answer;
interactive ones then wait half a second, so that alone they leave the engine idle most of the time. *failed* are
answers other than 200. The columns of text-embeddings-inference (TEI) are its ONNX Runtime backend with the same model
on 2 cores of **another machine** (AMD with AVX-512 and bf16): they say what is usual, not which is faster.
"""


def milliseconds(value: float) -> str:
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def load_table(results: dict[str, Any]) -> str:
    rows = [["workload", "clients", "texts/s", "p50 ms", "p99 ms", "failed", "client cores", "TEI texts/s",
             "TEI p50 ms"]]
    for row in results["cells"]:
        peer = PEER.get((row["workload"], row["clients"]), ("", ""))
        rows.append([row["workload"], str(row["clients"]), f"{row['texts_per_second']:,.0f}",
                     milliseconds(row["p50"] * 1e3), milliseconds(row["p99"] * 1e3), str(row["failed"]),
                     f"{row['client_cores']:.2f}", *peer])
    return tables.table(rows)


def overhead_table(results: dict[str, Any]) -> str:
    rows = [["one client", "client ms", "tokenise ms", "queue ms", "compute ms", "beyond compute, ms", "share"]]
    for row in results["overhead"]:
        times = row["milliseconds"]
        rows.append([row["title"], *(milliseconds(times[name]) for name in ("client", "tokenize", "queue", "compute")),
                     milliseconds(row["beyond"]), f"{row['share']:.1%}"])
    return tables.table(rows)


def markdown(results: dict[str, Any]) -> str:
    parts = [f"{results['cpu']}, {results['cores']} cores; {results['date']}; {results['server']}. "
             f"{results['seconds']:g} s each. Load average at the start {results['load']:.2f}.\n", EXPLANATION]
    if results["cells"]:
        parts.append(load_table(results))
    if results["overhead"]:
        parts += ["Medians of one client's calls, in milliseconds; *beyond compute* is all that is not the engine's "
                  "run: tokenisation, queue, JSON, HTTP, the client itself.\n", overhead_table(results)]
    return "\n".join(parts)


def rewrite(document: pathlib.Path, text: str) -> None:
    tables.rewrite(document, "bench-load", text)
