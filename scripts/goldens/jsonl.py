# SPDX-License-Identifier: Apache-2.0
"""Golden files as JSON lines, gzip-packed without time stamps so that remaking changes no byte."""

import gzip
import io
import json
import lzma
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
MODELS = ROOT / "tests" / "models"


def dump_line(record: dict) -> str:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"


def write_gz(path: pathlib.Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0, filename="") as packed:
        packed.write(data)
    path.write_bytes(buffer.getvalue())


def write_jsonl(path: pathlib.Path, records: list[dict]) -> None:
    text = "".join(dump_line(record) for record in records).encode()
    if path.suffix == ".gz":
        write_gz(path, text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    print(f"{path.relative_to(ROOT)}: {len(records)} lines, {path.stat().st_size} bytes")


def read_jsonl(path: pathlib.Path) -> list[dict]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_xz(path: pathlib.Path) -> str:
    with lzma.open(path, "rt", encoding="utf-8") as packed:
        return packed.read()
