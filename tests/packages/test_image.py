# SPDX-License-Identifier: Apache-2.0
"""The image, built on minimal systems of Debian 12 and 13 and run as `docker run --read-only --cap-drop ALL
--user N --security-opt no-new-privileges` would: by crun, without a daemon and without cgroups."""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.request

import pytest

from hub_standin import HubStandin, Model
from journeys import MODEL, PACKAGES, package
from ports import free_port
from roots import REPOSITORY, ROOTS, make_base, made_once

NAME = "org/bert-tiny"
COMPRESSED_MB = 120


# crun refuses a machine with both generations of cgroups, and needs none: it gets to see one.
CRUN = ["unshare", "--mount", "sh", "-c", 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"', "crun",
        "--cgroup-manager=disabled"]


def base_image(suite, storage):
    """A base like debian:NN-slim, out of the clean root of that suite."""
    folder = ROOTS / f"image-{suite}"
    root = make_base(suite)
    with made_once(folder) as part:
        if part:
            subprocess.run(["tar", "-C", root, "--exclude=./var/lib/apt/lists/*", "--exclude=./var/cache/apt/*.bin",
                            "--exclude=./usr/share/doc/*", "--exclude=./usr/share/man/*", "--exclude=./usr/share/locale/*",
                            "-cf", part / "base.tar", "."], check=True)
            (part / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
    name = f"localhost/base:{suite}"
    buildah(storage, "build", "-q", "-t", name, folder)
    return name


def buildah(storage, *arguments):
    done = subprocess.run(["buildah", "--storage-driver", "vfs", "--root", storage / "root", "--runroot", storage / "run",
                           *arguments], capture_output=True, text=True, env={**os.environ, "BUILDAH_ISOLATION": "chroot"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


class Image:
    """The files and the configuration of what make-image.sh wrote."""

    def __init__(self, path, folder):
        self.path, self.rootfs = path, folder / "rootfs"
        self.rootfs.mkdir()
        with tarfile.open(path) as archive:
            (manifest,) = json.load(archive.extractfile("manifest.json"))
            self.config = json.load(archive.extractfile(manifest["Config"]))
            for layer in manifest["Layers"]:
                archive.extract(layer, folder)
                subprocess.run(["tar", "-xf", folder / layer, "-C", self.rootfs], check=True)

    @property
    def settings(self):
        return self.config["config"]


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def image(request, tmp_path_factory):
    storage = tmp_path_factory.mktemp("images")
    base = base_image(request.param, storage)
    done = subprocess.run([REPOSITORY / "scripts" / "make-image.sh"], capture_output=True, text=True,
                          env={**os.environ, "NESTVEC_IMAGE_BASE": base, "NESTVEC_IMAGE_STORAGE": str(storage)})
    assert done.returncode == 0, done.stderr + (REPOSITORY / "build" / "setup.log").read_text()[-3000:]
    shutil.rmtree(storage)
    yield Image(package("nestvec-*-linux-x86_64.image.tar.gz"), tmp_path_factory.mktemp("image"))


class Container:
    """One of crun: a random user, a read-only root, no capabilities; a volume, and the network of this machine."""

    def __init__(self, image, folder, volume, env):
        self.image, self.folder, self.volume, self.env = image, folder, volume, env
        self.user = volume.stat().st_uid
        self.state = f"--root={folder}/state"
        self.number = 0

    def start(self, *command):
        """A process whose output is text; without a command that of the image."""
        self.number += 1
        name = f"nestvec-{os.getpid()}-{self.folder.name}-{self.number}"
        bundle = self.folder / name
        bundle.mkdir()
        settings = self.image.settings
        variables = dict(line.split("=", 1) for line in settings["Env"]) | self.env
        (bundle / "config.json").write_text(json.dumps({
            "ociVersion": "1.0.0",
            "process": {
                "user": {"uid": self.user, "gid": self.user}, "cwd": "/",
                "args": [*settings["Entrypoint"], *(command or settings["Cmd"])],
                "env": [f"{name}={value}" for name, value in variables.items()],
                "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")},
                "noNewPrivileges": True,
            },
            "root": {"path": str(self.image.rootfs), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
                {"destination": "/var/cache/nestvec", "type": "bind", "source": str(self.volume), "options": ["bind", "rw"]},
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
        }))
        process = subprocess.Popen([*CRUN, self.state, "run", f"--bundle={bundle}", name], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        process.container = name
        return process

    def run(self, *command, timeout=600):
        process = self.start(*command)
        said, _ = process.communicate(timeout=timeout)
        return process.returncode, said

    def inside(self, process, *command):
        """A further command in a running container, as a health check is."""
        return subprocess.run([*CRUN, self.state, "exec", process.container, *command], capture_output=True, text=True,
                              timeout=120)

    def kill(self, process, number):
        subprocess.run([*CRUN, self.state, "kill", process.container, signal.Signals(number).name], check=True)


@pytest.fixture(scope="module")
def container(image, tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    volume = folder / "volume"
    volume.mkdir(mode=0o700)
    user = random.randrange(100_000, 900_000)
    os.chown(volume, user, user)
    for path in (folder, *folder.parents):  # another user passes through them
        with contextlib.suppress(PermissionError):
            if not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)
    files = {str(path.relative_to(MODEL)): path.read_bytes() for path in MODEL.rglob("*") if path.is_file()}
    with HubStandin() as hub:
        hub.models[NAME] = Model(files=files, lfs={"model.safetensors"})
        yield Container(image, folder, volume, {"HF_ENDPOINT": hub.url})


def listing(folder):
    return {(str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*")}


def test_pull_serve_health_and_a_clean_end(container):
    before = listing(container.image.rootfs)
    code, said = container.run("pull", NAME)
    assert code == 0, said
    address = f"127.0.0.1:{free_port()}"
    server = container.start("serve", "-m", NAME, "--http", address)
    ready = server.stdout.readline()
    while ready and not ready.startswith("nestvec: ready "):
        ready = server.stdout.readline()
    assert ready, "the server ended"
    request = urllib.request.Request(f"http://{address}/embed", json.dumps({"inputs": ["A cat."]}).encode(),
                                     {"Content-Type": "application/json"})
    (vector,) = json.load(urllib.request.urlopen(request, timeout=60))
    assert len(vector) == 32
    check = container.image.settings["Healthcheck"]["Test"]
    assert check[:3] == ["CMD", "nestvec", "health"]
    healthy = container.inside(server, *check[1:], address)
    assert healthy.returncode == 0, healthy.stderr
    status = container.inside(server, "nestvec", "health", "127.0.0.1:1")
    assert status.returncode == 6, status.stderr
    container.kill(server, signal.SIGTERM)
    start = time.monotonic()
    said, _ = server.communicate(timeout=60)
    assert server.returncode == 0, said
    print(f"SIGTERM to the end: {time.monotonic() - start:.1f} s")
    assert listing(container.image.rootfs) == before
    made = list(container.volume.rglob("*"))
    assert made and {path.lstat().st_uid for path in made} == {container.user}


def test_nothing_can_be_written_outside_the_volume(container):
    code, said = container.run("embed", "-q", "-m", NAME, "-o", "/vectors.npy", "A cat.")
    assert code != 0 and "/vectors.npy" in said


def test_the_image_says_what_it_is(image):
    labels = image.settings["Labels"]
    version = package("nestvec-*-linux-x86_64.tar.gz").name.split("-")[1]
    assert labels["org.opencontainers.image.version"] == version
    assert {"title", "description", "revision", "licenses", "vendor"} <= {name.rpartition(".")[2] for name in labels}
    assert image.settings["User"] == "65532:65532" and "/var/cache/nestvec" in image.settings["Volumes"]
    assert image.config["architecture"] == "amd64" and image.config["os"] == "linux"
    documents = image.rootfs / "usr" / "local" / "share" / "doc" / "nestvec"
    assert json.loads((documents / "sbom.spdx.json").read_text())["spdxVersion"]
    assert (documents / "NOTICE").exists()
    owner = (image.rootfs / "var" / "cache" / "nestvec").stat()
    assert (owner.st_uid, owner.st_gid) == (65532, 65532)


def test_the_image_is_small(image):
    megabytes = image.path.stat().st_size / 1e6
    print(f"{image.path.name}: {megabytes:.1f} MB compressed")
    assert megabytes < COMPRESSED_MB


def test_the_command_is_that_of_the_archive(image):
    with tarfile.open(package("nestvec-*-linux-x86_64.tar.gz", PACKAGES)) as archive:
        (member,) = [member for member in archive.getmembers() if member.name.endswith("/bin/nestvec")]
        assert (image.rootfs / "usr" / "local" / "bin" / "nestvec").read_bytes() == archive.extractfile(member).read()
    assert pathlib.Path(image.rootfs / "etc" / "ssl" / "certs" / "ca-certificates.crt").stat().st_size > 100_000
