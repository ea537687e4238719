# SPDX-License-Identifier: Apache-2.0
"""Clean systems of Debian to install packages in.

A root is made once by mmdebstrap, what a way of installing needs besides is a layer on it, and each test
has a fresh overlay of its own. Commands run in namespaces of their own: nothing is mounted on this
machine, and what they start ends with them. Needs root.

Programs of another architecture run under qemu-user (emulated.py).
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
ROOTS = REPOSITORY / "build" / "roots"
BASE_PACKAGES = ["ca-certificates", "curl"]

ENTER = r"""
set -e
root=$1 lower=$2 upper=$3 work=$4 cpuinfo=$5
shift 5
# A user namespace may keep notes on files only among the user's own attributes.
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work${cpuinfo:+,userxattr}" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
if [ -e /etc/resolv.conf ]; then
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
fi
if [ -n "$cpuinfo" ]; then
  mount --bind "$cpuinfo" "$root/proc/cpuinfo"
fi
exec chroot "$root" "$@"
"""


def is_foreign(architecture):
    return architecture != {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def mirror():
    """That of this machine's own apt sources."""
    script = 'source scripts/common.sh; source scripts/apt.sh; debian_mirror'
    found = subprocess.run(["bash", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert found.stdout.strip(), "the machine's apt sources name no mirror of Debian"
    return found.stdout.strip()


@contextlib.contextmanager
def made_once(folder):
    """Where to make a folder that is not there yet, else None; it gets its name when it is whole."""
    ROOTS.mkdir(parents=True, exist_ok=True)
    with open(ROOTS / f"{folder.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            yield None
            return
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        yield part
        part.rename(folder)


# ONNX Runtime crashes where this file tells of another architecture.
CPUINFO = REPOSITORY / "scripts" / "cpuinfo-aarch64"


def namespaces(architecture):
    """What a command begins with that runs in namespaces of its own."""
    if is_foreign(architecture):
        return [sys.executable, str(HERE / "emulated.py")]
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child"]


def make_base(suite, architecture="amd64"):
    """The folder of a minimal root with BASE_PACKAGES."""
    folder = ROOTS / f"{suite}-{architecture}"
    with made_once(folder) as part:
        if part:
            run_logged(f"{folder.name}.log",
                       [*namespaces(architecture), "mmdebstrap", "--mode=root", "--variant=minbase",
                        f"--architectures={architecture}", "--format=directory", f"--include={','.join(BASE_PACKAGES)}",
                        "--skip=cleanup/apt/lists", "--aptopt=Acquire::Languages none",
                        "--aptopt=Acquire::Check-Valid-Until false",  # a mirror of a release in the making may be late
                        suite, str(part), mirror()])
    return folder


def run_logged(name, command):
    with open(ROOTS / name, "wb") as log:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    assert done.returncode == 0, (ROOTS / name).read_text()[-3000:]


class Root:
    """A system in which whatever happens is thrown away with `folder`."""

    def __init__(self, folder, suite, architecture="amd64", layers=()):
        self.suite, self.architecture = suite, architecture
        self.lower = [*layers, make_base(suite, architecture)]
        self.upper, self.work, self.root = (folder / name for name in ("upper", "work", "root"))
        for path in (self.upper, self.work, self.root):
            path.mkdir(parents=True)

    def command(self, *arguments):
        cpuinfo = str(CPUINFO) if is_foreign(self.architecture) else ""
        return [*namespaces(self.architecture), "sh", "-c", ENTER, "enter", str(self.root), ":".join(map(str, self.lower)),
                str(self.upper), str(self.work), cpuinfo, *map(str, arguments)]

    def run(self, *arguments, env=None, timeout=900, **options):
        """The finished process; of the caller's environment only a proxy reaches it."""
        kept = {name: value for name, value in os.environ.items() if re.fullmatch(r"(?i)https?_proxy|no_proxy", name)}
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                       "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **kept, **(env or {})}
        return subprocess.run(self.command(*arguments), env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **options)

    def ok(self, *arguments, **options):
        done = self.run(*arguments, **options)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout[-4000:]}"
        return done.stdout

    def put(self, source, target):
        """Copies a file or folder in. Before the first command, or between two."""
        path = self.upper / target.lstrip("/")
        for parent in reversed(path.relative_to(self.upper).parents):
            if not (self.upper / parent).exists():
                (self.upper / parent).mkdir()
                # Over a folder of the clean system lies one of the same mode.
                for lower in self.lower:
                    if (lower / parent).is_dir():
                        shutil.copystat(lower / parent, self.upper / parent)
                        break
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, path)

    def files(self):
        """What is not as it was in the clean system: paths, those that were removed left out."""
        return {"/" + str(path.relative_to(self.upper)) for path in self.upper.rglob("*")
                if not path.is_dir() and not path.is_char_device()}


def layer(suite, name, packages, architecture="amd64"):
    """A folder to lay over a base, in which more packages of Debian are installed."""
    folder = ROOTS / f"{suite}-{architecture}+{name}"
    base = make_base(suite, architecture)
    with made_once(folder) as part:
        if part:
            root = Root(part, suite, architecture)
            root.ok("apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages, timeout=3000)
            shutil.rmtree(part / "root")
            shutil.rmtree(part / "work", ignore_errors=True)
    assert base.exists()
    return folder / "upper"
