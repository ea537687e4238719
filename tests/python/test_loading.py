# SPDX-License-Identifier: Apache-2.0
"""How a model is named, fetched and waited for; what is said when a library is missing."""

import contextlib
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys

import pytest

import nestvec
from command import MODELS
from hub_standin import HubStandin, Model
from nestvec._bar import LoadingBar

NAME = "org/bert-tiny"
TOKEN = "hf_secretsecretsecret"


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with HubStandin() as standin:
        files = files_of(MODELS / "bert-tiny") | {"pytorch_model.bin": b"pickle", "onnx/model.onnx": b"graph",
                                                  "README.md": b"# readme", "[odd]/adapter_config.json": b"{}"}
        standin.models[NAME] = Model(files=files, lfs={"model.safetensors", "pytorch_model.bin"})
        yield standin


@pytest.fixture
def pull(hub, tmp_path):
    return lambda name=NAME, **options: nestvec.pull(name, endpoint=hub.url, cache_dir=tmp_path / "hub", **options)


def test_pull_takes_what_the_command_takes(hub, pull, tmp_path, home):
    folder = pathlib.Path(pull())
    assert folder.is_relative_to(tmp_path / "hub")
    other = tmp_path / "other"
    done = subprocess.run([os.environ["NESTVEC_BINARY"], "pull", NAME, "--endpoint", hub.url],
                          env={**os.environ, "HF_HUB_CACHE": str(other), "HOME": str(tmp_path)},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert files_of(folder) == files_of(pathlib.Path(done.stdout.strip()))
    assert "pytorch_model.bin" not in files_of(folder) and "model.safetensors" in files_of(folder)
    assert "[odd]/adapter_config.json" in files_of(folder)


def test_what_was_pulled_is_found_by_its_name(hub, pull, home, plain):
    with pytest.raises(nestvec.NotFoundError, match="pull"):
        nestvec.Model.load(NAME)
    pull()
    model = nestvec.Model.load(NAME, cache_dir=home / "cache", precision="fp32")
    assert model.encode("x").tobytes() == plain.encode("x").tobytes()
    asked = len(hub.requests)
    assert nestvec.pull(NAME, cache_dir=os.environ["HF_HUB_CACHE"], local_files_only=True) == model.info.folder
    assert len(hub.requests) == asked


def test_the_error_of_a_load_says_how_to_download(hub):
    with pytest.raises(nestvec.NotFoundError, match=f"nestvec pull {NAME}, or load it with download=True"):
        nestvec.Model.load(NAME)
    with pytest.raises(nestvec.NotFoundError, match="there is no model \"bge-m3\" here") as raised:
        nestvec.Model.load("bge-m3", download=True)  # an owner is not guessed
    assert "download=True" not in str(raised.value)
    assert not hub.requests


def test_a_model_that_the_configuration_names_is_downloaded(hub, monkeypatch, home, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    config = tmp_path / "config.yaml"
    config.write_text(f"checkpoints: {{repo_id: {NAME}}}\n")
    model = nestvec.Model.load(config=config, download=True, cache_dir=home / "cache", precision="fp32")
    assert model.info.dimensions == 32
    pathlib.Path(model.info.folder, "tokenizer.json").unlink()
    assert nestvec.Model.load(NAME, download=True, cache_dir=home / "cache").info.dimensions == 32, "the rest"


def test_the_token_of_the_environment_is_used_and_can_be_left_out(hub, monkeypatch, pull):
    hub.models[NAME].token = TOKEN
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(nestvec.PermissionDeniedError):
        pull(token=False)
    pull()
    assert hub.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_nothing_is_downloaded_where_that_is_forbidden(hub, monkeypatch, variable):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv(variable, "1")
    with pytest.raises(nestvec.NotFoundError, match="nothing may be downloaded .HF_HUB_OFFLINE"):
        nestvec.Model.load(NAME, download=True)
    assert not hub.requests


ON_A_TERMINAL = """
import sys, nestvec
try:
    print(nestvec.pull(sys.argv[1], endpoint=sys.argv[2]))
except nestvec.Error as error:
    print("error:", error)
"""


def on_a_terminal(*arguments):
    leader, follower = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", ON_A_TERMINAL, *arguments], stdout=subprocess.PIPE, stderr=follower) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # the last writer has gone
            while piece := os.read(leader, 65536):
                shown += piece
        os.close(leader)
        return process.stdout.read().decode(), shown.decode()


def test_progress_on_a_terminal(hub):
    hub.models[NAME].files["model.safetensors"] += bytes(1 << 20)
    hub.delay_s = 0.05
    out, shown = on_a_terminal(NAME, hub.url)
    assert pathlib.Path(out.strip()).is_dir(), (out, shown)
    assert re.search(r"\[#*\.*\] .* / ", shown) and "[1/" in shown and "Download it?" not in shown, shown


def test_an_error_on_a_terminal_is_the_exception_alone(hub):
    out, shown = on_a_terminal("org/nowhere", hub.url)
    assert out.startswith("error: ") and "org/nowhere" in out, (out, shown)
    assert "error" not in shown, shown


def test_progress_is_logged_where_nobody_watches(pull, caplog, capfd):
    caplog.set_level("INFO", "nestvec")
    pull()
    assert any("model.safetensors" in record.message for record in caplog.records)
    assert capfd.readouterr() == ("", "")


def test_load_downloads_when_it_may(hub, python, tmp_path):
    script = """
import sys, nestvec
for download in (False, True):
    try:
        model = nestvec.Model.load("org/bert-tiny", download=download)
        print("loaded", model.info.dimensions)
    except nestvec.NotFoundError as error:
        print("not found")
print(nestvec.SentenceTransformer("org/bert-tiny", local_files_only=True).encode("x").shape)
"""
    code = f"import os; os.environ.update(HF_ENDPOINT={hub.url!r}, HF_HUB_CACHE={str(tmp_path / 'hub')!r})\n{script}"
    assert python(code).splitlines() == ["not found", "loaded 32", "(32,)"]


def test_revisions(hub, pull):
    commit = hub.models[NAME].commit
    assert pull(f"{NAME}@{commit}").endswith(commit)
    assert pull(revision=commit).endswith(commit)
    with pytest.raises(nestvec.NotFoundError, match=NAME):
        pull(revision="no-such")


def test_private_repositories(hub, pull):
    hub.models[NAME].token = TOKEN
    with pytest.raises(nestvec.PermissionDeniedError, match=NAME):
        pull(token=False)
    assert pathlib.Path(pull(token=TOKEN)).is_dir()


def test_pull_refuses(hub, pull):
    hub.models["org/no-weights"] = Model(files={"README.md": b"# readme"})
    with pytest.raises(nestvec.FailedPreconditionError, match="holds no weights that nestvec reads"):
        pull("org/no-weights")
    with pytest.raises(nestvec.InvalidArgumentError, match="'bert-tiny' has no owner; .* sentence-transformers/bert-tiny"):
        pull("bert-tiny")
    with pytest.raises(nestvec.InvalidArgumentError, match="is not the name of a repository"):
        pull("../escape/me")
    with pytest.raises(nestvec.PermissionDeniedError, match="the name is wrong, or the repository is private"):
        pull("org/nowhere")
    with pytest.raises(nestvec.InvalidArgumentError, match="is not an http or https address"):
        nestvec.pull(NAME, endpoint="ftp://example.org")
    with pytest.raises(nestvec.NotFoundError, match="not in the Hugging Face cache, and nothing may be downloaded"):
        pull(local_files_only=True)


def test_without_the_command(monkeypatch):
    monkeypatch.setattr("nestvec._hub.find_program", lambda: None)
    with pytest.raises(nestvec.FailedPreconditionError, match="the program that downloads is not in this package"):
        nestvec.pull(NAME)


def test_the_model_of_the_environment(monkeypatch, home, tmp_path):
    monkeypatch.setenv("NESTVEC_CACHE_DIR", str(home / "cache"))
    monkeypatch.delenv("NESTVEC_MODEL", raising=False)
    with pytest.raises(nestvec.InvalidArgumentError, match="no model was named: .* set NESTVEC_MODEL"):
        nestvec.Model.load()
    monkeypatch.setenv("NESTVEC_MODEL", str(MODELS / "bert-tiny"))
    assert nestvec.Model.load().info.id == "bert-tiny"
    assert nestvec.Model.load(MODELS / "xlmr-tiny").info.id == "xlmr-tiny"
    config = tmp_path / "config.yaml"
    config.write_text(f"checkpoints: {{repo_id: {MODELS / 'xlmr-tiny'}}}\n")
    assert nestvec.Model.load(config=config).info.id == "xlmr-tiny"
    config.write_text("runtime: {threads: 1}\n")
    assert nestvec.Model.load(config=config).info.id == "bert-tiny"
    with pytest.raises(nestvec.InvalidArgumentError, match="name is empty"):
        nestvec.Model.load("")


def test_the_class_is_not_called():
    with pytest.raises(TypeError, match=r"a model is loaded by Model.load\('path/to/model'\)"):
        nestvec.Model("path/to/model")


def test_a_bar_while_a_first_load_compiles(tmp_path, capfd):
    load = {"cache_dir": tmp_path / "cache", "precision": "fp32"}
    nestvec.Model.load(MODELS / "bert-tiny", show_progress_bar=True, **load)
    shown = capfd.readouterr().err
    assert "compiling the model, once: 100%" in shown
    nestvec.Model.load(MODELS / "bert-tiny", show_progress_bar=True, **load)
    assert capfd.readouterr().err == ""
    shutil.rmtree(tmp_path / "cache")
    nestvec.Model.load(MODELS / "bert-tiny", **load)  # no terminal
    assert capfd.readouterr().err == ""


def test_the_bar_appears_when_something_is_compiled(capfd):
    with LoadingBar(True):
        pass
    assert capfd.readouterr().err == ""
    with pytest.raises(RuntimeError), LoadingBar(True) as bar:
        bar(10)
        bar(40)
        raise RuntimeError
    shown = capfd.readouterr().err
    assert " 40%|" in shown and "100%" not in shown and shown.endswith("\n")


LIBRARIES = {  # of a module, and the extra that brings it; what brings another of them comes after that
    "parquet": ("pyarrow", "parquet"), "ray": ("ray", "ray"), "langchain": ("langchain_core", "langchain"),
    "llama_index": ("llama_index", "llama-index"), "haystack": ("haystack", "haystack"), "mteb": ("mteb", "mteb"),
    "spark": ("pyspark", "spark"),
}


def sentence(module):
    library, extra = LIBRARIES[module]
    return f"this needs the package {library}: pip install 'nestvec[{extra}]'"


def test_a_missing_library_is_a_sentence():
    script = """
import importlib, sys
for module, library in zip(sys.argv[1::2], sys.argv[2::2]):
    assert library not in sys.modules, library
    sys.modules[library] = None
    try:
        found = importlib.import_module(f"nestvec.{module}")
        if module == "ray":
            found.embed_files
    except ModuleNotFoundError as error:
        print(error)
    del sys.modules[library]
"""
    pairs = [name for module, (library, _) in LIBRARIES.items() for name in (module, library)]
    done = subprocess.run([sys.executable, "-c", script, *pairs], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"nestvec.{module}: {sentence(module)}" for module in LIBRARIES]


@pytest.mark.parametrize("module", ["ray", "parquet"])
def test_a_command_without_its_library_says_so(module):
    run = (f"import runpy, sys; sys.modules[{LIBRARIES[module][0]!r}] = None; sys.argv = ['x', '--help']; "
           f"runpy.run_module('nestvec.{module}', run_name='__main__')")
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"nestvec: {sentence(module)}\n")
