# SPDX-License-Identifier: Apache-2.0
"""What lies in the packages: which glibc it asks for, whose libraries, how big, what lintian says."""

import json
import pathlib
import platform
import re
import subprocess
import tarfile
import zipfile

import pytest

from journeys import MACHINES, PACKAGES, WHEELS, package
from roots import REPOSITORY

GLIBC = (2, 34)
COMPRESSED_MB = 40
TREES = {"tar.gz amd64": "nestvec-*-linux-x86_64.tar.gz", "tar.gz arm64": "nestvec-*-linux-aarch64.tar.gz",
         "deb amd64": "nestvec_*_amd64.deb", "dev deb amd64": "libnestvec-dev_*_amd64.deb",
         "deb arm64": "nestvec_*_arm64.deb", "dev deb arm64": "libnestvec-dev_*_arm64.deb",
         "wheel amd64": "nestvec-*_x86_64.whl", "wheel arm64": "nestvec-*_aarch64.whl"}


@pytest.fixture(scope="module", params=TREES, ids=lambda name: name.replace(" ", "-"))
def unpacked(request, tmp_path_factory):
    pattern = TREES[request.param]
    folder = PACKAGES
    if pattern.endswith(".whl"):
        folder = WHEELS if "amd64" in request.param else WHEELS.with_name("wheels-aarch64")
    if pattern.endswith("_aarch64.whl") and platform.machine() != "aarch64":
        folder = WHEELS.with_name("wheels-aarch64")
    if "arm64" in request.param and not list(folder.glob(pattern)):
        pytest.skip(f"not built: {pattern}")
    path, tree = package(pattern, folder), tmp_path_factory.mktemp("tree")
    if path.suffix == ".whl":
        zipfile.ZipFile(path).extractall(tree)
    elif path.suffix == ".deb":
        subprocess.run(["dpkg", "-x", path, tree], check=True)
    else:
        subprocess.run(["tar", "-xzf", path, "-C", tree], check=True)
    return path, tree


def elf_files(tree):
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def readelf(flag, path):
    return subprocess.run(["readelf", flag, "--wide", path], capture_output=True, text=True, check=True).stdout


def test_no_newer_glibc_is_needed(unpacked):
    path, tree = unpacked
    newest = {}
    for elf in elf_files(tree):
        versions = re.findall(r"GLIBC_(\d+)\.(\d+)", readelf("--version-info", elf))
        newest[elf.name] = max((tuple(map(int, version)) for version in versions), default=(0, 0))
    assert newest or "dev" in path.name
    print(f"{path.name}: newest symbols of glibc {newest}")
    assert all(version <= GLIBC for version in newest.values()), newest


def test_the_dependency_on_glibc_is_true(unpacked):
    path, _ = unpacked
    if path.suffix != ".deb":
        pytest.skip("it names no dependencies")
    control = subprocess.run(["dpkg-deb", "-f", path, "Depends"], capture_output=True, text=True, check=True).stdout
    assert f"libc6 (>= {GLIBC[0]}.{GLIBC[1]})" in control


def test_libraries_are_glibcs_or_of_the_package(unpacked):
    _, tree = unpacked
    own = {path.name for path in tree.rglob("*.so*")}
    allowed = r"lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+)\.so\.\d|ld-linux-[a-z0-9_-]+\.so\.\d"
    for elf in elf_files(tree):
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", readelf("--dynamic", elf))
        strange = [name for name in needed if not re.fullmatch(allowed, name) and name not in own
                   and not re.match(r"libonnxruntime.*\.so", name)]
        assert not strange, (elf.name, strange)
        if "onnxruntime" not in elf.name:
            assert "libstdc++.so.6" not in needed, elf.name


def test_run_paths_stay_in_the_package(unpacked):
    _, tree = unpacked
    for elf in elf_files(tree):
        for value in re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", readelf("--dynamic", elf)):
            for part in value.split(":"):
                assert part.startswith("$ORIGIN"), (elf.name, value)
                assert (elf.parent / part.replace("$ORIGIN", ".")).exists() or "dev" in str(unpacked[0])


def test_nothing_says_where_it_was_built(unpacked):
    _, tree = unpacked
    for elf in elf_files(tree):
        assert str(REPOSITORY).encode() not in elf.read_bytes(), elf


def test_programs_are_small_enough(unpacked):
    path, _ = unpacked
    megabytes = path.stat().st_size / 1e6
    print(f"{path.name}: {megabytes:.1f} MB")
    assert megabytes < COMPRESSED_MB


def test_licences_are_inside(unpacked):
    path, tree = unpacked
    text = "\n".join(file.read_text(errors="replace") for file in tree.rglob("*")
                     if file.is_file() and re.search(r"(?i)licen[cs]e|notice|copyright", file.name))
    for word in ["Apache", "Unicode"]:
        assert word in text, path.name


# Sums and the list of what is inside.

@pytest.mark.parametrize("pattern", ["*.tar.gz", "*.deb"])
def test_sums_are_right(pattern):
    found = list(PACKAGES.glob(pattern))
    assert found
    for path in found:
        done = subprocess.run(["sha256sum", "--check", f"{path.name}.sha256"], cwd=PACKAGES, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script, pattern", [("make-dist.sh", "nestvec-*-linux-x86_64.tar.gz"), ("make-deb.sh", "*.deb")])
def test_made_again_they_are_the_same(script, pattern):
    before = {path.name: path.read_bytes() for path in PACKAGES.glob(pattern)}
    subprocess.run([REPOSITORY / "scripts" / script], check=True)
    assert before == {path.name: path.read_bytes() for path in PACKAGES.glob(pattern)}, "other bytes"


def test_the_archive_is_one_folder_without_owners():
    for machine in MACHINES.values():
        for path in PACKAGES.glob(f"nestvec-*-linux-{machine}.tar.gz"):
            with tarfile.open(path) as archive:
                members = archive.getmembers()
            assert {member.name.split("/")[0] for member in members} == {path.name.removesuffix(".tar.gz")}
            assert {(member.uid, member.gid) for member in members} == {(0, 0)}
            assert len({member.mtime for member in members}) == 1


def test_the_bill_of_materials_names_what_is_linked():
    bill = json.loads(package("nestvec-*-linux-x86_64.spdx.json").read_text())
    assert bill["spdxVersion"].startswith("SPDX-2.")
    names = {entry["name"].lower() for entry in bill["packages"]}
    for library in ["nestvec", "onnxruntime", "curl", "openssl", "protobuf", "simdjson", "yaml-cpp", "zlib"]:
        assert any(library in name for name in names), (library, names)
    for entry in bill["packages"]:
        assert entry["versionInfo"] and entry["licenseDeclared"]


# Debian's packages.

@pytest.mark.parametrize("pattern", [pattern for pattern in TREES.values() if pattern.endswith(".deb")])
def test_lintian_finds_no_error(pattern):
    if "arm64" in pattern and not list(PACKAGES.glob(pattern)):
        pytest.skip(f"not built: {pattern}")
    done = subprocess.run(["lintian", "--fail-on", "error", "--no-tag-display-limit", "--allow-root", package(pattern)],
                          capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_overrides_have_reasons():
    for path in (REPOSITORY / "deploy" / "debian").glob("*.overrides"):
        lines = path.read_text().splitlines()
        for above, line in zip(["", *lines], lines):
            assert line.startswith("#") or above.startswith("#") or above.split()[1] == line.split()[1], line


def test_versions_agree():
    version = re.search(r"project\(nestvec VERSION ([0-9.]+)", (REPOSITORY / "CMakeLists.txt").read_text())[1]
    changelog = (REPOSITORY / "deploy" / "debian" / "changelog").read_text()
    assert changelog.startswith(f"nestvec ({version}) ")


def test_the_units_differ_in_paths_and_user(tmp_path):
    subprocess.run(["dpkg", "-x", package("nestvec_*_amd64.deb"), tmp_path], check=True)
    packaged = (tmp_path / "usr/lib/systemd/system/nestvec.service").read_text().splitlines()
    source = (REPOSITORY / "deploy" / "nestvec.service").read_text()
    ours = source[source.index("[Unit]"):].replace("/usr/local/bin", "/usr/bin").splitlines()
    assert set(packaged) - set(ours) == {"User=nestvec", "Group=nestvec"}
    assert set(ours) - set(packaged) == {"DynamicUser=yes", "SupplementaryGroups=nestvec-keys"}
    assert pathlib.Path(tmp_path / "etc/nestvec/config.yaml").exists()
