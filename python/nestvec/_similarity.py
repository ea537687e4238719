# SPDX-License-Identifier: Apache-2.0
"""How alike vectors are, under the names that sentence-transformers has for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nestvec._errors import InvalidArgumentError

NAMES = ("cosine", "dot", "euclidean", "manhattan")
_ALIASES = {"dot_product": "dot", "cos_sim": "cosine"}
_LEAST_NORM = 1e-12  # a vector of zeros is like nothing

Rows = NDArray[np.float32]


def checked_name(name: Any) -> str:
    """The name of a function, also of a member of sentence-transformers' enumeration."""
    value = str(getattr(name, "value", name))
    value = _ALIASES.get(value, value)
    if value not in NAMES:
        raise InvalidArgumentError(f"similarity_fn_name is {value!r}; expected one of {', '.join(NAMES)}")
    return value


def similarity(name: str, one: Any, other: Any) -> Any:
    """[rows of one, rows of other]. Distances are negative, so that more is more alike."""
    a, b = np.atleast_2d(_rows(one)), np.atleast_2d(_rows(other))
    _check_widths(a, b)
    if name == "cosine":
        scores = _normalized(a) @ _normalized(b).T
    elif name == "dot":
        scores = a @ b.T
    else:
        order = 2 if name == "euclidean" else 1
        scores = np.empty((len(a), len(b)), np.float32)
        for i, row in enumerate(a):  # one at a time, so that memory is that of `b`
            scores[i] = -np.linalg.norm(b - row, ord=order, axis=1)
    return _as_given(scores, one, other)


def similarity_pairwise(name: str, one: Any, other: Any) -> Any:
    """[rows]: row i of one with row i of the other."""
    a, b = _rows(one), _rows(other)
    _check_widths(a, b)
    if a.ndim == b.ndim == 2 and len(a) != len(b):
        raise InvalidArgumentError(f"{len(a)} vectors cannot be paired with {len(b)}")
    if name == "cosine":
        a, b = _normalized(a), _normalized(b)
    if name in ("cosine", "dot"):
        scores = (a * b).sum(axis=-1, dtype=np.float32)
    else:
        scores = -np.linalg.norm(a - b, ord=2 if name == "euclidean" else 1, axis=-1)
    return _as_given(np.asarray(scores, np.float32), one, other)


def _rows(vectors: Any) -> Rows:
    if vectors is None or isinstance(vectors, (str, bytes)):
        raise TypeError(f"expected vectors, found {type(vectors).__name__}; encode() makes them of texts")
    if isinstance(vectors, (list, tuple)):
        vectors = np.stack([np.asarray(vector) for vector in vectors])
    rows = np.asarray(vectors, dtype=np.float32)
    if not 1 <= rows.ndim <= 2:
        raise InvalidArgumentError(f"expected a vector or a list of them, found an array of shape {list(rows.shape)}")
    return rows


def _check_widths(a: Rows, b: Rows) -> None:
    if a.shape[-1] != b.shape[-1]:
        raise InvalidArgumentError(f"vectors of {a.shape[-1]} and of {b.shape[-1]} dimensions cannot be compared")


def _normalized(rows: Rows) -> Rows:
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, np.float32(_LEAST_NORM)), np.float32)


def _as_given(scores: Rows, *vectors: Any) -> Any:
    """Tensors for those who gave tensors."""
    given = [vector[0] if isinstance(vector, (list, tuple)) and vector else vector for vector in vectors]
    if any(type(vector).__module__.partition(".")[0] == "torch" for vector in given):
        import torch

        return torch.from_numpy(scores)
    return scores
