# SPDX-License-Identifier: Apache-2.0
"""Draws what tests/server/test_hostile.py has recorded: hostile_curve.py RECORD.json OUT.svg [BEFORE.json].

    NESTVEC_HOSTILE_SECONDS=60 NESTVEC_HOSTILE_RECORD=record.json \\
      scripts/pytest.sh test tests/server/test_hostile.py -s
    build/venv-bench/bin/python bench/load/hostile_curve.py record.json docs/images/hostile.svg
"""

import json
import pathlib
import sys


def read(path):
    return json.loads(pathlib.Path(path).read_text())


def main():
    record, out, *earlier = sys.argv[1:]
    import matplotlib
    matplotlib.use("Agg")
    # Text stays text, and the same record gives the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "nestvec", "font.size": 9})
    from matplotlib import pyplot
    figure, (memory, time) = pyplot.subplots(2, 1, figsize=(7.6, 5), sharex=True, layout="constrained")
    for path, style, name in [(record, "-", "nestvec"), *((path, "--", "before") for path in earlier)]:
        seen = read(path)
        memory.plot([at for at, _, _ in seen["memory"]], [size / 2**20 for _, _, size in seen["memory"]], style, label=name)
        for who in ("honest", "health"):
            time.plot([at for at, _, _ in seen[who]], [1e3 * taken for _, taken, _ in seen[who]], style, linewidth=0.8,
                      label=f"{who}, {name}" if earlier else who)
    memory.axhline(512, color="black", linewidth=0.6, linestyle=":")
    memory.set_ylabel("MiB (dotted: cpu_memory)")
    memory.set_title(f"64 hostile clients for {read(record)['seconds']:.0f} seconds, v3-tiny, 2 cores")
    time.set_ylabel("ms of a call")
    time.set_yscale("log")
    time.set_xlabel("seconds")
    for axes in (memory, time):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    memory.set_ylim(bottom=0)
    pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main()
