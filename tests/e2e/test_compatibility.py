# SPDX-License-Identifier: Apache-2.0
"""docs/compatibility.md: compiled models of other versions of nestvec."""

import json
import shutil

import pytest

from command import MODELS, REPOSITORY, nestvec  # noqa: F401 (a fixture)

BERT = MODELS / "bert-tiny"
KEPT = REPOSITORY / "tests" / "data" / "compiled-0.1.0"
TEXTS = ("A cat sleeps.", "The bank raised rates.")


def rows(nestvec, model, *arguments, **options):  # noqa: F811
    return nestvec.ok("embed", "-q", "--model", model, "--format", "jsonl", *arguments, *TEXTS, **options)


def change_manifest(folder, **members):
    path = folder / "nestvec.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


@pytest.fixture
def compiled(nestvec, tmp_path):  # noqa: F811
    nestvec.ok("compile", "-q", BERT, "-o", tmp_path / "compiled", "--precision", "int8")
    return tmp_path / "compiled"


def test_the_kept_folder_gives_the_vectors_of_today(nestvec, compiled):  # noqa: F811
    assert rows(nestvec, KEPT) == rows(nestvec, compiled)
    assert json.loads(nestvec.ok("info", "--json", "--model", KEPT))["precision"] == "int8"


def test_the_version_of_the_library_does_not_matter(nestvec, compiled):  # noqa: F811
    change_manifest(compiled, library_version="0.9.7")
    assert rows(nestvec, compiled) == rows(nestvec, KEPT)


def test_a_newer_format_has_an_exit_code_of_its_own(nestvec, compiled):  # noqa: F811
    change_manifest(compiled, format_version=99, library_version="7.0.0")
    for command in (("embed", "-q", "x"), ("info",), ("serve", "--http", "127.0.0.1:0")):
        nestvec.fails(9, *command, "--model", compiled,
                      says=["nestvec.json", "format 99 by nestvec 7.0.0", "update nestvec"])


def test_an_older_format_is_to_be_compiled_again(nestvec, compiled):  # noqa: F811
    change_manifest(compiled, format_version=1)
    nestvec.fails(1, "embed", "-q", "--model", compiled, "x", says=["format 1", "compile the model again"])


@pytest.mark.parametrize("changes, again", [({"library_version": "0.9.7"}, False), ({"format_version": 99}, True),
                                            ({"format_version": 1}, True)])
def test_the_cache_is_remade_where_the_format_is_another(nestvec, tmp_path, changes, again):  # noqa: F811
    cache = {"NESTVEC_CACHE": str(tmp_path / "cache")}
    before = rows(nestvec, BERT, env=cache)
    (entry,) = [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    change_manifest(entry, **changes)
    done = nestvec("embed", "--model", BERT, "--format", "jsonl", *TEXTS, env=cache)
    assert done.stdout.decode() == before
    assert (b"compiling again" in done.stderr) == again, done.stderr
    version = json.loads((entry / "nestvec.json").read_text())["format_version"]
    assert version not in (1, 99)


def test_a_kept_folder_is_not_written_to(nestvec, tmp_path):  # noqa: F811
    shutil.copytree(KEPT, tmp_path / "kept")
    before = sorted(path.name for path in (tmp_path / "kept").rglob("*"))
    rows(nestvec, tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").rglob("*")) == before
