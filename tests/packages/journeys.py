# SPDX-License-Identifier: Apache-2.0
"""Ways to install nestvec into a clean system, and what a user does then (journey.sh)."""

import pathlib
import platform
import re
import subprocess
import sys
import time

from roots import REPOSITORY, ROOTS, Root, layer, made_once

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = REPOSITORY / "build" / "packages"
WHEELS = REPOSITORY / "build" / "wheels"
MODEL = REPOSITORY / "tests" / "models" / "bert-tiny"
STEPS = ["version", "tokenize", "embed", "serve", "compile", "bulk", "errors"]
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def package(pattern, folder=PACKAGES):
    found = sorted(folder.glob(pattern))
    assert len(found) == 1, f"{folder}/{pattern}: {[path.name for path in found] or 'not built'}"
    return found[0]


def archive(architecture):
    return package(f"nestvec-*-linux-{MACHINES[architecture]}.tar.gz")


def wheel(machine):
    """One for another processor lies in a folder of its own."""
    return package(f"nestvec-*_{machine}.whl", WHEELS if machine == platform.machine() else WHEELS.with_name(f"wheels-{machine}"))


def install_archive(root):
    """The path of the command."""
    path = archive(root.architecture)
    root.put(path, "/tmp/nestvec.tar.gz")
    root.ok("tar", "-xzf", "/tmp/nestvec.tar.gz", "-C", "/opt")
    return f"/opt/{path.name.removesuffix('.tar.gz')}/bin/nestvec"


def install_deb(root):
    root.put(package(f"nestvec_*_{root.architecture}.deb"), "/tmp/nestvec.deb")
    root.ok("apt-get", "-qq", "install", "-y", "--no-install-recommends", "/tmp/nestvec.deb")
    return "/usr/bin/nestvec"


def dependencies(root):
    """A folder of wheels that nestvec needs, for the Python of a root."""
    version = re.search(r"\d+\.\d+", root.ok("python3", "--version"))[0]
    machine = MACHINES[root.architecture]
    folder = ROOTS / f"wheels-{version}-{machine}"
    with made_once(folder) as part:
        if part:
            platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in (17, 27, 28)]
            path = wheel(machine)
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:",
                            f"--python-version={version}", "--implementation=cp", *platforms,
                            *(f"--platform={tag}_{machine}" for tag in re.findall(r"manylinux_2_\d+", path.name)),
                            f"--dest={part}", path], check=True)
    return folder


def install_wheel(root):
    root.put(dependencies(root), "/tmp/wheels")
    root.put(wheel(MACHINES[root.architecture]), "/tmp/wheels/")
    root.ok("python3", "-m", "venv", "/opt/venv")
    root.ok("/opt/venv/bin/pip", "install", "--quiet", "--no-index", "--find-links=/tmp/wheels", "nestvec")
    return "/opt/venv/bin/nestvec"


INSTALL = {"tar.gz": install_archive, "deb": install_deb, "wheel": install_wheel}
LAYERS = {"wheel": ("python", ["python3-venv"])}


class Table:
    """What was run, a line for each system and way."""

    def __init__(self):
        self.rows = {}

    def __bool__(self):
        return bool(self.rows)

    def lines(self):
        width = {name: max(len(name), 4) for name in STEPS}
        yield " ".join([f"{'system':16}", f"{'way':7}", *(name.ljust(width[name]) for name in STEPS), "installed", "first vector"])
        for (suite, architecture, way), journey in self.rows.items():
            cells = [("ok" if journey.steps.get(name) else "FAIL").ljust(width[name]) for name in STEPS]
            yield " ".join([f"{suite + ' ' + architecture:16}", f"{way:7}", *cells, f"{journey.installed:7.1f} s",
                            f"{journey.first_vector:10.1f} s"])


TABLE = Table()
FIRST_VECTORS = {}  # seconds by suite, architecture and way, of what has no journey


class Journey:
    """An installation in a fresh root and what journey.sh says of it."""

    def __init__(self, folder, suite, architecture, way):
        layers = [layer(suite, *LAYERS[way], architecture)] if way in LAYERS else []
        self.root = Root(folder, suite, architecture, layers)
        self.root.put(MODEL, "/srv/model")
        self.root.put(HERE / "journey.sh", "/srv/journey.sh")
        self.root.ok("true")  # what has to be made once is not timed
        start = time.monotonic()
        self.command = INSTALL[way](self.root)
        self.installed = time.monotonic() - start
        self.root.ok(self.command, "embed", "-q", "-m", "/srv/model", "A cat sleeps.")
        self.first_vector = time.monotonic() - start
        self.said = self.root.run("sh", "/srv/journey.sh", self.command, "/srv/model").stdout
        self.steps = {name: word == "ok" for word, name in re.findall(r"^(ok|failed) (\w+)$", self.said, re.MULTILINE)}
        TABLE.rows[suite, architecture, way] = self
