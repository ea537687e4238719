# SPDX-License-Identifier: Apache-2.0
"""The image, built on minimal systems of Debian 12 and 13 and run as `docker run --read-only --cap-drop ALL
--user N --security-opt no-new-privileges` would: by crun, without a daemon and without cgroups. That of aarch64 runs
emulated."""

import contextlib
import hashlib
import io
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
from journeys import FIRST_VECTORS, MACHINES, MODEL, PACKAGES, package
from ports import free_port
from roots import CPUINFO, REPOSITORY, ROOTS, is_foreign, make_base, made_once, namespaces

NAME = "org/bert-tiny"
COMPRESSED_MB = 120


SYSTEMS = [("bookworm", "amd64"), ("trixie", "amd64"), ("bookworm", "arm64")]
CRUN = ["crun", "--cgroup-manager=disabled"]
# crun refuses a machine with both generations of cgroups, and needs none: it gets to see one. The other is hidden before
# there is a namespace of users, in which nobody may take a mount away.
ONE_CGROUP = ["unshare", "--mount", "sh", "-c", 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh"]


def base_image(suite, architecture, storage):
    """A base like debian:NN-slim, out of the clean root of that suite."""
    folder = ROOTS / f"image-{suite}-{architecture}"
    root = make_base(suite, architecture)
    with made_once(folder) as part:
        if part:
            subprocess.run(["tar", "-C", root, "--exclude=./var/lib/apt/lists/*", "--exclude=./var/cache/apt/*.bin",
                            "--exclude=./usr/share/doc/*", "--exclude=./usr/share/man/*", "--exclude=./usr/share/locale/*",
                            "-cf", part / "base.tar", "."], check=True)
            (part / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
    name = f"localhost/base:{suite}-{architecture}"
    buildah(storage, "build", "-q", f"--platform=linux/{architecture}", "-t", name, folder)
    return name


def base_of_all(suite, architectures, storage):
    """One name for all of them, as debian:NN-slim is."""
    name = f"localhost/base:{suite}"
    buildah(storage, "manifest", "create", name)
    for architecture in architectures:
        buildah(storage, "manifest", "add", name, base_image(suite, architecture, storage))
    return name


def make_images(base, storage, *machines):
    done = subprocess.run([REPOSITORY / "scripts" / "make-image.sh", *machines], capture_output=True, text=True,
                          env={**os.environ, "NESTVEC_IMAGE_BASE": base, "NESTVEC_IMAGE_STORAGE": str(storage)})
    assert done.returncode == 0, done.stderr + (REPOSITORY / "build" / "setup.log").read_text()[-3000:]


def skip_unless_built(architecture):
    if not list(PACKAGES.glob(f"nestvec-*-linux-{MACHINES[architecture]}.tar.gz")):
        pytest.skip(f"not built: make dist ARCH={MACHINES[architecture]}")


def buildah(storage, *arguments):
    done = subprocess.run(["buildah", "--storage-driver", "vfs", "--root", storage / "root", "--runroot", storage / "run",
                           *arguments], capture_output=True, text=True, env={**os.environ, "BUILDAH_ISOLATION": "chroot"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


class Image:
    """The files and the configuration of what make-image.sh wrote."""

    def __init__(self, path, folder, suite, architecture):
        self.path, self.rootfs, self.suite, self.architecture = path, folder / "rootfs", suite, architecture
        start = time.monotonic()
        self.rootfs.mkdir()
        with tarfile.open(path) as archive:
            (manifest,) = json.load(archive.extractfile("manifest.json"))
            self.config = json.load(archive.extractfile(manifest["Config"]))
            for layer in manifest["Layers"]:
                archive.extract(layer, folder)
                subprocess.run(["tar", "-xf", folder / layer, "-C", self.rootfs], check=True)
        self.unpacked = time.monotonic() - start

    @property
    def settings(self):
        return self.config["config"]


@pytest.fixture(scope="module", params=SYSTEMS, ids="-".join)
def image(request, tmp_path_factory):
    suite, architecture = request.param
    skip_unless_built(architecture)
    storage = tmp_path_factory.mktemp("images")
    machine = MACHINES[architecture]
    make_images(base_of_all(suite, dict.fromkeys(["amd64", architecture]), storage), storage, machine)
    shutil.rmtree(storage)
    yield Image(package(f"nestvec-*-linux-{machine}.image.tar.gz"), tmp_path_factory.mktemp("image"), suite, architecture)


class Container:
    """One of crun: a random user, a read-only root, no capabilities; a volume, and the network of this machine."""

    def __init__(self, image, folder, volume, env):
        self.image, self.folder, self.volume, self.env = image, folder, volume, env
        self.user = volume.stat().st_uid
        self.is_foreign = is_foreign(image.architecture)
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
        cpuinfo = [{"destination": "/proc/cpuinfo", "type": "bind", "source": str(CPUINFO), "options": ["bind"]}]
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
                *(cpuinfo if self.is_foreign else []),
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
        }))
        around = namespaces(self.image.architecture) if self.is_foreign else []
        process = subprocess.Popen([*ONE_CGROUP, *around, *CRUN, self.state, "run", f"--bundle={bundle}", name],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        process.container = name
        return process

    def run(self, *command, timeout=600):
        process = self.start(*command)
        said, _ = process.communicate(timeout=timeout)
        return process.returncode, said

    def crun(self, process, *arguments, **options):
        """crun for a running container, in the namespaces of the one that runs it."""
        around = ONE_CGROUP
        if self.is_foreign:  # which have one already
            (child,) = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            around = ["nsenter", f"--target={child}", "--user", "--mount", "--pid"]
        return subprocess.run([*around, *CRUN, self.state, *arguments], text=True, timeout=120, **options)

    def inside(self, process, *command):
        """A further command in a running container, as a health check is."""
        return self.crun(process, "exec", process.container, *command, capture_output=True)

    def kill(self, process, number):
        self.crun(process, "kill", process.container, signal.Signals(number).name, check=True)


@pytest.fixture(scope="module")
def container(image, tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    volume = folder / "volume"
    volume.mkdir(mode=0o700)
    user = random.randrange(10_000, 60_000)
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


def test_the_first_vector(image, container):
    """From the file of the image to a vector of a model that is there."""
    shutil.copytree(MODEL, container.volume / "model")
    start = time.monotonic()
    code, said = container.run("embed", "-q", "-m", "/var/cache/nestvec/model", "A cat sleeps.")
    assert code == 0, said
    FIRST_VECTORS[image.suite, image.architecture, "image"] = image.unpacked + time.monotonic() - start


def test_nothing_can_be_written_outside_the_volume(container):
    code, said = container.run("embed", "-q", "-m", NAME, "-o", "/vectors.npy", "A cat.")
    assert code != 0 and "/vectors.npy" in said


def test_the_image_says_what_it_is(image):
    labels = image.settings["Labels"]
    version = package(f"nestvec-*-linux-{MACHINES[image.architecture]}.tar.gz").name.split("-")[1]
    assert labels["org.opencontainers.image.version"] == version
    assert {"title", "description", "revision", "licenses", "vendor"} <= {name.rpartition(".")[2] for name in labels}
    assert image.settings["User"] == "65532:65532" and "/var/cache/nestvec" in image.settings["Volumes"]
    assert image.config["architecture"] == image.architecture and image.config["os"] == "linux"
    documents = image.rootfs / "usr" / "local" / "share" / "doc" / "nestvec"
    assert json.loads((documents / "sbom.spdx.json").read_text())["spdxVersion"]
    assert (documents / "NOTICE").exists()
    with open(image.rootfs / "usr" / "bin" / "dash", "rb") as program:  # of the base
        assert program.read(20)[18] == {"amd64": 62, "arm64": 183}[image.architecture]
    owner = (image.rootfs / "var" / "cache" / "nestvec").stat()
    assert (owner.st_uid, owner.st_gid) == (65532, 65532)


def test_the_image_is_small(image):
    megabytes = image.path.stat().st_size / 1e6
    print(f"{image.path.name}: {megabytes:.1f} MB compressed")
    assert megabytes < COMPRESSED_MB


def command_of_the_archive(architecture):
    with tarfile.open(package(f"nestvec-*-linux-{MACHINES[architecture]}.tar.gz", PACKAGES)) as archive:
        (member,) = [member for member in archive.getmembers() if member.name.endswith("/bin/nestvec")]
        return archive.extractfile(member).read()


def test_the_command_is_that_of_the_archive(image):
    assert (image.rootfs / "usr" / "local" / "bin" / "nestvec").read_bytes() == command_of_the_archive(image.architecture)
    assert pathlib.Path(image.rootfs / "etc" / "ssl" / "certs" / "ca-certificates.crt").stat().st_size > 100_000


# One name for both architectures.

@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The folder of the archive that names both images, in OCI's layout."""
    for architecture in MACHINES:
        skip_unless_built(architecture)
    storage, folder = tmp_path_factory.mktemp("images"), tmp_path_factory.mktemp("oci")
    make_images(base_of_all("bookworm", MACHINES, storage), storage, *MACHINES.values())
    shutil.rmtree(storage)
    subprocess.run(["tar", "-xf", package("nestvec-*-linux.oci.tar"), "-C", folder], check=True)
    return folder


def blob(folder, descriptor):
    kind, _, digest = descriptor["digest"].partition(":")
    data = (folder / "blobs" / kind / digest).read_bytes()
    assert hashlib.new(kind, data).hexdigest() == digest
    return data


def test_one_name_has_the_image_of_each_processor(index):
    (named,) = json.loads((index / "index.json").read_text())["manifests"]
    images = {entry["platform"]["architecture"]: json.loads(blob(index, entry))
              for entry in json.loads(blob(index, named))["manifests"]}
    assert set(images) == set(MACHINES)
    for architecture, manifest in images.items():
        config = json.loads(blob(index, manifest["config"]))
        assert config["architecture"] == architecture and config["config"]["Entrypoint"] == ["nestvec"]
        commands = []
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(blob(index, layer))) as archive:
                commands += [archive.extractfile(member).read() for member in archive.getmembers()
                             if member.name == "usr/local/bin/nestvec"]
        assert commands == [command_of_the_archive(architecture)]
