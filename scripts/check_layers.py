#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom: folders of src/ only point up the list, each foreign library stays home."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ORDER = ["base", "config", "weights", "tokenizer", "text", "ops", "compile", "batch", "session",
         "output", "engine", "hub", "observe", "service", "dialects", "http", "grpc", "server",
         "bulk", "search", "cli"]
ALLOWED = {folder: set(ORDER[: i + 1]) for i, folder in enumerate(ORDER)}
# These embed through the public headers, so of src/ they see only what is not the engine.
ALLOWED["observe"] = {"base", "observe"}
ALLOWED["service"] = {"base", "config", "observe", "service"}
ALLOWED["dialects"] = ALLOWED["service"] | {"text", "output", "dialects"}
ALLOWED["http"] = ALLOWED["service"] | {"http"}
ALLOWED["grpc"] = ALLOWED["service"] | {"dialects", "http", "grpc"}
ALLOWED["server"] = ALLOWED["grpc"] | {"server"}
ALLOWED["bulk"] = {"base", "config", "output", "bulk"}
ALLOWED["search"] = {"base", "tokenizer", "text", "bulk", "search"}
ALLOWED["python"] = {"base", "config", "output"}
ALLOWED["cli"] = {"base", "config", "tokenizer", "compile", "output", "hub", "observe", "bulk", "search",
                  "server", "cli"}
# Which folders include a foreign library, as decision 0022 lists them. A test may call any, as the
# other side of a connection does.
FOREIGN = {r"onnxruntime": {"session", "ops"}, r".*\.pb\.h": {"compile", "dialects", "grpc"},
           r"google/protobuf": {"dialects", "grpc"}, r"nghttp2/": {"http"},
           r"boost/": {"http"}, r"yaml-cpp": {"config"}, r"simdjson": {"base"}, r"curl/": {"hub"},
           r"openssl/": {"base", "service", "http"}, r"zlib|zstd": {"base"},
           r"nanobind|Python\.h": {"python"}, r"CLI/": {"cli"}}


def problems(path: Path):
    parts = path.relative_to(ROOT).parts
    folder = parts[1] if parts[0] == "src" else parts[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if not match:
            continue
        name, target = match[2], match[2].split("/")[0]
        if match[1] == '"' and target in ORDER:
            if target not in ALLOWED.get(folder, ()):
                yield f"{path.relative_to(ROOT)}:{number}: {folder} may not include {name}"
            continue
        for pattern, homes in FOREIGN.items():
            if re.match(pattern, name) and folder not in homes and not path.stem.endswith("_test"):
                yield f"{path.relative_to(ROOT)}:{number}: {name} belongs to {', '.join(sorted(homes))}"


files = [p for base in ("include", "src", "python") for p in sorted((ROOT / base).rglob("*.[hc]*"))]
found = [problem for path in files if path.suffix in (".h", ".cc") for problem in problems(path)]
print("\n".join(found) or f"{len(files)} files keep the order of the layers")
sys.exit(bool(found))
