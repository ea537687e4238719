# SPDX-License-Identifier: Apache-2.0
"""What to install for the modules that stand on other libraries."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def needs(extra: str, module: str) -> Iterator[None]:
    """Around the imports of ``module``: a library that is missing is an error that says how to install it. Where
    the module is the program, the sentence is all that is shown.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name in ("", "nestvec"):
            raise
        sentence = f"this needs the package {name}: pip install 'nestvec[{extra}]'"
        if module == "__main__":
            sys.exit(f"nestvec: {sentence}")
        raise ModuleNotFoundError(f"{module}: {sentence}", name=error.name) from None
