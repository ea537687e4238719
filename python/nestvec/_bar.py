# SPDX-License-Identifier: Apache-2.0
"""Progress for a person who watches."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any


_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"


def is_watched() -> bool:
    """Whether standard error is a terminal or a notebook."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


class LoadingBar:
    """Passes the log of a load on, and shows what it says of the compilation as a bar."""

    def __init__(self, log: Callable[[str], object], shown: bool) -> None:
        self._log = log
        self._shown = shown
        self._bar: Any = None

    def __call__(self, line: str) -> None:
        self._log(line)
        if not self._shown:
            return
        if line.startswith("compiling ") and self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=100, desc="compiling the model, once", bar_format=_FORMAT)
        elif self._bar is not None and (found := re.match(r"compiling: (\d+) %", line)):
            self._bar.update(int(found[1]) - self._bar.n)
        elif self._bar is not None and line.startswith("compiled in "):
            self._bar.update(self._bar.total - self._bar.n)

    def __enter__(self) -> LoadingBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
