# SPDX-License-Identifier: Apache-2.0
"""`nestvec search`: what is found in a folder, and what of it is embedded again."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import numpy
import pytest

from command import MODELS, Command, nestvec  # noqa: F401 (a fixture)
from waiting import SECONDS

BERT = MODELS / "bert-tiny"
V3 = MODELS / "v3-tiny"
RERANKER = MODELS / "bert-reranker-tiny"
FILES = {
    "cats.md": "# Cats\n\nA cat sleeps on the mat. Its fur is warm.\n\n# Food\n\nIt likes fish zanzibar.\n",
    "weather/rain.txt": "Rain fell all day.\n\nThe wind was cold, and storms came.\n",
    "weather/snow.txt": "Snow covers the hills. The quokka waits for the sun.\n",
}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "docs"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    age(root)
    return root


def age(root):
    """Files that are not new: the time of a new one is not relied on."""
    for path in root.rglob("*"):
        if path.is_file() and ".nestvec-index" not in path.parts:
            os.utime(path, (1_600_000_000, 1_600_000_000))


def search(nestvec, folder, query, *arguments, model=BERT, **options):  # noqa: F811
    out = nestvec.ok("search", "-m", model, "--format", "jsonl", folder, query, *arguments, **options)
    return [json.loads(line) for line in out.splitlines()]


def embedded(nestvec, folder, *arguments, model=BERT):  # noqa: F811
    """Names of the files that a run embeds, and of those that leave."""
    done = nestvec("search", "-v", "-m", model, folder, "cat", *arguments)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    return (sorted(re.findall(r"embedded (\S+) \(", said)), sorted(re.findall(r"removed (\S+)", said)))


def test_finds_the_right_place(nestvec, folder):  # noqa: F811
    hits = search(nestvec, folder, "Where is the quokka?")
    assert hits[0]["path"] == f"{folder}/weather/snow.txt"
    assert hits[0]["text"] == FILES["weather/snow.txt"].strip() and hits[0]["line"] == 1
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    best = search(nestvec, folder, "ZANZIBAR", "--by", "words")
    assert [(hit["path"], hit["line"]) for hit in best] == [(f"{folder}/cats.md", 5)]
    assert len(search(nestvec, folder, "cat", "-n", "2")) == 2


def test_vectors_rank_as_nestvec_embed_does(nestvec, folder, tmp_path):  # noqa: F811
    hits = search(nestvec, folder, "Where is the quokka?", "--by", "vectors")
    assert len(hits) == 4
    out = nestvec.ok("embed", "-q", "-m", BERT, "--format", "json", "Where is the quokka?", *(h["text"] for h in hits))
    query, *rows = numpy.array(json.loads(out)["embeddings"])
    scores = [float(query @ row) for row in rows]
    assert numpy.allclose(scores, [hit["score"] for hit in hits], atol=2e-3)


def test_formats(nestvec, folder):  # noqa: F811
    found = nestvec.ok("search", "-q", "-m", BERT, folder, "quokka", "-n", "1")
    place, score, excerpt = found.rstrip("\n").split("\t")
    assert place == f"{folder}/weather/snow.txt:1" and 0 < float(score) < 1
    assert "quokka waits" in excerpt


def test_only_what_changed_is_embedded(nestvec, folder):  # noqa: F811
    assert embedded(nestvec, folder) == (sorted(FILES), [])
    assert embedded(nestvec, folder) == ([], [])
    (folder / "cats.md").touch()  # another time, the same content
    assert embedded(nestvec, folder) == ([], [])
    (folder / "weather/rain.txt").write_text("It is dry now.\n")
    (folder / "new.md").write_text("A numbat is not a cat.\n")
    assert embedded(nestvec, folder) == (["new.md", "weather/rain.txt"], [])
    assert search(nestvec, folder, "numbat")[0]["path"] == f"{folder}/new.md"
    (folder / "weather/snow.txt").unlink()
    assert embedded(nestvec, folder) == ([], ["weather/snow.txt"])
    assert all("snow" not in hit["path"] for hit in search(nestvec, folder, "quokka"))


def test_a_change_of_the_same_size_at_the_same_time_is_seen(nestvec, tmp_path):  # noqa: F811
    root = tmp_path / "docs"
    root.mkdir()
    (root / "a.txt").write_text("cat")
    stamp = time.time_ns() + 3_600_000_000_000  # not yet over, so another change may come in it
    os.utime(root / "a.txt", ns=(stamp, stamp))
    assert embedded(nestvec, root) == (["a.txt"], [])
    assert embedded(nestvec, root) == ([], [])
    (root / "a.txt").write_text("dog")
    os.utime(root / "a.txt", ns=(stamp, stamp))
    assert embedded(nestvec, root) == (["a.txt"], [])


def test_what_is_left_out(nestvec, folder, tmp_path):  # noqa: F811
    (tmp_path / "secret.md").write_text("numbat\n")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / ".hidden.md").write_text("numbat\n")
    (folder / "binary.md").write_bytes(b"numbat\0numbat")
    (folder / "latin.txt").write_bytes(b"caf\xe9 numbat")
    (folder / "large.txt").write_text("numbat " * 100)
    done = nestvec("search", "-v", "-m", BERT, "--max-file-size", "500", folder, "numbat", "--by", "words")
    said = done.stderr.decode()
    assert done.returncode == 0 and done.stdout == b"", said
    assert "large.txt has 700 bytes, over 500 (--max-file-size)" in said
    assert "binary.md is no text" in said and "latin.txt is no text" in said
    found = nestvec.ok("search", "-q", "-m", BERT, folder, "numbat", "--by", "words")
    assert found.startswith(f"{folder}/large.txt:1\t")
    assert search(nestvec, folder, "cat", "--glob", "*.md", "--by", "vectors", "--index", tmp_path / "other",
                  )[0]["path"] == f"{folder}/cats.md"


def test_a_search_with_other_rules_loses_nothing(nestvec, folder):  # noqa: F811
    assert embedded(nestvec, folder) == (sorted(FILES), [])
    for rules, left in ((("--glob", "*.md"), ["cats.md"]), (("--max-file-size", "60"), ["weather/rain.txt", "weather/snow.txt"])):
        hits = search(nestvec, folder, "quokka", *rules, "--by", "vectors")
        assert {hit["path"] for hit in hits} == {f"{folder}/{name}" for name in left}
        assert embedded(nestvec, folder, *rules) == ([], [])
        assert embedded(nestvec, folder) == ([], []), "what the rules left out is still there"
    # What changed or went meanwhile is seen, at the latest by the next search of all.
    (folder / "weather/rain.txt").write_text("The numbat sleeps.\n")
    (folder / "weather/snow.txt").unlink()
    assert embedded(nestvec, folder, "--glob", "*.md") == ([], ["weather/rain.txt", "weather/snow.txt"])
    assert embedded(nestvec, folder) == (["weather/rain.txt"], [])
    done = nestvec("search", "-m", BERT, folder, "cat", "--glob", "*.nothing")
    assert done.returncode == 0 and b"no file of the folder matches --glob" in done.stderr


def test_a_folder_that_cannot_be_written_has_its_index_elsewhere(nestvec, folder, tmp_path):  # noqa: F811
    (folder / ".nestvec-index").mkdir()
    (folder / ".nestvec-index" / "lock").symlink_to("/nowhere")  # as little to be opened as one of somebody else
    done = nestvec("search", "-m", BERT, folder, "cat")
    assert done.returncode != 0 and b"name another place for the index with --index" in done.stderr, done.stderr
    assert search(nestvec, folder, "cat", "--index", tmp_path / "index")


def test_a_file_that_cannot_be_read_is_told_and_left_out():
    """As somebody who is not root, who reads every file."""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        root = pathlib.Path(home) / "docs"
        (root / "locked").mkdir(parents=True)
        (root / "cats.md").write_text(FILES["cats.md"])
        (root / "snow.txt").write_text(FILES["weather/snow.txt"])
        shutil.copytree(BERT, pathlib.Path(home) / "bert")
        root.chmod(0o777)
        (root / "cats.md").chmod(0)
        (root / "locked").chmod(0)
        user = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        done = Command(pathlib.Path(home))("search", "-m", f"{home}/bert", root, "quokka", **user)
        (root / "locked").chmod(0o700)
        assert done.returncode == 0, done.stderr
        assert b"cats.md is left out: cannot open" in done.stderr and b"Permission denied" in done.stderr
        assert b"locked cannot be read" in done.stderr
        assert done.stdout.count(b"\n") == 1 and b"snow.txt:1" in done.stdout


def test_hostile_names_and_texts(nestvec, folder):  # noqa: F811
    (folder / "a\nb\x1b[2J.md").write_text("The numbat \x1b[31m eats\rtermites.\n")
    out = nestvec.ok("search", "-m", BERT, folder, "numbat", "-n", "1")
    assert out.count("\n") == 1 and "\x1b" not in out and "\r" not in out
    assert out.startswith(f"{folder}/a\\x0ab\\x1b[2J.md:1\t")
    done = nestvec("search", "-v", "-m", BERT, folder, "numbat", "--rebuild")
    assert b"\x1b" not in done.stderr and b"a\\x0ab" in done.stderr
    assert search(nestvec, folder, "numbat")[0]["path"] == f"{folder}/a\nb\x1b[2J.md"


def test_queries_that_look_like_something_else(nestvec, folder):  # noqa: F811
    for query in ("[a,b]", "{}", "embed"):
        assert len(search(nestvec, folder, query)) == 4
    nestvec.ok("search", "-q", "-m", BERT, "--", folder, "--rebuild")
    nestvec.fails(2, "search", "-q", "-m", BERT, folder, " ", says="the query is empty")
    nestvec.fails(2, "search", "-q", "-m", BERT, "", "cat", says="the folder's name is empty")
    nestvec.fails(2, "search", "-q", "-m", BERT, "quokka", says="search needs a folder and a query")
    nestvec.fails(3, "search", "-q", "-m", BERT, folder / "none", "cat", says="cannot open")
    nestvec.fails(2, "search", "-q", "-m", BERT, folder / "cats.md", "cat", says="is no folder")


def test_reranker(nestvec, folder):  # noqa: F811
    hits = search(nestvec, folder, "Where is the quokka?", "--reranker", RERANKER, "-n", "3")
    assert len(hits) == 3
    lines = "".join(json.dumps({"text": hit["text"]}) + "\n" for hit in hits)
    out = nestvec.ok("rerank", "-q", "-m", RERANKER, "--jsonl", "--format", "jsonl", "Where is the quokka?",
                     stdin=lines)
    ranked = [json.loads(line) for line in out.splitlines()]
    assert [each["index"] for each in ranked] == [0, 1, 2]
    assert numpy.allclose([each["score"] for each in ranked], [hit["score"] for hit in hits], atol=1e-4)
    shutil.rmtree(folder / ".nestvec-index")
    nestvec.fails(2, "search", "-q", "-m", BERT, folder, "cat", "--reranker", BERT, says="no reranker")
    assert not (folder / ".nestvec-index").exists(), "it is told before anything is embedded"
    nestvec.fails(2, "search", "-q", "-m", RERANKER, folder, "cat", says="makes no vectors")
    nestvec.fails(3, "search", "-q", "-m", BERT, folder, "cat", "--reranker", "no-such", says="no-such")


def test_late_chunks(nestvec, folder, tmp_path):  # noqa: F811
    plain = search(nestvec, folder, "quokka", "--by", "vectors", model=V3)
    index = ("--index", tmp_path / "late")
    late = search(nestvec, folder, "quokka", "--by", "vectors", "--late", *index, model=V3)
    assert len(plain) == len(late) == 4
    scores = {hit["text"]: hit["score"] for hit in plain}
    assert any(abs(scores[hit["text"]] - hit["score"]) > 1e-3 for hit in late if "cats" in hit["path"])
    # The index keeps what it was made with.
    assert search(nestvec, folder, "quokka", "--by", "vectors", *index, model=V3) == late
    nestvec.fails(2, "search", "-q", "-m", V3, folder, "cat", "--late", says="--rebuild")
    nestvec.fails(2, "search", "-q", "-m", V3, folder, "cat", "--chunk-tokens", "7", says="--chunk-tokens 200")
    assert embedded(nestvec, folder, "--chunk-tokens", "7", "--rebuild", model=V3)[0] == sorted(FILES)


def test_another_model_is_refused(nestvec, folder):  # noqa: F811
    search(nestvec, folder, "cat")
    nestvec.fails(2, "search", "-q", "-m", V3, folder, "cat", says=["bert-tiny", "--rebuild"])
    assert search(nestvec, folder, "cat", "--rebuild", model=V3)


@pytest.mark.parametrize("damage", ["foreign", "cut", "changed"])
def test_a_foreign_or_damaged_index_is_refused(nestvec, folder, damage):  # noqa: F811
    search(nestvec, folder, "cat")
    file = folder / ".nestvec-index" / "index"
    content = file.read_bytes()
    file.write_bytes({"foreign": b"%PDF-1.7", "cut": content[:-7],
                      "changed": content[:100] + bytes([content[100] ^ 1]) + content[101:]}[damage])
    damaged = file.read_bytes()
    nestvec.fails(4, "search", "-q", "-m", BERT, folder, "cat", says="--rebuild")
    assert file.read_bytes() == damaged
    assert search(nestvec, folder, "quokka", "--rebuild")
    assert file.read_bytes() == content


def test_the_index_stays_in_its_place(nestvec, folder, tmp_path):  # noqa: F811
    search(nestvec, folder, "cat")
    assert sorted(os.listdir(folder / ".nestvec-index")) == [".gitignore", "index", "lock"]
    shutil.rmtree(folder / ".nestvec-index")
    (tmp_path / "elsewhere").mkdir()
    (folder / ".nestvec-index").symlink_to(tmp_path / "elsewhere")
    nestvec.fails(2, "search", "-q", "-m", BERT, folder, "cat", says="is no folder")
    assert os.listdir(tmp_path / "elsewhere") == []


def test_two_at_a_time(nestvec, folder):  # noqa: F811
    for i in range(40):
        (folder / f"many{i}.txt").write_text(f"numbat number {i}. " * 50)
    runs = [nestvec.start("search", "-v", "-m", BERT, folder, "quokka", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(3)]
    ends = [run.communicate(timeout=SECONDS) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], ends
    assert len({out for out, _ in ends}) == 1
    counts = sorted(len(re.findall(rb"embedded \S+ \(", err)) for _, err in ends)
    assert counts == [0, 0, 43], "each file is embedded once"


def test_an_interrupted_run_keeps_what_is_done(nestvec, folder):  # noqa: F811
    for i in range(300):
        (folder / f"many{i:03}.txt").write_text(f"numbat number {i} eats. " * 400)
    run = nestvec.start("search", "-v", "-m", BERT, folder, "quokka", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = b""
    for line in run.stderr:
        said += line
        if b"embedded many000.txt" in line:
            run.send_signal(signal.SIGINT)
            break
    said += run.stderr.read()
    assert run.wait(SECONDS) == 130, said
    assert b"what is embedded is kept" in said
    before = set(re.findall(rb"embedded (many\d+\.txt)", said))
    assert 0 < len(before) < 300
    rest, removed = embedded(nestvec, folder)
    assert removed == [] and not {name.decode() for name in before} & set(rest)
    assert len(before) + len([name for name in rest if name.startswith("many")]) == 300
