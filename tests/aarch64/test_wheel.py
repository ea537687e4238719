# SPDX-License-Identifier: Apache-2.0
"""The wheel for aarch64 in an emulated Debian: the suite of the Python package that needs nothing but NumPy."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

PACKAGES = pathlib.Path(__file__).resolve().parents[1] / "packages"
sys.path.insert(0, str(PACKAGES))
from journeys import install_wheel  # noqa: E402
from roots import REPOSITORY, ROOTS, Root, layer, made_once  # noqa: E402

SUITES = ["test_encode.py", "test_tokens.py", "test_loading.py"]
# They want a bigger model, or other libraries beside NumPy and a /sys.
LEFT_OUT = ["test_equals_sentence_transformers", "test_tokens_equal_hugging_face", "test_a_missing_library",
            "test_a_command_without_its_library"]
TOOLS = ["pytest", "pytest-timeout", "numpy", "PyYAML"]


def tools():
    """A folder with what tests/requirements.txt pins, for aarch64."""
    folder = ROOTS / "test-tools-aarch64"
    with made_once(folder) as part:
        if part:
            platforms = [f"--platform=manylinux{version}_aarch64" for version in ("2014", "_2_17", "_2_26", "_2_27", "_2_28")]
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps",
                            "--only-binary=:all:", "--python-version=3.11", "--implementation=cp", *platforms,
                            f"--dest={part}", "--requirement", REPOSITORY / "tests/requirements.txt"], check=True)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A root with the wheel, the tools and the tests."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    root = Root(tmp_path_factory.mktemp("wheel"), "bookworm", "arm64",
                [layer("bookworm", "python", ["python3-venv"], "arm64")])
    root.put(tools(), "/tmp/tools")
    root.put(REPOSITORY / "tests", "/srv/nestvec/tests")
    install_wheel(root)
    root.ok("/opt/venv/bin/pip", "install", "--quiet", "--no-index", "--find-links=/tmp/tools", *TOOLS)
    return root


def test_the_suite_of_the_python_package(python):
    done = python.run("/opt/venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=1200",
                      *(f"/srv/nestvec/tests/python/{name}" for name in SUITES), "-k", " and ".join(f"not {name}" for name in LEFT_OUT),
                      env={"NESTVEC_BINARY": "/opt/venv/bin/nestvec", "PYTHONDONTWRITEBYTECODE": "1"}, timeout=7200)
    print(done.stdout[-6000:])
    assert done.returncode == 0, done.stdout[-6000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 60
