# SPDX-License-Identifier: Apache-2.0
"""Arrays as PyTorch's tensors, where a caller asks for these."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_asked(rows: Any, to_numpy: bool, to_tensor: bool) -> Any:
    """An array as it is, as a tensor over the same memory, or as a list of tensors."""
    if to_numpy and not to_tensor:
        return rows
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(rows))
    return tensor if to_tensor else list(tensor)
