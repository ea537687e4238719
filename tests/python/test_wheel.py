# SPDX-License-Identifier: Apache-2.0
"""The wheel as a file: its names, what it holds, and that it is enough by itself."""

import re
import subprocess
import tarfile
import zipfile

import pytest

import nestvec
from command import MODELS, REPOSITORY

WHEELS = REPOSITORY / "build/wheels"


@pytest.fixture(scope="module")
def wheel():
    (path,) = WHEELS.glob("nestvec-*.whl")
    return path


def test_name_and_version(wheel):
    version = re.search(r"project\(nestvec VERSION ([\d.]+)", (REPOSITORY / "CMakeLists.txt").read_text())[1]
    assert nestvec.__version__ == version
    assert re.fullmatch(rf"nestvec-{version}-cp310-abi3-manylinux_2_\d+_x86_64(\.manylinux_2_\d+_x86_64)?\.whl", wheel.name)


def test_auditwheel_agrees_with_the_tag(wheel):
    auditwheel = REPOSITORY / "build/venv-wheel/bin/auditwheel"
    shown = subprocess.run([auditwheel, "show", wheel], check=True, capture_output=True, text=True).stdout
    tag = re.search(r'consistent with\s+the\s+following\s+platform\s+tag:\s+"(\w+)"', shown)[1]
    assert tag in wheel.name


def test_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("_core.abi3.so", "_core.pyi", "py.typed", "libonnxruntime.so.1", "langchain.py", "llama_index.py",
                 "haystack.py", "mteb.py", "__main__.py", "bin/nestvec"):
        assert f"nestvec/{name}" in names
    assert [name for name in names if re.search(r"licenses/(LICENSE|NOTICE)$", name)]
    linked = ("boost", "cli11", "curl", "libstdc++", "nghttp2", "openssl", "protobuf", "simdjson", "yaml-cpp", "zlib", "zstd")
    folder = "nestvec/licenses/"  # which is an entry of its own
    licences = {name.removeprefix(folder) for name in names if name.startswith(folder) and name != folder}
    assert licences == {*linked, "onnxruntime-LICENSE", "onnxruntime-ThirdPartyNotices"}
    assert "nestvec_command/__init__.py" in names
    # Nothing but ONNX Runtime travels as a library of its own.
    assert [name for name in names if ".so" in name] == ["nestvec/_core.abi3.so", "nestvec/libonnxruntime.so.1"]
    assert zipfile.ZipFile(wheel).getinfo("nestvec/bin/nestvec").external_attr >> 16 & 0o111 == 0o111


def test_the_command_needs_the_c_library_and_onnx_runtime_alone(wheel, tmp_path):
    for name in ("nestvec/bin/nestvec", "nestvec/_core.abi3.so"):
        zipfile.ZipFile(wheel).extract(name, tmp_path)
        shown = subprocess.run(["readelf", "-d", tmp_path / name], check=True, capture_output=True, text=True).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", shown))
        assert needed <= {"libonnxruntime.so.1", "libgcc_s.so.1", "libm.so.6", "libc.so.6", "ld-linux-x86-64.so.2"}, needed
        assert re.search(r"\((RUNPATH|RPATH)\).*\[(.*)\]", shown)[2] == ("$ORIGIN/.." if "/bin/" in name else "$ORIGIN")


def test_the_module_shows_its_own_symbol_only(wheel, tmp_path):
    zipfile.ZipFile(wheel).extract("nestvec/_core.abi3.so", tmp_path)
    listed = subprocess.run(["nm", "-D", "--defined-only", tmp_path / "nestvec/_core.abi3.so"], check=True,
                            capture_output=True, text=True).stdout
    names = {line.split()[-1] for line in listed.splitlines() if line.split()[-2] == "T"}
    assert names == {"PyInit__core"}


def test_a_fresh_environment(model, python):
    """Nothing in it but what the wheel asks for."""
    script = """
import sys, nestvec
model = nestvec.Model.load(sys.argv[1], precision="fp32")
print(model.encode(["A text.", "Another."], show_progress_bar=True).tobytes().hex())
for name in ("langchain", "llama_index", "haystack", "mteb"):
    try:
        __import__(f"nestvec.{name}")
    except ModuleNotFoundError as error:
        assert not error.name.startswith("nestvec"), error
    else:
        raise SystemExit(f"nestvec.{name} needs nothing?")
"""
    fresh = REPOSITORY / "build/venv-fresh/bin/python"
    output = python(script, MODELS / "v3-tiny", python=fresh)
    assert output.strip() == model.encode(["A text.", "Another."]).tobytes().hex()


@pytest.mark.parametrize("library, package", [("CURL", "libcurl4-openssl-dev"), ("CLI11", "libcli11-dev")])
def test_a_library_that_is_missing_is_named_with_its_package(library, package, tmp_path):
    """Who runs pip install out of the source distribution sees CMake's words."""
    done = subprocess.run(["cmake", "-S", REPOSITORY, "-B", tmp_path, f"-DCMAKE_DISABLE_FIND_PACKAGE_{library}=ON",
                           "-DNESTVEC_PYTHON=ON", "-DNESTVEC_DEVELOPER=OFF"], capture_output=True, text=True)
    assert done.returncode != 0
    assert f"nestvec needs {library}, which was not found; install {package} " in " ".join(done.stderr.split())


def test_the_source_distribution():
    (path,) = WHEELS.glob("nestvec-*.tar.gz")
    names = {name.split("/", 1)[1] for name in tarfile.open(path).getnames()}
    assert {"pyproject.toml", "CMakeLists.txt", "LICENSE", "NOTICE", "scripts/get-onnxruntime.sh",
            "src/engine/engine.cc", "proto/onnx.proto", "python/src/core.cc", "web/index.html", "src/cli/main.cc"} <= names
    assert not [name for name in names if name.split("/")[0] in ("tests", "docs", "deploy", "build")]
