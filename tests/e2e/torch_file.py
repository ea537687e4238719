# SPDX-License-Identifier: Apache-2.0
"""Files as torch.save writes them, made without torch: a zip archive of a pickle and one entry for each storage."""

import collections
import io
import pickle
import sys
import types
import zipfile
from unittest import mock

import numpy


def _rebuild_tensor_v2():
    """Never called: its name stands in the pickle."""


_rebuild_tensor_v2.__module__ = "torch._utils"


class FloatStorage:
    """Likewise."""


FloatStorage.__module__ = "torch"


class _Tensor:
    def __init__(self, key, values):
        self.key, self.values = key, values

    def __reduce__(self):
        shape = self.values.shape
        strides = tuple(int(numpy.prod(shape[axis + 1:])) for axis in range(len(shape)))
        return _rebuild_tensor_v2, (_Storage(self.key, self.values.size), 0, shape, strides, False, collections.OrderedDict())


class _Storage:
    def __init__(self, key, elements):
        self.id = ("storage", FloatStorage, key, "cpu", elements)


class _Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.id if isinstance(value, _Storage) else None


def save(path, tensors):
    torch = types.ModuleType("torch")
    torch.FloatStorage = FloatStorage
    utils = types.ModuleType("torch._utils")
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    rows = {name: numpy.ascontiguousarray(values, numpy.float32) for name, values in tensors.items()}
    table = collections.OrderedDict((name, _Tensor(str(key), values)) for key, (name, values) in enumerate(rows.items()))
    text = io.BytesIO()
    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        _Pickler(text, 2).dump(table)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", text.getvalue())
        archive.writestr("archive/byteorder", "little")
        for key, values in enumerate(rows.values()):
            archive.writestr(f"archive/data/{key}", values.tobytes())
        archive.writestr("archive/version", "3\n")
