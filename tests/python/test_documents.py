# SPDX-License-Identifier: Apache-2.0
"""The Python code of README.md and docs/python.md runs as it is printed."""

import re

import pytest

from command import MODELS, REPOSITORY


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_blocks_run(document, python):
    blocks = re.findall(r"^```python\n(.*?)^```$", (REPOSITORY / document).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    script = "\n".join(blocks).replace("path/to/model", str(MODELS / "v3-tiny"))
    output = python(script.replace("path/to/reranker", str(MODELS / "bert-reranker-tiny")))
    assert output.count("\n") >= 1
