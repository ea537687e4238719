# SPDX-License-Identifier: Apache-2.0
"""What to embed and how, as plain data that travels to workers; Arrow tables in and out.

`nestvec.parquet`, `nestvec.ray` and `nestvec.spark` are thin shells over a Job.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from typing import Any, Callable, Mapping

import numpy as np
import pyarrow as pa

# Files up to WHOLE bytes are hashed whole, larger ones by PIECES of PIECE bytes, evenly spread: weights
# that were trained anew differ everywhere, and 16 MiB are read in no time.
WHOLE = 32 << 20
PIECE = 64 << 10
PIECES = 256


@dataclasses.dataclass(frozen=True)
class Job:
    """One embedding of a text column.

    model: a model folder or repository, as every worker finds it.
    load: options of `Model.load`; encode: options of `Model.encode`.
    columns: the input's columns to keep, all when None.
    sparse: sparse vectors in place of dense ones.
    """

    model: str
    column: str = "text"
    output_column: str = "embedding"
    columns: tuple[str, ...] | None = None
    load: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    encode: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sparse: bool = False

    def load_model(self):
        import nestvec

        return nestvec.Model.load(self.model, **self.load)

    def read_columns(self) -> list[str] | None:
        """The columns that a reader needs, None for all."""
        if self.columns is None:
            return None
        return [*self.columns, *({self.column} - set(self.columns))]

    def check(self, schema: pa.Schema, where: str) -> None:
        """Raises ValueError when a table of this schema cannot be embedded."""
        for name in (self.column, *(self.columns or ())):
            if name not in schema.names:
                raise ValueError(f"{where} has no column {name!r}; it has {', '.join(schema.names)}")
        if not _is_text(schema.field(self.column).type):
            found = schema.field(self.column).type
            raise ValueError(f"column {self.column!r} of {where} is {found}, not text")
        kept = schema.names if self.columns is None else self.columns
        if self.output_column in kept:
            raise ValueError(f"{where} has a column {self.output_column!r} already; choose another "
                             "name for the vectors")

    def embed_table(self, model, table: pa.Table, progress: Callable[[int], None] | None = None) -> pa.Table:
        """The kept columns of the table and the vectors behind them; null where the text is null. ``progress``
        is called with the number of texts that are done, and with that of the rows at the end."""
        self.check(table.schema, "the table")
        vectors = self.embed_texts(model, table.column(self.column), progress)
        if progress:
            progress(len(table))
        kept = table if self.columns is None else table.select(list(self.columns))
        return kept.append_column(self.output_column, vectors)

    def embed_texts(self, model, texts: pa.Array | pa.ChunkedArray,
                    progress: Callable[[int], None] | None = None) -> pa.Array:
        """Text to fixed-size lists of float32, or sparse vectors to structs of two lists, indices and values."""
        present = texts.drop_null().to_pylist()
        told = {"progress": progress} if progress else {}
        if self.sparse:
            return _sparse_structs(model.sparse(present, **told, **self.encode), np.asarray(texts.is_null()))
        vectors = model.encode(present, **told, **self.encode)
        if len(present) == len(texts):
            return _fixed_size_lists(vectors, None)
        missing = np.asarray(texts.is_null())
        spread = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
        spread[~missing] = vectors
        return _fixed_size_lists(spread, missing)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _fixed_size_lists(vectors: np.ndarray, missing: np.ndarray | None) -> pa.FixedSizeListArray:
    """Rows of a float32 matrix, not copied."""
    values = pa.array(np.ascontiguousarray(vectors).reshape(-1), type=pa.float32())
    mask = None if missing is None else pa.array(missing)
    return pa.FixedSizeListArray.from_arrays(values, vectors.shape[1], mask=mask)


def _sparse_structs(rows: Any, missing: np.ndarray) -> pa.StructArray:
    """Rows of a CSR matrix, spread over the rows that are not missing."""
    counts = np.zeros(len(missing), np.int64)
    counts[~missing] = np.diff(rows.indptr)
    starts = np.zeros(len(missing) + 1, np.int32)
    np.cumsum(counts, out=starts[1:])
    lists = [pa.ListArray.from_arrays(pa.array(starts), pa.array(values))
             for values in (rows.indices.astype(np.int32, copy=False), rows.data)]
    return pa.StructArray.from_arrays(lists, ["indices", "values"], mask=pa.array(missing))


def fingerprint(folder: str | pathlib.Path) -> str:
    """A hash over a model folder: names, sizes and contents (of large files: 256 pieces)."""
    digest = hashlib.sha256()
    folder = pathlib.Path(folder)
    for path in sorted(found for found in folder.rglob("*") if found.is_file()):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts):
            continue
        size = path.stat().st_size
        digest.update(f"{relative.as_posix()}\0{size}\0".encode())
        with open(path, "rb") as file:
            if size <= WHOLE:
                digest.update(file.read())
                continue
            for piece in range(PIECES):
                file.seek((size - PIECE) * piece // (PIECES - 1))
                digest.update(file.read(PIECE))
    return digest.hexdigest()
