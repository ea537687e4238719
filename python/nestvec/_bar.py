# SPDX-License-Identifier: Apache-2.0
"""Progress for a person who watches."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"


def is_watched() -> bool:
    """Whether standard error is a terminal or a notebook."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


class LoadingBar:
    """A bar for a compilation, which appears when there is one."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._bar: Any = None

    def __call__(self, percent: int) -> None:
        if not self._shown:
            return
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=100, desc="compiling the model, once", bar_format=_FORMAT)
        self._bar.update(percent - self._bar.n)

    def __enter__(self) -> LoadingBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
