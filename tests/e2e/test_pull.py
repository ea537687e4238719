# SPDX-License-Identifier: Apache-2.0
"""`nestvec pull` against a hub stand-in on loopback, beside the real huggingface_hub library."""

import json
import os
import pathlib
import pty
import random
import re
import resource
import signal
import subprocess
import sys
import time

import pytest

from command import MODELS
from waiting import SECONDS, wait_until
from hub_standin import Fault, HubStandin, Model, git_blob_sha1, sha256

BINARY = os.environ.get("NESTVEC_BINARY")
NAME = "org/small-model"
TOKEN = "hf_secretsecretsecret"

CONFIG = b'{"model_type": "bert"}'
WEIGHTS = random.Random(7).randbytes(700_001)
NEEDED = {
    "config.json": CONFIG,
    "config_sentence_transformers.json": b"{}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
    "tokenizer.json": b'{"model": {}}' * 50,
    "tokenizer_config.json": b"{} ",
    "special_tokens_map.json": b"{}\n",
    "model.safetensors": WEIGHTS,
    "README.md": b"---\nlicense: bsd-3-clause\n---\n# readme",
}
UNNEEDED = {
    "docs/README.md": b"# more to read",
    "pytorch_model.bin": b"pickle" * 100,
    "flax_model.msgpack": b"flax" * 100,
    "tf_model.h5": b"tf" * 100,
    "onnx/model.onnx": b"graph" * 1000,
    "onnx/model.onnx_data": b"data" * 1000,
    "onnx/model_fp16.onnx": b"half" * 1000,
    ".gitattributes": b"*.bin filter=lfs\n",
}
LFS = {path for path in NEEDED | UNNEEDED
       if path.endswith((".safetensors", ".bin", ".onnx", ".onnx_data", ".h5", ".msgpack"))}


@pytest.fixture
def hub():
    assert BINARY, "NESTVEC_BINARY is not set: the path of the command to test"
    with HubStandin() as standin:
        standin.models[NAME] = Model(files=NEEDED | UNNEEDED, lfs=LFS)
        yield standin


@pytest.fixture
def home(tmp_path):
    return tmp_path / "hf"


def environment(hub, home, extra=None):
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "ASAN_OPTIONS")
            if name in os.environ}
    return {**kept, "HOME": str(home.parent), "HF_HOME": str(home), "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_TELEMETRY": "1", **(extra or {})}


def pull(hub, home, *arguments, name=NAME, env=None, **options):
    return subprocess.run([BINARY, "pull", name, *arguments], env=environment(hub, home, env),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
                          **options)


def succeeds(result):
    assert result.returncode == 0, result.stderr
    return pathlib.Path(result.stdout.strip())


def fails(result, code, *parts):
    assert result.returncode == code, (result.returncode, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.startswith("nestvec: error: ")]
    assert len(lines) == 1 and result.stderr.splitlines()[-1] == lines[0], result.stderr
    for part in parts:
        assert part in lines[0], (part, lines[0])
    assert result.stdout == ""
    return lines[0]


def python_hub(hub, home, code, env=None):
    """Runs code with the real library in a process of its own; what it prints."""
    result = subprocess.run([sys.executable, "-c", code], env=environment(hub, home, env),
                            capture_output=True, text=True, timeout=2 * SECONDS)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def repo_folder(home):
    return home / "hub" / "models--org--small-model"


def check_snapshot(folder, files):
    found = {str(path.relative_to(folder)): path.read_bytes()
             for path in sorted(folder.rglob("*")) if path.is_file()}
    assert sorted(found) == sorted(files)
    assert found == files


def no_partial_files(home):
    return not list(home.rglob("*.incomplete")) and not list(home.rglob("*.tmp*"))


# --- the cache and what is chosen -----------------------------------------------------------


def test_layout_is_that_of_huggingface_hub(hub, home):
    model = hub.models[NAME]
    folder = succeeds(pull(hub, home))
    assert folder == repo_folder(home) / "snapshots" / model.commit
    check_snapshot(folder, NEEDED)
    assert (repo_folder(home) / "refs" / "main").read_text() == model.commit
    for path, content in NEEDED.items():
        name = sha256(content) if path in LFS else git_blob_sha1(content)
        target = os.readlink(folder / path)
        assert target == "../" * path.count("/") + f"../../blobs/{name}"
        assert (repo_folder(home) / "blobs" / name).read_bytes() == content
    blobs = {path.name for path in (repo_folder(home) / "blobs").iterdir()}
    assert blobs == {model.etag(path) for path in NEEDED}
    assert no_partial_files(home)


def test_list_shows_the_licence_of_what_was_pulled(hub, home):
    files = NEEDED | {path.name: path.read_bytes() for path in (MODELS / "bert-tiny").iterdir() if path.is_file()}
    hub.models[NAME] = Model(files=files)
    succeeds(pull(hub, home))
    listed = subprocess.run([BINARY, "list"], env=environment(hub, home), capture_output=True, text=True).stdout
    (row,) = [line for line in listed.splitlines() if line.startswith(NAME)]
    assert row.endswith("bsd-3-clause")


def test_python_writes_the_same_tree(hub, home, tmp_path):
    succeeds(pull(hub, home))
    other = tmp_path / "python"
    python_hub(hub, other, "from huggingface_hub import snapshot_download\n"
               f"snapshot_download({NAME!r}, allow_patterns={list(NEEDED)!r})")

    def tree(root):
        return {str(path.relative_to(root)): os.readlink(path) if path.is_symlink() else
                path.read_bytes() for path in (root / "hub").rglob("*")
                if not path.is_dir() and not re.search(r"/(trees|\.locks)/|CACHEDIR", str(path))}

    assert tree(home) == tree(other)


def test_python_finds_what_we_pulled(hub, home):
    folder = succeeds(pull(hub, home))
    requests = len(hub.requests)
    found = python_hub(
        hub, home, "from huggingface_hub import snapshot_download, hf_hub_download\n"
        f"print(snapshot_download({NAME!r}, local_files_only=True))\n"
        f"print(hf_hub_download({NAME!r}, '1_Pooling/config.json', local_files_only=True))")
    assert found.splitlines() == [str(folder), str(folder / "1_Pooling" / "config.json")]
    assert len(hub.requests) == requests


def test_python_downloads_nothing_that_we_have(hub, home):
    folder = succeeds(pull(hub, home))
    hub.requests.clear()
    found = python_hub(hub, home, "from huggingface_hub import snapshot_download\n"
                       f"print(snapshot_download({NAME!r}, allow_patterns={list(NEEDED)!r}))")
    assert found == str(folder)
    assert hub.file_requests() == []


def test_what_python_pulled_is_used_without_a_download(hub, home):
    folder = python_hub(hub, home, "from huggingface_hub import snapshot_download\n"
                        f"print(snapshot_download({NAME!r}))")
    hub.requests.clear()
    result = pull(hub, home)
    assert str(succeeds(result)) == folder
    assert hub.file_requests() == [] and hub.file_requests("HEAD") == []
    assert "nothing to download" in result.stderr


def test_second_pull_asks_for_the_list_alone(hub, home):
    succeeds(pull(hub, home))
    hub.requests.clear()
    succeeds(pull(hub, home))
    assert [r.path for r in hub.requests] == [
        f"/api/models/{NAME}/revision/main?blobs=true"]


def test_a_new_commit_downloads_what_changed(hub, home):
    first = succeeds(pull(hub, home))
    changed = NEEDED | {"config.json": b'{"model_type": "xlm-roberta"}'}
    hub.models[NAME] = Model(files=changed | UNNEEDED, lfs=LFS)
    hub.requests.clear()
    second = succeeds(pull(hub, home))
    assert first != second
    check_snapshot(first, NEEDED)
    check_snapshot(second, changed)
    assert [r.path.rpartition("/")[2] for r in hub.file_requests()] == ["config.json"]


@pytest.mark.parametrize("folder", ["HF_HUB_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_cache_folder_of_the_environment(hub, home, folder):
    env = environment(hub, home)
    del env["HF_HOME"]
    env[folder] = str(home)
    result = subprocess.run([BINARY, "pull", NAME], env=env, capture_output=True, text=True)
    below = {"HF_HUB_CACHE": "", "XDG_CACHE_HOME": "huggingface/hub",
             "HOME": ".cache/huggingface/hub"}[folder]
    assert succeeds(result).is_relative_to(home / below / "models--org--small-model")


def test_onnx_comes_where_there_are_no_safetensors(hub, home):
    files = {k: v for k, v in (NEEDED | UNNEEDED).items() if not k.endswith(".safetensors")}
    hub.models[NAME] = Model(files=files, lfs=LFS)
    chosen = {k: v for k, v in files.items()
              if k in NEEDED or k in ("onnx/model.onnx", "onnx/model.onnx_data")}
    check_snapshot(succeeds(pull(hub, home)), chosen)


def test_shards_and_adapters(hub, home):
    needed = {k: v for k, v in NEEDED.items() if k != "model.safetensors"} | {
        "model.safetensors.index.json": json.dumps({"weight_map": {
            "a": "model-00001-of-00002.safetensors",
            "b": "model-00002-of-00002.safetensors"}}).encode(),
        "model-00001-of-00002.safetensors": b"one" * 100,
        "model-00002-of-00002.safetensors": b"two" * 100,
        "retrieval_query/adapter_config.json": b"{}",
        "retrieval_query/adapter_model.safetensors": b"adapter",
    }
    hub.models[NAME] = Model(files=needed | UNNEEDED | {"other/model.safetensors": b"no"},
                             lfs=LFS | {k for k in needed if k.endswith(".safetensors")})
    check_snapshot(succeeds(pull(hub, home)), needed)


def test_include_adds_and_all_takes_everything(hub, home):
    folder = succeeds(pull(hub, home, "--include", "onnx/", "--include", "*.md"))
    check_snapshot(folder, NEEDED | {k: v for k, v in UNNEEDED.items()
                                     if k.startswith("onnx/") or k == "docs/README.md"})
    check_snapshot(succeeds(pull(hub, home, "--all")), NEEDED | UNNEEDED)
    fails(pull(hub, home, "--include", "*.gguf"), 3, "*.gguf", NAME)


def test_repository_without_weights(hub, home):
    hub.models[NAME] = Model(files={"config.json": CONFIG, "weights.bin": b"x"})
    fails(pull(hub, home), 1, NAME, "model.safetensors", "--all")
    assert not repo_folder(home).exists()


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/3"])
def test_revisions(hub, home, revision):
    model = hub.models[NAME]
    model.revisions[revision] = model.commit
    folder = succeeds(pull(hub, home, name=f"{NAME}@{revision}"))
    assert (repo_folder(home) / "refs" / revision).read_text() == model.commit
    assert str(folder) == python_hub(
        hub, home, "from huggingface_hub import snapshot_download\n"
        f"print(snapshot_download({NAME!r}, revision={revision!r}, local_files_only=True))")
    assert not (repo_folder(home) / "refs" / "main").exists()


def test_a_commit_needs_no_ref(hub, home):
    commit = hub.models[NAME].commit
    assert succeeds(pull(hub, home, name=f"{NAME}@{commit}")).name == commit
    assert not (repo_folder(home) / "refs").exists()


def test_a_hub_that_tells_no_hashes_in_its_list(hub, home):
    hub.models[NAME].tells_blobs = False
    folder = succeeds(pull(hub, home))
    check_snapshot(folder, NEEDED)
    assert os.readlink(folder / "model.safetensors") == f"../../blobs/{sha256(WEIGHTS)}"
    assert os.readlink(folder / "config.json") == f"../../blobs/{git_blob_sha1(CONFIG)}"


def test_renamed_repository(hub, home):
    hub.models["org/new-name"] = hub.models.pop(NAME)
    hub.models["org/new-name"].token = TOKEN
    hub.models[NAME] = hub.models["org/new-name"]
    hub.renamed = {NAME: "org/new-name"}
    succeeds(pull(hub, home, env={"HF_TOKEN": TOKEN}))


@pytest.mark.parametrize("tiny", [
    "bert-tiny", "bert-tiny-onnx", "v3-tiny", "v3-tiny-hf", "v3-tiny-sharded", "v3-tiny-onnx"])
def test_a_pulled_model_embeds_by_its_name(hub, home, tiny):
    root = pathlib.Path(__file__).parent.parent / "models" / tiny
    files = {str(path.relative_to(root)): path.read_bytes()
             for path in root.rglob("*") if path.is_file()}
    hub.models[NAME] = Model(files=files, lfs={path for path in files if path in LFS})

    def embed(model):
        return subprocess.run([BINARY, "embed", "a text", "--model", model, "--format", "jsonl"],
                              env=environment(hub, home), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=2 * SECONDS)

    fails(embed(NAME), 3, f"nestvec pull {NAME}")
    succeeds(pull(hub, home))
    result = embed(NAME)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["embedding"]
    assert result.stdout == embed(str(root)).stdout  # nothing that it needs was left at the hub


# --- broken transfers -------------------------------------------------------------------------


def weights_requests(hub):
    return [r for r in hub.requests if r.server == "cdn" and sha256(WEIGHTS) in r.path]


def test_cut_connections_are_resumed(hub, home):
    hub.faults["model.safetensors"] = [Fault(cut_after=200_000), Fault(cut_after=300_000)]
    result = pull(hub, home)
    check_snapshot(succeeds(result), NEEDED)
    ranges = [r.headers.get("range") for r in weights_requests(hub)]
    assert ranges == [None, "bytes=200000-", "bytes=500000-"]
    assert "trying again" in result.stderr
    assert no_partial_files(home)


def test_a_cut_that_looks_like_an_end_is_resumed(hub, home):
    hub.faults["model.safetensors"] = [Fault(cut_after=200_000, chunked_end=True)]
    check_snapshot(succeeds(pull(hub, home)), NEEDED)
    assert weights_requests(hub)[1].headers["range"] == "bytes=200000-"


def test_cut_connections_without_ranges_start_over(hub, home):
    hub.ranges = False
    hub.faults["model.safetensors"] = [Fault(cut_after=200_000)]
    check_snapshot(succeeds(pull(hub, home)), NEEDED)
    assert len(weights_requests(hub)) == 2


def test_a_hub_that_always_cuts_ends_in_an_error(hub, home):
    hub.ranges = False
    hub.faults["model.safetensors"] = [Fault(cut_after=200_000)] * 20
    fails(pull(hub, home, "--attempts", "3"), 6, "model.safetensors")
    assert 3 <= len(weights_requests(hub)) <= 4


def test_a_stalled_transfer_is_begun_again(hub, home):
    hub.faults["model.safetensors"] = [Fault(stall_after=200_000, stall_s=120)]
    begin = time.monotonic()
    check_snapshot(succeeds(pull(hub, home, env={"HF_HUB_DOWNLOAD_TIMEOUT": "2"})), NEEDED)
    assert time.monotonic() - begin < 60
    assert weights_requests(hub)[1].headers["range"] == "bytes=200000-"


def test_a_killed_pull_goes_on_where_it_was(hub, home):
    hub.delay_s = 0.2
    partial = repo_folder(home) / "blobs" / f"{sha256(WEIGHTS)}.incomplete"
    process = subprocess.Popen([BINARY, "pull", NAME], env=environment(hub, home),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: partial.exists() and partial.stat().st_size > 100_000, "bytes of the weights")
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    size = partial.stat().st_size
    assert 0 < size < len(WEIGHTS)
    assert WEIGHTS.startswith(partial.read_bytes())
    assert not (repo_folder(home) / "snapshots").exists()
    hub.delay_s = 0
    hub.requests.clear()
    check_snapshot(succeeds(pull(hub, home)), NEEDED)
    assert [r.headers.get("range") for r in weights_requests(hub)] == [f"bytes={size}-"]
    assert no_partial_files(home)


def test_server_errors_are_tried_again(hub, home):
    hub.faults["info"] = [Fault(status=502)]
    hub.faults["config.json"] = [Fault(status=500), Fault(status=503)]
    check_snapshot(succeeds(pull(hub, home)), NEEDED)


def test_server_errors_without_end(hub, home):
    hub.faults["info"] = [Fault(status=503)] * 10
    fails(pull(hub, home, "--attempts", "2"), 6, NAME, "503")
    assert len(hub.info_requests()) == 2


def test_retry_after_is_honoured(hub, home):
    hub.faults["info"] = [Fault(status=429, headers={"Retry-After": "1"})]
    hub.faults["model.safetensors"] = [Fault(status=429, headers={"Retry-After": "1"})]
    check_snapshot(succeeds(pull(hub, home)), NEEDED)
    for requests in (hub.info_requests(), weights_requests(hub)):
        assert len(requests) == 2
        assert requests[1].time - requests[0].time >= 0.95  # by itself it would wait for half a second at most


def test_retry_after_beyond_patience_is_an_error(hub, home):
    hub.faults["info"] = [Fault(status=429, headers={"Retry-After": "3600"})]
    begin = time.monotonic()
    fails(pull(hub, home), 5, "429", "3600", "HF_TOKEN")
    assert time.monotonic() - begin < 60
    assert len(hub.info_requests()) == 1


# --- wrong bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["model.safetensors", "tokenizer.json"])
def test_wrong_bytes_once(hub, home, path):
    hub.faults[path] = [Fault(wrong_bytes=True)]
    result = pull(hub, home)
    check_snapshot(succeeds(result), NEEDED)
    assert f"{path}: wrong bytes" in result.stderr
    assert no_partial_files(home)


@pytest.mark.parametrize("path", ["model.safetensors", "tokenizer.json"])
def test_wrong_bytes_twice(hub, home, path):
    hub.faults[path] = [Fault(wrong_bytes=True)] * 5
    right = hub.models[NAME].etag(path)
    wrong = bytes(byte ^ 0x55 for byte in NEEDED[path])
    got = sha256(wrong) if path in LFS else git_blob_sha1(wrong)
    fails(pull(hub, home), 4, path, right, got)
    assert not (repo_folder(home) / "blobs" / right).exists()
    assert not (repo_folder(home) / "blobs" / f"{right}.incomplete").exists()
    assert not (repo_folder(home) / "snapshots").exists()
    assert not (repo_folder(home) / "refs").exists()
    assert len(hub.faults[path]) == 3
    hub.faults.clear()
    check_snapshot(succeeds(pull(hub, home)), NEEDED)


def test_too_many_bytes(hub, home):
    hub.faults["model.safetensors"] = [Fault(content=WEIGHTS + b"more")] * 2
    fails(pull(hub, home), 4, "model.safetensors", str(len(WEIGHTS)))


def test_another_file_behind_the_redirect(hub, home):
    hub.linked_etags["model.safetensors"] = "0" * 64
    fails(pull(hub, home), 4, "model.safetensors", sha256(WEIGHTS), "0" * 64)


def test_a_partial_file_of_other_bytes_is_replaced(hub, home):
    partial = repo_folder(home) / "blobs" / f"{sha256(WEIGHTS)}.incomplete"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 5000)
    check_snapshot(succeeds(pull(hub, home)), NEEDED)
    assert [r.headers.get("range") for r in weights_requests(hub)] == ["bytes=5000-", None]


def test_a_partial_file_that_is_too_long_is_replaced(hub, home):
    partial = repo_folder(home) / "blobs" / f"{sha256(WEIGHTS)}.incomplete"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(WEIGHTS + b"x")
    check_snapshot(succeeds(pull(hub, home)), NEEDED)


def test_a_blob_of_the_wrong_size_is_replaced(hub, home):
    folder = succeeds(pull(hub, home))
    blob = (folder / "model.safetensors").resolve()
    blob.write_bytes(WEIGHTS[:1000])
    check_snapshot(succeeds(pull(hub, home)), NEEDED)


def test_full_disk(hub, home):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    error = fails(pull(hub, home, preexec_fn=limit, restore_signals=False), 5, "free some space")
    assert f"{sha256(WEIGHTS)}.incomplete" in error
    assert not (repo_folder(home) / "snapshots").exists()
    hub.requests.clear()
    check_snapshot(succeeds(pull(hub, home)), NEEDED)
    assert weights_requests(hub)[0].headers["range"] == "bytes=300000-"


# --- refusals ---------------------------------------------------------------------------------


def test_missing_repository(hub, home):
    error = fails(pull(hub, home, name="org/nothing"), 7, "org/nothing", "HF_TOKEN")
    assert "name" in error
    hub.models["org/private"] = Model(files=NEEDED, token=TOKEN)
    fails(pull(hub, home, name="org/nothing", env={"HF_TOKEN": TOKEN}), 3,
          "no repository org/nothing")


def test_missing_revision(hub, home):
    fails(pull(hub, home, name=f"{NAME}@v9"), 3, NAME, "revision 'v9'")


def test_missing_file(hub, home):
    hub.lost_files.add("tokenizer.json")
    fails(pull(hub, home), 3, "no file 'tokenizer.json'")
    assert not (repo_folder(home) / "snapshots").exists()


def test_private_repository(hub, home):
    hub.models[NAME].token = TOKEN
    fails(pull(hub, home), 7, NAME, "private", "HF_TOKEN")
    error = fails(pull(hub, home, env={"HF_TOKEN": "hf_wrong"}), 7, NAME, "token is invalid")
    assert "hf_wrong" not in error
    check_snapshot(succeeds(pull(hub, home, env={"HF_TOKEN": TOKEN})), NEEDED)


def test_gated_repository(hub, home):
    hub.models[NAME].gated_token = TOKEN
    fails(pull(hub, home), 7, NAME, "gated", f"{hub.url}/{NAME}", "HF_TOKEN")
    fails(pull(hub, home, env={"HF_TOKEN": "hf_other_account"}), 7, "gated", "accept the terms")
    check_snapshot(succeeds(pull(hub, home, env={"HF_TOKEN": TOKEN})), NEEDED)


@pytest.mark.parametrize("where", ["HF_TOKEN", "file", "HF_TOKEN_PATH"])
def test_the_token_stays_with_the_hub(hub, home, where):
    hub.models[NAME].token = TOKEN
    env = {}
    if where == "HF_TOKEN":
        env["HF_TOKEN"] = TOKEN
    else:
        path = home / "token" if where == "file" else home / "elsewhere"
        path.parent.mkdir(parents=True)
        path.write_text(TOKEN + "\n")
        if where != "file":
            env[where] = str(path)
    hub.faults["model.safetensors"] = [Fault(cut_after=1000)]
    result = pull(hub, home, env=env)
    succeeds(result)
    by_server = {server: {r.headers.get("authorization") for r in hub.requests
                          if r.server == server} for server in ("hub", "cdn")}
    assert by_server == {"hub": {f"Bearer {TOKEN}"}, "cdn": {None}}
    assert TOKEN not in result.stdout + result.stderr
    assert "secret-signature" not in result.stdout + result.stderr


def test_a_token_that_no_header_can_hold(hub, home):
    error = fails(pull(hub, home, env={"HF_TOKEN": "hf_a\r\nX-Injected: 1"}), 2, "token")
    assert "hf_a" not in error
    assert hub.requests == []


@pytest.mark.parametrize("path", [
    "../evil.json", "a/../../evil.json", "/etc/evil.json", "a\\..\\evil.json", "a/./b.json",
    "a//b.json", "", "evil\u0000.json", "evil\n.json", "x" * 300 + ".json", ".."])
def test_unsafe_file_names(hub, home, path):
    model = hub.models[NAME]
    siblings = model.siblings(True) + [{"rfilename": path, "size": 1, "blobId": "a" * 40}]
    model.raw_info = json.dumps({"sha": model.commit, "siblings": siblings}).encode()
    fails(pull(hub, home), 2, "unsafe file name")
    assert not home.exists()
    assert len(hub.requests) == 1


@pytest.mark.parametrize("body, code", [
    (b"<html>not a hub</html>", 2),
    (b"{}", 2),
    (b'{"sha": "../../x", "siblings": []}', 2),
    (b'{"sha": "%s", "siblings": [{"rfilename": "a", "size": 1, "blobId": "../x"}]}' % (b"a" * 40), 2),
    (b'{"sha": "%s", "siblings": [{"rfilename": "a", "size": -1}]}' % (b"a" * 40), 2),
    (b'{"sha": "%s", "siblings": [{"rfilename": "a"}, {"rfilename": "a"}]}' % (b"a" * 40), 2),
    (b'{"pad": "' + b"x" * (33 << 20) + b'"}', 5),
], ids=["html", "empty", "commit", "blob", "size", "twice", "large"])
def test_hostile_metadata(hub, home, body, code):
    hub.models[NAME].raw_info = body
    fails(pull(hub, home), code, NAME)
    assert not home.exists()


def test_bad_names_and_addresses(hub, home):
    for name in ("", "../x", "a/b/c", "org/na..me", "org/name@", "org/name@../x"):
        fails(pull(hub, home, name=name), 2)
    for endpoint in ("ftp://127.0.0.1", "127.0.0.1:1", "file:///etc", "http://u:p@127.0.0.1",
                     "http://127.0.0.1/?x=1"):
        error = fails(pull(hub, home, "--endpoint", endpoint), 2, "endpoint")
        assert "u:p" not in error
    assert hub.requests == []


# --- the network, several at once -------------------------------------------------------------


def test_no_hub_there(hub, home):
    closed = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    fails(pull(hub, home, "--attempts", "1", env=closed), 6, NAME, "127.0.0.1:9", "HF_ENDPOINT")
    folder = succeeds(pull(hub, home))
    result = pull(hub, home, "--attempts", "1", env=closed)
    assert succeeds(result) == folder
    assert "the cached model is used" in result.stderr


def test_offline(hub, home):
    offline = {"HF_HUB_OFFLINE": "1"}
    fails(pull(hub, home, env=offline), 1, "HF_HUB_OFFLINE", NAME)
    assert hub.requests == []
    folder = succeeds(pull(hub, home))
    hub.requests.clear()
    assert succeeds(pull(hub, home, env=offline)) == folder
    assert hub.requests == []


def test_proxy_of_the_environment(hub, home):
    hub.redirects = False
    env = {"HF_ENDPOINT": "http://hub.invalid", "http_proxy": hub.url}
    check_snapshot(succeeds(pull(hub, home, env=env)), NEEDED)
    assert all(r.path.startswith("http://hub.invalid/") for r in hub.requests)


def test_no_proxy(hub, home):
    env = {"http_proxy": "http://127.0.0.1:9"}
    fails(pull(hub, home, "--attempts", "1", env=env), 6, "https_proxy")
    succeeds(pull(hub, home, env=env | {"no_proxy": "127.0.0.1,localhost"}))


@pytest.mark.parametrize("jobs, most", [(None, 4), ("1", 1)])
def test_files_come_in_parallel(hub, home, jobs, most):
    hub.redirects = False
    hub.crowd = most
    succeeds(pull(hub, home, *(["--jobs", jobs] if jobs else [])))
    assert hub.most_active == most


def test_two_pulls_at_once_download_once(hub, home):
    hub.delay_s = 0.05
    processes = [subprocess.Popen([BINARY, "pull", NAME], env=environment(hub, home),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                 for _ in range(3)]
    for process in processes:
        out, err = process.communicate(timeout=2 * SECONDS)
        assert process.returncode == 0, err
        check_snapshot(pathlib.Path(out.strip()), NEEDED)
    assert len(weights_requests(hub)) == 1
    paths = [r.path for r in hub.file_requests() if r.server == "hub"]
    assert len(paths) == len(set(paths))
    assert no_partial_files(home)


def test_python_holds_the_same_lock(hub, home):
    lock = home / "hub" / ".locks" / "models--org--small-model" / f"{sha256(WEIGHTS)}.lock"
    lock.parent.mkdir(parents=True)
    code = (f"import filelock, sys\nwith filelock.FileLock({str(lock)!r}):\n"
            "    print('held', flush=True)\n    sys.stdin.read()\n")
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    process = subprocess.Popen([BINARY, "pull", NAME], env=environment(hub, home), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert any("waiting for another pull" in line for line in process.stderr)
    assert not weights_requests(hub)
    holder.communicate()  # lets go
    out, err = process.communicate(timeout=2 * SECONDS)
    assert process.returncode == 0, err
    check_snapshot(pathlib.Path(out.strip()), NEEDED)


# --- what a person sees -----------------------------------------------------------------------


@pytest.mark.parametrize("card, tags, noted", [
    ({"license": "cc-by-nc-4.0"}, [], "CC-BY-NC-4.0"),
    ({"license": "cc-by-nc-sa-3.0"}, ["license:apache-2.0"], "CC-BY-NC-SA-3.0"),
    (None, ["x", "license:cc-by-nc-nd-4.0"], "CC-BY-NC-ND-4.0"),
    ({"license": "apache-2.0"}, ["license:apache-2.0"], None),
    ({"license": ["cc-by-nc-4.0"]}, [], None),
    (None, [], None),
])
def test_licences_that_forbid_commercial_use_are_told(hub, home, card, tags, noted):
    hub.models[NAME].card = card
    hub.models[NAME].tags = tags
    for _ in range(2):  # also when there is nothing to download
        result = pull(hub, home, "--quiet")
        succeeds(result)
        notes = [line for line in result.stderr.splitlines() if "licensed" in line]
        assert len(notes) == (1 if noted else 0)
        assert noted is None or (noted in notes[0] and NAME in notes[0])


def test_lines_where_there_is_no_terminal(hub, home):
    result = pull(hub, home)
    assert "\r" not in result.stderr and "\x1b" not in result.stderr
    lines = result.stderr.splitlines()
    for path in NEEDED:
        assert sum(f"] {path}  " in line for line in lines) == 1
    assert pull(hub, home, "--quiet").stderr == ""


def test_a_bar_on_a_terminal(hub, home):
    hub.delay_s = 0.1
    leader, follower = pty.openpty()
    process = subprocess.Popen([BINARY, "pull", NAME], env=environment(hub, home),
                               stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait() == 0
    text = shown.decode()
    shares = [float(match) for match in re.findall(r"([\d.]+) kB / 70\d kB", text)]
    assert len(shares) >= 3 and shares == sorted(shares)
    assert re.search(r"\[#+\.*\]", text)


def test_help_has_examples():
    assert BINARY, "NESTVEC_BINARY is not set: the path of the command to test"
    result = subprocess.run([BINARY, "pull", "--help"], capture_output=True, text=True)
    assert result.returncode == 0
    assert "nestvec pull jinaai/jina-embeddings-v3" in result.stdout
