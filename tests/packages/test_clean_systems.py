# SPDX-License-Identifier: Apache-2.0
"""Each package in each clean system: installed, used, removed."""

import functools
import json
import pathlib
import re

import pytest

from journeys import MODEL, PACKAGES, STEPS, WHEELS, Journey, archive, install_archive, install_deb, package
from roots import REPOSITORY, Root, layer

SYSTEMS = [("bookworm", "amd64", "tar.gz"), ("bookworm", "amd64", "deb"), ("bookworm", "amd64", "wheel"),
           ("trixie", "amd64", "tar.gz"), ("trixie", "amd64", "deb"), ("trixie", "amd64", "wheel"),
           ("forky", "amd64", "wheel"),  # Python 3.14
           ("bookworm", "arm64", "tar.gz"), ("bookworm", "arm64", "deb"), ("bookworm", "arm64", "wheel")]
CONSUMER = REPOSITORY / "tests" / "consumer"
COMPILER = ("cxx", ["g++", "cmake", "make", "pkg-config"])
MAKE = {"tar.gz": "dist", "deb": "deb", "wheel": "wheel"}


def is_built(way):
    """For aarch64, which not everyone makes."""
    made = {"tar.gz": PACKAGES.glob("nestvec-*-linux-aarch64.tar.gz"), "deb": PACKAGES.glob("nestvec_*_arm64.deb"),
            "wheel": [*WHEELS.glob("*_aarch64.whl"), *WHEELS.with_name("wheels-aarch64").glob("*.whl")]}
    return bool(list(made[way]))


@pytest.fixture(scope="session")
def journey(scratch):
    @functools.cache
    def go(suite, architecture, way):
        if architecture == "arm64" and not is_built(way):
            pytest.skip(f"not built: make {MAKE[way]} ARCH=aarch64")
        return Journey(scratch / f"{suite}-{architecture}-{way}", suite, architecture, way)
    return go


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("system", SYSTEMS, ids="-".join)
def test_a_user_can(journey, system, step):
    done = journey(*system)
    assert done.steps.get(step), done.said


@pytest.mark.parametrize("system", SYSTEMS, ids="-".join)
def test_nothing_is_looked_for_outside_the_package(journey, system):
    """Every library is glibc's, the compiler's, or one of the package."""
    done = journey(*system)
    if system[2] == "wheel":
        pytest.skip("what is on the path is a script of pip")
    needed = re.findall(r"^\s*(\S+) (?:=> (\S+))?", done.root.ok("ldd", done.command), re.MULTILINE)
    of_others = {name for name, _ in needed if "onnxruntime" not in name}
    # libstdc++ is what ONNX Runtime as published needs.
    allowed = r"linux-vdso\.so\.1|/lib.*/ld-linux.*|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+)\.so\.\d"
    assert all(re.fullmatch(allowed, name) for name in of_others), of_others
    (runtime,) = [path for name, path in needed if "onnxruntime" in name]
    assert runtime.startswith(("/opt/nestvec-", "/usr/lib/nestvec/", "/usr/bin/../lib/nestvec/"))


# Debian's package.

@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def debian(request, scratch):
    """A system with nestvec.deb, and its files before."""
    root = Root(scratch / f"deb-{request.param}", request.param)
    root.ok("true")
    before = root.ok("find", "/", "-xdev", "-not", "-path", "/proc/*").splitlines()
    install_deb(root)
    return root, set(before)


def test_the_service_waits_for_its_operator(debian):
    root, _ = debian
    assert "User=nestvec" in root.ok("cat", "/usr/lib/systemd/system/nestvec.service")
    assert root.run("find", "/etc/systemd", "-name", "nestvec*").stdout.strip() == ""
    assert root.ok("getent", "passwd", "nestvec").strip().endswith(":/var/cache/nestvec:/usr/sbin/nologin")
    printed = root.ok("nestvec", "serve", "--config", "/etc/nestvec/config.yaml", "--print-config")
    assert "127.0.0.1:8080" in printed and "warning" not in printed


def test_pages_and_completions_are_there(debian):
    root, _ = debian
    listed = root.ok("dpkg", "-L", "nestvec").splitlines()
    for path in ["/usr/share/man/man1/nestvec.1.gz", "/usr/share/bash-completion/completions/nestvec",
                 "/usr/share/zsh/site-functions/_nestvec", "/usr/share/fish/vendor_completions.d/nestvec.fish",
                 "/usr/share/doc/nestvec/copyright", "/usr/share/doc/nestvec/changelog.gz"]:
        assert path in listed, path


def test_scripts_may_run_again(debian):
    root, _ = debian
    for script, *arguments in [("postinst", "configure", ""), ("postinst", "configure", "0.0.9"), ("prerm", "upgrade", "0.1.0"),
                               ("postrm", "upgrade", "0.1.0")]:
        root.ok(f"/var/lib/dpkg/info/nestvec.{script}", *arguments)


def test_a_changed_configuration_survives_and_a_purge_leaves_nothing(debian):
    """Runs last: it removes the package."""
    root, before = debian
    root.ok("sh", "-c", "echo '# mine' >>/etc/nestvec/config.yaml; mkdir -p /var/cache/nestvec/models; touch /etc/nestvec/api-keys")
    root.ok("dpkg", "--remove", "nestvec")
    after_removal = set(root.ok("find", "/", "-xdev", "-not", "-path", "/proc/*").splitlines()) - before
    ours = {path for path in after_removal if "nestvec" in path}
    kept = {"/etc/nestvec", "/etc/nestvec/config.yaml", "/etc/nestvec/api-keys", "/var/cache/nestvec", "/var/cache/nestvec/models",
            "/var/lib/dpkg/info/nestvec.list", "/var/lib/dpkg/info/nestvec.postrm", "/tmp/nestvec.deb"}
    assert ours == kept
    assert "# mine" in root.ok("cat", "/etc/nestvec/config.yaml")
    root.ok("dpkg", "--purge", "nestvec")
    left = set(root.ok("find", "/", "-xdev", "-not", "-path", "/proc/*").splitlines()) - before
    # The user stays, as Debian's own do; apt and dpkg keep their notes.
    notes = r"/tmp/nestvec\.deb|/var/(lib/(dpkg|apt)|log|cache/(apt|debconf|ldconfig))/.*|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?"
    assert all(re.fullmatch(notes, path) for path in left), left


# The C++ library.

CMAKE = """
set -e
cmake -S /srv/consumer -B /tmp/made -DCMAKE_PREFIX_PATH="$1" -DCMAKE_BUILD_TYPE=Release >/tmp/said 2>&1 || { cat /tmp/said; exit 1; }
cmake --build /tmp/made
/tmp/made/consumer /srv/model
"""
PKG_CONFIG = """
set -e
flags=$(PKG_CONFIG_PATH="$1" pkg-config --cflags --libs nestvec)
c++ -std=c++20 /srv/consumer/consumer.cc -o /tmp/consumer $flags
LD_LIBRARY_PATH="$2" /tmp/consumer /srv/model
"""


@pytest.fixture(scope="session")
def compilers(scratch):
    @functools.cache
    def make(suite, way):
        root = Root(scratch / f"cxx-{suite}-{way}", suite, layers=[layer(suite, *COMPILER)])
        root.put(MODEL, "/srv/model")
        root.put(CONSUMER, "/srv/consumer")
        if way == "tar.gz":
            return root, install_archive(root).removesuffix("/bin/nestvec")
        for name in ("nestvec", "libnestvec-dev"):
            root.put(package(f"{name}_*_amd64.deb"), f"/tmp/{name}.deb")
        root.ok("apt-get", "-qq", "install", "-y", "--no-install-recommends", "/tmp/nestvec.deb", "/tmp/libnestvec-dev.deb")
        return root, "/usr"
    return make


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("way", ["tar.gz", "deb"])
def test_a_program_of_ten_lines(compilers, suite, way):
    root, prefix = compilers(suite, way)
    assert "32 numbers" in root.ok("sh", "-c", CMAKE, "sh", prefix)
    places = [f"{prefix}/lib/pkgconfig", f"{prefix}/lib"] if way == "tar.gz" else ["", ""]
    assert "32 numbers" in root.ok("sh", "-c", PKG_CONFIG, "sh", *places)


# A processor without AVX2.

@pytest.mark.parametrize("processor", ["core2duo", "Nehalem"])
def test_an_old_processor_computes_the_same(scratch, processor):
    """Without AVX: kernels of plain C++."""
    root = Root(scratch / processor, "bookworm")
    root.put(MODEL, "/srv/model")
    command = install_archive(root)
    root.put(pathlib.Path("/usr/bin/qemu-x86_64-static"), "/usr/bin/qemu")
    embed = [command, "embed", "-q", "-m", "/srv/model", "--format", "jsonl", "A cat."]
    old = json.loads(root.ok("/usr/bin/qemu", "-cpu", processor, *embed))["embedding"]
    new = json.loads(root.ok(*embed, "--precision", "fp32"))["embedding"]
    assert max(abs(a - b) for a, b in zip(old, new, strict=True)) < 1e-5


def test_the_archive_may_be_moved(scratch):
    root = Root(scratch / "moved", "bookworm")
    root.put(MODEL, "/srv/model")
    command = install_archive(root)
    folder = command.removesuffix("/bin/nestvec")
    root.ok("mv", folder, "/opt/a folder")
    root.ok("/opt/a folder/bin/nestvec", "embed", "-q", "-m", "/srv/model", "A cat.")
    root.ok("ln", "-s", "/opt/a folder/bin/nestvec", "/usr/local/bin/nestvec")
    root.ok("nestvec", "embed", "-q", "-m", "/srv/model", "A cat.")
    assert archive("amd64").exists()
