# SPDX-License-Identifier: Apache-2.0
"""python -m nestvec.ray --model MODEL --input 'docs/*.parquet' --output vectors/

Embeds a text column of Parquet files on a Ray cluster: the one at --address or RAY_ADDRESS, else one that
it starts on this machine. Every row is embedded exactly once. After an interruption, run the same command
with --resume.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import Sequence

from nestvec._extras import needs

with needs("ray", __name__):
    import ray

    from nestvec import _arguments
    from nestvec.ray._engine import keep_to_itself
    from nestvec.ray._run import embed_files

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4,
          "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def _bytes(text: str) -> int:
    """A quantity as Kubernetes writes it: 4Gi."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]i?)?B?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of memory; expected one such as 4Gi")
    return int(float(found[1]) * _UNITS[found[2] or ""])


def _actors(text: str) -> int | tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    if not found or int(found[1]) < 1 or (found[2] and int(found[2]) < int(found[1])):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of actors; expected one such as 8, or 2:8")
    return (int(found[1]), int(found[2])) if found[2] else int(found[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nestvec.ray", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    _arguments.add_to(parser, output="the folder to write, local or by URI, seen by every node")
    parser.add_argument("--resume", action="store_true", help="continue an earlier run, if there is one")
    parser.add_argument("--partition-rows", type=int, default=10_000,
                        help="rows per output file; a failure repeats at most this many (default: %(default)s)")
    parser.add_argument("--actors", type=_actors, help="number of engines, or LEAST:MOST; default: as many as fit")
    parser.add_argument("--cpus-per-actor", type=float, default=1,
                        help="CPUs and threads per actor (default: %(default)s)")
    parser.add_argument("--memory-per-actor", type=_bytes, metavar="4Gi",
                        help="memory that Ray reserves per actor, such as 4Gi; a model that needs more is refused")
    parser.add_argument("--address", help="address of the Ray cluster")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    try:
        job = _arguments.job_of(args)
        keep_to_itself()
        ray.init(address=args.address, log_to_driver=False)
        rows = embed_files(args.input, args.output, model=job.model, column=job.column,
                           output_column=job.output_column, columns=job.columns, resume=args.resume,
                           partition_rows=args.partition_rows, batch_rows=args.batch_rows,
                           concurrency=args.actors, num_cpus=args.cpus_per_actor,
                           memory=args.memory_per_actor, load=job.load, **job.encode)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        # What failed on a worker comes with its whole trace; the reason is enough.
        print(f"nestvec.ray: {getattr(error, 'cause', None) or error}", file=sys.stderr)
        return 1
    print(f"{rows:,} rows in {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
