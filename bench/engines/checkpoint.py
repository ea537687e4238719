# SPDX-License-Identifier: Apache-2.0
"""Tensors of a safetensors file as float32."""

import json
import pathlib
import struct

import numpy as np


class Tensors:
    def __init__(self, path: pathlib.Path):
        self.path, self.data = path, np.memmap(path, np.uint8, "r")
        (size,) = struct.unpack("<Q", self.data[:8].tobytes())
        self.index, self.start = json.loads(self.data[8:8 + size].tobytes()), 8 + size

    def __contains__(self, name: str) -> bool:
        return name in self.index

    def __getitem__(self, name: str) -> np.ndarray:
        entry = self.index[name]
        begin, end = entry["data_offsets"]
        raw = self.data[self.start + begin:self.start + end].tobytes()
        if entry["dtype"] == "F32":
            return np.frombuffer(raw, "<f4").reshape(entry["shape"])
        if entry["dtype"] == "BF16":
            return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
        raise SystemExit(f"{self.path}: {name} is {entry['dtype']}, only F32 and BF16 are read")
