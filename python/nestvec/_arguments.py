# SPDX-License-Identifier: Apache-2.0
"""What the commands `python -m nestvec.parquet` and `python -m nestvec.ray` have in common."""

from __future__ import annotations

import argparse
import os
from typing import Any

from nestvec._job import Job


def add_to(parser: argparse.ArgumentParser, output: str) -> None:
    parser.add_argument("--input", nargs="+", required=True, metavar="FILE",
                        help="files, folders or globs, local or by URI such as s3://bucket/*.parquet")
    parser.add_argument("--output", required=True, help=output)
    parser.add_argument("--model", default=os.environ.get("NESTVEC_MODEL"),
                        help="model folder or repository; default $NESTVEC_MODEL")
    parser.add_argument("--column", default="text", help="the column to embed (default: %(default)s)")
    parser.add_argument("--output-column", default="embedding",
                        help="the column of the vectors (default: %(default)s)")
    parser.add_argument("--columns", type=lambda names: tuple(names.split(",")), metavar="A,B",
                        help="the input's columns to keep; default: all")
    parser.add_argument("--task", help="such as retrieval.passage; default: the model's")
    parser.add_argument("--dimensions", type=int, help="dimensions of a vector; default: all")
    parser.add_argument("--no-normalize", action="store_true", help="do not scale vectors to length 1")
    parser.add_argument("--precision", help="auto, fp32, bf16, int8-weights or int8; default: auto")
    parser.add_argument("--batch-rows", type=int, default=4096,
                        help="rows read, embedded and written at a time (default: %(default)s)")


def job_of(args: argparse.Namespace, **load: Any) -> Job:
    """Raises ValueError for what a parser cannot see."""
    if not args.model:
        raise ValueError("no model: give --model or set NESTVEC_MODEL")
    if args.batch_rows < 1:
        raise ValueError("--batch-rows must be at least 1")
    if args.precision:
        load["precision"] = args.precision
    encode: dict[str, Any] = {}
    if args.no_normalize:
        encode["normalize"] = False
    if args.task:
        encode["task"] = args.task
    if args.dimensions is not None:
        encode["dimensions"] = args.dimensions
    return Job(args.model, args.column, args.output_column, args.columns, load, encode)
