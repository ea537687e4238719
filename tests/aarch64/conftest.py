# SPDX-License-Identifier: Apache-2.0
"""The helpers of the tests of the command."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
