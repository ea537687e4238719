# SPDX-License-Identifier: Apache-2.0
"""The Python code of README.md and docs/python.md runs as it is printed."""

import re

import pytest

from command import MODELS, REPOSITORY


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_blocks_run(document, python):
    blocks = re.findall(r"^```python\n(.*?)^```$", (REPOSITORY / document).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    script = "\n".join(blocks)
    for name, folder in {"model": "v3-tiny", "reranker": "bert-reranker-tiny", "bge-m3": "bge-m3-tiny"}.items():
        script = script.replace(f"path/to/{name}", str(MODELS / folder))
    output = python(script)
    assert output.count("\n") >= 1
