# SPDX-License-Identifier: Apache-2.0
"""docs/commands.md, row by row: what a newcomer types, its exit code, and what it must say."""

import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import threading

import pytest

from command import MODELS, REPOSITORY
from hub_standin import HubStandin, Model
from ports import free_port

BINARY = os.environ.get("NESTVEC_BINARY")
PAGE = REPOSITORY / "docs" / "commands.md"
SECTIONS = ("With no model on the machine", "With the small model that `make quickstart` fetches",
            "With a hub at hand", "On a terminal")
PORT = "9000"  # that the page names
SECONDS = 120


def code_spans(cell):
    return re.findall(r"`([^`]+)`", cell)


def rows():
    """(section, line of the page, command, answer, exit code, what it says)"""
    section = None
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        if line.startswith("## "):
            section = line[3:]
        if section not in SECTIONS or not line.startswith("| `"):
            continue
        typed, code, said = re.split(r"(?<!\\)\|", line)[1:4]
        command, *answer = code_spans(typed.replace("\\|", "|"))
        yield (section, number, command, "".join(answer), code.strip(), code_spans(said))


ROWS = list(rows())


def test_the_page_has_forty_rows_in_every_section():
    assert len(ROWS) >= 40
    assert {row[0] for row in ROWS} == set(SECTIONS)
    assert all(row[5] for row in ROWS if row[1] and "because of its name" not in row[2] and "-o notes.npy" not in row[2])


def files_of(model):
    root = MODELS / model
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def hub():
    tiny = {"BAAI/bge-m3": ("xlmr-tiny", "mit"), "BAAI/bge-small-en-v1.5": ("bert-tiny", "mit"),
            "intfloat/multilingual-e5-small": ("xlmr-tiny", "mit"),
            "jinaai/jina-embeddings-v3": ("v3-tiny", "cc-by-nc-4.0"),
            "cross-encoder/ms-marco-MiniLM-L6-v2": ("bert-reranker-tiny", "apache-2.0")}
    with HubStandin() as standin:
        for name, (model, licence) in tiny.items():
            standin.models[name] = Model(files=files_of(model), card={"license": licence},
                                         lfs={"model.safetensors"})
        yield standin


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A home for each section: later rows find what earlier ones fetched."""
    made = {}

    def home_of(section):
        if section not in made:
            home = tmp_path_factory.mktemp("home")
            (home / "work").mkdir()
            (home / "work" / "notes.txt").write_text("The first line.\nThe second one.\n")
            (home / "work" / "bge-m3.gguf").write_text("GGUF")
            (home / "bin").mkdir()
            (home / "bin" / "nestvec").symlink_to(pathlib.Path(BINARY).resolve())
            if section != SECTIONS[0]:
                shutil.copytree(MODELS / "bert-tiny", home / ".cache/nestvec/models/all-MiniLM-L6-v2")
            made[section] = home
        return made[section]

    return home_of


def environment(home, hub):
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
            if name in os.environ}
    return {**kept, "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "HOME": str(home), "HF_ENDPOINT": hub.url,
            "LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"}


def on_pipes(command, home, hub):
    done = subprocess.run(["bash", "-c", command], cwd=home / "work", env=environment(home, hub),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    return done.returncode, (done.stdout + done.stderr).decode()


def on_a_terminal(command, answer, home, hub):
    leader, follower = pty.openpty()
    process = subprocess.Popen(["bash", "-c", command], cwd=home / "work", env=environment(home, hub),
                               stdin=follower, stdout=follower, stderr=follower, start_new_session=True)
    os.close(follower)
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    shown = b""
    try:
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the last writer has gone
                break
            shown += piece
            if answer and re.search(rb"\[(Y/n|y/N)\] ", shown):
                os.write(leader, answer.encode() + b"\n")
                answer = ""
    finally:
        watchdog.cancel()
        os.close(leader)
    assert not answer, f"nothing was asked: {shown!r}"
    return process.wait(SECONDS), shown.decode().replace("\r\n", "\n")


def until_ready(command, home, hub):
    """What a server said until it was ready, and when it had been told to end."""
    process = subprocess.Popen(["bash", "-c", "exec " + command], cwd=home / "work", env=environment(home, hub),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    try:
        ready = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate()
    finally:
        watchdog.cancel()
    assert process.returncode == 0, err.decode()
    return (ready + rest + err).decode()


@pytest.mark.parametrize("section, line, command, answer, code, says", ROWS,
                         ids=[f"line{row[1]}" for row in ROWS])
def test_a_row(section, line, command, answer, code, says, hub, homes):
    assert BINARY, "NESTVEC_BINARY is not set: the path of the command to test"
    home = homes(section)
    asked = len(hub.requests)
    port = str(free_port())
    command = command.replace(PORT, port)
    if code == "runs":
        output = until_ready(command, home, hub)
    elif section == SECTIONS[3]:
        found, output = on_a_terminal(command, answer, home, hub)
        assert found == int(code), output
    else:
        found, output = on_pipes(command, home, hub)
        assert found == int(code), output
    for part in says:
        assert part.replace(PORT, port) in output, output
    if section in SECTIONS[:2]:
        assert len(hub.requests) == asked, "nothing asks the hub unless it is told to"
    if code not in ("0", "runs"):
        assert output.count("nestvec: error: ") == (1 if code != "1" else 0), output
