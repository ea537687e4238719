# SPDX-License-Identifier: Apache-2.0
"""The command that the wheel brings: by its script, by its module, moved, and as another user."""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

import nestvec_command
import wheel_check
from command import MODELS, REPOSITORY

PROGRAM = nestvec_command.find_program()
FRESH = REPOSITORY / "build/venv-fresh/bin/python"


@pytest.mark.parametrize("name", wheel_check.NAMES)
def test_here(name, tmp_path):
    getattr(wheel_check.Checks(MODELS / "bert-tiny", tmp_path), name)()


def test_in_an_environment_with_nothing_else():
    done = subprocess.run([FRESH, wheel_check.__file__, MODELS / "bert-tiny"], capture_output=True, text=True, timeout=1000)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(wheel_check.NAMES)} checks of nestvec " in done.stdout


@pytest.fixture
def moved():
    """A copy of the package below a path with spaces, which everybody may read."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="nestvec wheel "))
    root.chmod(0o755)
    package = pathlib.Path(PROGRAM).parents[1]
    shutil.copytree(package, root / "nestvec")
    if (libraries := package.with_name("nestvec.libs")).exists():
        shutil.copytree(libraries, root / "nestvec.libs")
    shutil.copytree(pathlib.Path(nestvec_command.__file__).parent, root / "nestvec_command")
    yield root
    shutil.rmtree(root)


def run_moved(moved, *arguments, **options):
    script = "import sys; sys.path.insert(0, sys.argv.pop(1)); from nestvec_command import main; main()"
    done = subprocess.run([sys.executable, "-c", script, moved, *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300, **options)
    return done.returncode, done.stdout, done.stderr


def test_a_path_with_spaces(moved, tmp_path):
    """ONNX Runtime is found beside, wherever that is."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NESTVEC_CACHE": str(tmp_path / "cache")}
    code, out, err = run_moved(moved, "embed", "--model", MODELS / "bert-tiny", "a text", env=kept)
    assert code == 0 and out, err


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user(moved):
    """The Python of the tests may lie where only root goes: the program itself."""
    done = subprocess.run([moved / "nestvec/bin/nestvec", "version"], user=65534, group=65534, extra_groups=[], cwd="/",
                          env={"HOME": "/nonexistent"}, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("nestvec "), done.stderr


def test_a_package_without_the_program(moved):
    shutil.rmtree(moved / "nestvec/bin")
    script = (f"import sys, sysconfig; sys.path.insert(0, {str(moved)!r}); sysconfig.get_path = lambda name: '/nowhere'; "
              "import nestvec_command; nestvec_command.main()")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "nestvec: error: the program is not in this package; install the wheel with pip or uv\n"


def test_a_program_that_cannot_run(moved):
    program = moved / "nestvec/bin/nestvec"
    program.chmod(stat.S_IRUSR)
    code, _, err = run_moved(moved, "version")
    assert code == 1 and err.startswith(f"nestvec: error: cannot run {program}: "), err


def test_the_script_loads_no_library_of_the_package():
    script = "import sys, nestvec_command; print([name for name in sys.modules if name in ('nestvec', 'numpy')])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"
