# SPDX-License-Identifier: Apache-2.0
"""examples/search with tiny models: each store finds what was put into it, and an answer names its sources."""

import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

import postgres
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples" / "search"
MODELS = REPOSITORY / "tests" / "models"
NAMES = "bge-m3-tiny xlmr-reranker-tiny"
STORES = {"pgvector": ["psycopg", "pgvector"], "qdrant": ["qdrant_client"], "lancedb": ["lancedb"],
          "chroma": ["chromadb"]}
FILES = {
    "cats.md": "# Cats\n\nA cat sleeps on the mat.\n\nIts fur is warm and soft.\n",
    "sub/weather.md": "\n\nRain fell all day. The wind was cold.\n",
    "sub/news.md": "The bank raised its rates. Markets fell, and the zanzibar index with them.\n",
    "empty.md": "\n",
}
DRIVER = """
import json, re, sys, with_{store} as store
from nestvec_search import chunks_of
chunks = chunks_of(sys.argv[1], size=8)
store.store(chunks)
store.store(chunks)  # again: in place of what was there
found = [store.search(chunk["text"]) for chunk in chunks]
keys = ("path", "line", "text")
words = [word for chunk in chunks for word in re.findall("[a-z]{{4,}}", chunk["text"])]
rare = sorted(word for word in set(words) if sum(word in chunk["text"].lower() for chunk in chunks) == 1)[:4]
print(json.dumps({{"chunks": [[chunk[key] for key in keys] for chunk in chunks],
                  "found": [[[each[key] for key in keys] for each in one] for one in found],
                  "words": [[word, store.search(word)[0]["text"]] for word in rare]}}))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    command = [os.environ["NESTVEC_BINARY"], "serve", "--http", "127.0.0.1:0", "--precision", "fp32"]
    for name in NAMES.split():
        command += ["--model", str(MODELS / name)]
    process = subprocess.Popen(command, env={"HOME": str(home), "PATH": os.environ["PATH"]}, stdout=subprocess.PIPE,
                               text=True)
    url = next(found[1] for line in process.stdout if (found := re.search(r"ready (http\S+)", line)))
    yield url
    process.terminate()
    assert process.wait(60) == 0


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with postgres.database(tmp_path_factory.mktemp("postgres")) as address:
        yield address


def test_the_packages_of_the_system_go_first(tmp_path):
    assert postgres.programs_of_the_system(tmp_path) is None
    for version in ("9", "17", "15"):
        (tmp_path / "usr/share/postgresql" / version / "extension").mkdir(parents=True)
    assert postgres.programs_of_the_system(tmp_path) is None, "PostgreSQL without the extension"
    for version in ("9", "17"):
        (tmp_path / "usr/share/postgresql" / version / "extension/vector.control").touch()
    assert postgres.programs_of_the_system(tmp_path) == tmp_path / "usr/lib/postgresql/17/bin"


def test_a_cluster_of_the_system_answers():
    """With or without the extension: Debian 12 has PostgreSQL alone."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL of the system is not installed")
    psycopg = pytest.importorskip("psycopg")
    with postgres.cluster(found[-1].parent) as address:
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT 6 * 7").fetchone() == (42,)


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / "notes" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "notes" / name).write_text(text)
    return tmp_path / "notes"


@pytest.fixture(params=STORES)
def python(request, server, tmp_path):
    """Runs Python in an empty folder beside the example of a store, and gives what it prints."""
    for module in STORES[request.param]:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: make test-examples")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(EXAMPLES),
                   "PYTHONDONTWRITEBYTECODE": "1", "NESTVEC_URL": server, "NESTVEC_MODELS": NAMES}
    if request.param == "pgvector":
        environment["DATABASE_URL"] = request.getfixturevalue("database")

    def run(*arguments, **extra):
        done = subprocess.run([sys.executable, *map(str, arguments)], cwd=tmp_path, env={**environment, **extra},
                              capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.store = request.param
    run.url = server
    return run


def test_a_store_finds_what_was_put_into_it(python, folder):
    result = json.loads(python("-c", DRIVER.format(store=python.store), folder).splitlines()[-1])
    chunks = result["chunks"]
    assert len(chunks) > 4
    assert {path for path, _, _ in chunks} == {str(folder / name) for name in FILES if name != "empty.md"}
    for path, line, text in chunks:
        lines = pathlib.Path(path).read_text().split("\n")
        assert text.split("\n")[0] in lines[line - 1]
    for chunk, found in zip(chunks, result["found"]):
        assert found[0] == chunk, "a chunk is nearest to its own text"
        assert len(found) == len({tuple(each) for each in found}) == len(chunks)
    if python.store != "qdrant":  # whose words are the tiny model's tokens
        assert len(result["words"]) == 4
        assert all(word in text for word, text in result["words"]), "the only chunk with a word is the best for it"


@pytest.mark.parametrize("late", ["0", "1"])
def test_an_answer_names_its_sources(python, folder, late):
    query = "Where does the cat sleep?"
    out = python(EXAMPLES / f"with_{python.store}.py", folder, query, NESTVEC_LATE=late)
    sources = re.findall(r"^    (\S+):(\d+) \(([-.\d]+)\)$", out, re.MULTILINE)
    texts = re.findall(r"^\[\d\] (.*?)\n    /", out, re.MULTILINE | re.DOTALL)
    assert len(sources) == len(texts) == 3, out
    request = urllib.request.Request(python.url + "/v1/rerank", json.dumps({
        "model": NAMES.split()[1], "query": query, "documents": texts}).encode(), {"Content-Type": "application/json"})
    scores = {each["index"]: each["relevance_score"] for each in json.load(urllib.request.urlopen(request))["results"]}
    assert [f"{scores[i]:.3f}" for i in range(3)] == [score for _, _, score in sources]
    assert sorted(scores.values(), reverse=True) == [scores[i] for i in range(3)]
    for (path, line, _), text in zip(sources, texts):
        assert text in pathlib.Path(path).read_text()
