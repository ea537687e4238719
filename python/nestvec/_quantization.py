# SPDX-License-Identifier: Apache-2.0
"""Vectors in fewer bits."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nestvec import _core
from nestvec._errors import InvalidArgumentError

_log = logging.getLogger("nestvec")

_TYPES: dict[str, type[np.generic]] = {
    "float32": np.float32,
    "float16": np.float16,
    "int8": np.int8,
    "uint8": np.uint8,
    "binary": np.int8,
    "ubinary": np.uint8,
}
_FEW = 100  # vectors; ranges of fewer say little


def check(precision: str) -> None:
    """Raises InvalidArgumentError unless ``pack`` knows it."""
    if precision not in _TYPES:
        raise InvalidArgumentError(f"precision is {precision!r}; expected one of {', '.join(_TYPES)}")


def pack(rows: NDArray[np.float32], precision: str) -> NDArray[Any]:
    """Each row by itself, as the command and the server pack it: int8 and uint8 by the row's own scale."""
    if precision == "float32":
        return rows
    return _core.pack_rows(np.ascontiguousarray(rows), precision).view(_TYPES[precision])


def quantize_embeddings(
    embeddings: Any, precision: str, ranges: Any = None, calibration_embeddings: Any = None
) -> NDArray[Any]:
    """What sentence-transformers' function of this name makes of float vectors, to the last bit.

    "int8" and "uint8" divide each dimension's range into 255 steps. The ranges, [2, dimensions] with the least and
    the most values, are those given, else those of ``calibration_embeddings``, else those of ``embeddings``; vectors
    that are to be compared need the same ranges. "binary" and "ubinary" keep a bit a dimension, 1 above zero.
    """
    vectors = np.asarray([np.asarray(row) for row in embeddings] if isinstance(embeddings, list) else embeddings)
    if vectors.dtype in (np.int8, np.uint8):
        raise InvalidArgumentError("the vectors are quantized already")
    if precision == "float32":
        return vectors.astype(np.float32)
    if precision in ("binary", "ubinary"):
        bits = np.packbits(vectors > 0, axis=-1)
        return bits if precision == "ubinary" else (bits.astype(np.int16) - 128).astype(np.int8)
    if precision not in ("int8", "uint8"):
        raise InvalidArgumentError(f"precision is {precision!r}; expected float32, int8, uint8, binary or ubinary")
    if ranges is None and len(vectors) == 0:
        return vectors.astype(_TYPES[precision])
    limits = np.asarray(_ranges(vectors, precision, calibration_embeddings) if ranges is None else ranges, np.float32)
    if limits.shape != (2, vectors.shape[-1]):
        raise InvalidArgumentError(f"ranges are of shape {list(limits.shape)}; expected [2, {vectors.shape[-1]}]")
    steps = (limits[1] - limits[0]) / 255
    steps = np.where(steps == 0, 1, steps)
    levels = np.clip(np.floor((vectors - limits[0]) / steps), 0, 255)
    return levels.astype(np.uint8) if precision == "uint8" else (levels - 128).astype(np.int8)


def _ranges(vectors: NDArray[Any], precision: str, calibration: Any) -> NDArray[Any]:
    if calibration is None:
        if vectors.ndim == 1 or len(vectors) == 1:
            raise InvalidArgumentError(
                f"one vector has no ranges for {precision}; give ranges or calibration_embeddings to "
                "quantize_embeddings, or use nestvec.Model, which scales each vector by itself"
            )
        if len(vectors) < _FEW:
            _log.warning("the ranges of %s are those of %d vectors; more make them better", precision, len(vectors))
        calibration = vectors
    return np.vstack((np.min(calibration, axis=0), np.max(calibration, axis=0)))
