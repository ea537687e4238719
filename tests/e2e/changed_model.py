# SPDX-License-Identifier: Apache-2.0
"""Test models with other small files."""

import json
import shutil

from command import MODELS


def changed(folder, model, files=None, weights=True):
    """A copy of a test model as `folder`, where each of `files` has other members. Without `weights` theirs are no
    weights, so that whoever reads them fails."""
    shutil.copytree(MODELS / model, folder, copy_function=shutil.copy)
    for name, members in (files or {}).items():
        path = folder / name
        old = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**old, **members}))
    if not weights:
        for path in folder.glob("*.safetensors"):
            path.write_text("no weights")
    return folder
