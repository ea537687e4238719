# SPDX-License-Identifier: Apache-2.0
"""Sparse vectors as rows of a matrix, and what one pass of a model gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Starts = NDArray[np.int64]
Ids = NDArray[np.int32]
Weights = NDArray[np.float32]
Rows = tuple[Starts, Ids, Weights]


@dataclass(frozen=True, eq=False)
class TextVectors:
    """The vectors of ``Model.encode_kinds``; None for a kind that was not asked for."""

    dense: NDArray[np.float32] | None  # [texts, dimensions], or [dimensions] of one text
    sparse: Any  # as of Model.sparse
    multi_vector: Any  # a list of float32 [tokens, width], or one of them


@dataclass(frozen=True, eq=False)
class SparseVectors:
    """A matrix in the layout of ``scipy.sparse.csr_matrix``, for when SciPy is not installed.

    Row i has the weights ``data[indptr[i]:indptr[i + 1]]`` of the token ids ``indices[indptr[i]:indptr[i + 1]]``, which
    ascend. ``scipy.sparse.csr_matrix((v.data, v.indices, v.indptr), v.shape)`` makes SciPy's matrix of it.
    """

    indptr: Starts
    indices: Ids
    data: Weights
    shape: tuple[int, int]  # rows, vocabulary

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, row: int) -> dict[int, float]:
        """Weights by token id."""
        rows = self.shape[0]
        if not -rows <= row < rows:
            raise IndexError(f"row {row} of {rows}")
        part = slice(self.indptr[row % rows], self.indptr[row % rows + 1])
        return dict(zip(self.indices[part].tolist(), self.data[part].tolist(), strict=True))

    def __iter__(self) -> Iterator[dict[int, float]]:
        return (self[row] for row in range(len(self)))

    def toarray(self) -> NDArray[np.float32]:
        """The same with its zeros, float32 [rows, vocabulary]."""
        out = np.zeros(self.shape, np.float32)
        out[np.repeat(np.arange(len(self)), np.diff(self.indptr)), self.indices] = self.data
        return out


def as_csr(starts: Starts, ids: Ids, weights: Weights, width: int) -> Any:
    """SciPy's matrix, or where SciPy is not installed one of ours."""
    shape = (len(starts) - 1, width)
    try:
        from scipy.sparse import csr_matrix
    except ModuleNotFoundError:
        return SparseVectors(starts, ids, weights, shape)
    return csr_matrix((weights, ids, starts), shape=shape)


def most_active(starts: Starts, ids: Ids, weights: Weights, most: int) -> Rows:
    """The largest weights of each row, at most so many; of equal weights those of the smaller ids."""
    kept = []
    for begin, end in zip(starts[:-1], starts[1:], strict=True):
        largest = np.argsort(-weights[begin:end], kind="stable")[:most]
        kept.append(begin + np.sort(largest))
    counts = np.array([0, *map(len, kept)], np.int64)
    places = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    return np.cumsum(counts), ids[places], weights[places]
