# SPDX-License-Identifier: Apache-2.0
"""What callers give: texts as a str, a list or a column of a table; flags and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from nestvec._errors import InvalidArgumentError


def as_texts(given: Any) -> tuple[Sequence[Any], bool]:
    """The texts as a sequence, and whether one text was given by itself.

    Lists stay as they are; columns of pyarrow, pandas and polars, arrays and iterators become lists. What would be
    read as something that nobody means, such as the names of a table's columns, raises TypeError.
    """
    if isinstance(given, (str, list, tuple)):
        return ([given], True) if isinstance(given, str) else (given, False)
    kind = type(given).__name__
    if callable(as_py := getattr(given, "as_py", None)):  # one value of Apache Arrow
        if not isinstance(text := as_py(), str):
            raise TypeError(f"expected a text, found a {kind} that is {'null' if text is None else 'not text'}")
        return [text], True
    if hasattr(given, "columns") or hasattr(given, "column_names"):
        raise TypeError(f"expected texts, found a {kind}; pass one of its columns, such as table['text']")
    if isinstance(given, (Mapping, bytes, bytearray)):
        raise TypeError(f"expected texts, found {kind}; pass a str or a list of str")
    if not hasattr(given, "__iter__") and not hasattr(given, "__getitem__"):
        raise TypeError(f"expected texts, found {kind}; pass a str or a list of str")
    if isinstance(given, Set) and not hasattr(given, "mapping"):  # the keys of a dict are in order
        raise TypeError(f"expected texts, found a {kind}, which has no order; pass a list")
    return _listed(given)


def _listed(given: Any) -> tuple[Sequence[Any], bool]:
    for name in ("to_pylist", "to_list", "tolist"):
        if callable(to_list := getattr(given, name, None)):
            texts = to_list()
            break
    else:
        texts = list(given)
    if isinstance(texts, str):  # an array of no dimensions
        return [texts], True
    for row, text in enumerate(texts):
        if not isinstance(text, str) and _is_null(text):
            raise TypeError(f"text {row} is null; leave such rows out, or fill them")
    return texts, False


def _is_null(value: object) -> bool:
    is_nan = isinstance(value, float) and value != value
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def flag_of(name: str, value: Any) -> bool | None:
    """True, False, NumPy's own, 1 or 0, which tables hold in place of them."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, (int, np.integer)) and value in (0, 1):
        return bool(value)
    raise TypeError(f"{name} is of type {type(value).__name__}; expected bool")


_MOST = 2**63 - 1  # of what the engine takes; more than anything is


def count_of(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is of type {type(value).__name__}; expected int")
    if value < 1:
        raise InvalidArgumentError(f"{name} is {value}; expected at least 1")
    return min(int(value), _MOST)
