# SPDX-License-Identifier: Apache-2.0
"""Tasks and prompts of the command: names, defaults, built-in prompts, and mistakes that are seen before weights."""

import json
import shutil

import numpy
import pytest

from changed_model import changed
from command import MODELS, nestvec  # noqa: F401 (a fixture)

SENTENCE = "config_sentence_transformers.json"
E5 = "intfloat/multilingual-e5-small"
TEXT = "Where do cats sleep?"
NO_PROMPTS = {"prompts": {}, "default_prompt_name": None}


def rows(text):
    return numpy.array([json.loads(line)["embedding"] for line in text.splitlines()], numpy.float32)


def embed(nestvec, model, *arguments, **options):  # noqa: F811
    return rows(nestvec.ok("embed", "-q", "--precision", "fp32", "--model", model, "--format", "jsonl", *arguments,
                           **options))


def info(nestvec, model, *flags, **options):  # noqa: F811
    return json.loads(nestvec.ok("info", "--json", "--model", model, *flags, **options))


@pytest.mark.parametrize("name, task", [("query", "retrieval.query"), ("Search_Document", "retrieval.passage"),
                                        ("clustering", "separation"), ("similarity", "text-matching")])
def test_a_task_has_several_names(nestvec, name, task):  # noqa: F811
    model = MODELS / "v3-tiny"
    wanted = embed(nestvec, model, "--task", task, TEXT)
    assert numpy.array_equal(embed(nestvec, model, "--task", name, TEXT), wanted)
    assert numpy.array_equal(embed(nestvec, model, "--default-task", name, TEXT), wanted)
    assert info(nestvec, model, "--default-task", name)["default_task"] == task


def test_the_default_prompt_of_the_folder(nestvec, tmp_path):  # noqa: F811
    model = changed(tmp_path / "m", "bert-tiny", {SENTENCE: {
        "prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query"}})
    bare = MODELS / "bert-tiny"
    assert info(nestvec, model)["default_task"] == "query"
    assert numpy.array_equal(embed(nestvec, model, TEXT), embed(nestvec, bare, "query: " + TEXT))
    assert numpy.array_equal(embed(nestvec, model, "--task", "document", TEXT), embed(nestvec, bare, "passage: " + TEXT))
    for task in ("none", "classification"):
        assert numpy.array_equal(embed(nestvec, model, "--task", task, TEXT), embed(nestvec, bare, TEXT)), task


def test_prompts_as_qwen3_embedding_stores_them(nestvec, tmp_path):  # noqa: F811
    """Its published file: the text follows the colon directly, and documents have none."""
    query = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    bare = MODELS / "qwen3-tiny"
    model = changed(tmp_path / "m", "qwen3-tiny", {SENTENCE: {
        "prompts": {"query": query, "document": ""}, "default_prompt_name": None, "similarity_fn_name": "cosine"}})
    for task in ("query", "retrieval.query", "search_query"):
        assert numpy.array_equal(embed(nestvec, model, "--task", task, TEXT), embed(nestvec, bare, query + TEXT)), task
    for task in ("document", "passage", "none"):
        assert numpy.array_equal(embed(nestvec, model, "--task", task, TEXT), embed(nestvec, bare, TEXT)), task
    assert info(nestvec, model)["default_task"] == "none"


def test_configured_prompts(nestvec, tmp_path):  # noqa: F811
    bare = MODELS / "bert-tiny"
    flags = ["--query-prompt", "q: ", "--document-prompt", "d: ", "--prompts", '{"clustering": "c: "}']
    for task, prompt in (("query", "q: "), ("passage", "d: "), ("separation", "c: "), ("classification", "")):
        wanted = embed(nestvec, bare, prompt + TEXT)
        assert numpy.array_equal(embed(nestvec, bare, *flags, "--task", task, TEXT), wanted), task
    config = tmp_path / "config.yaml"
    config.write_text('runtime: {prompts: {query: "q: "}}\n')
    shown = json.loads(nestvec.ok("info", "--json", "--model", bare, "--config", config))
    assert shown["tasks"] == {"query": "q: "} and shown["prompts_source"] == "configuration"
    assert info(nestvec, bare, env={"NESTVEC_PROMPTS": '{"query": "e: "}'})["tasks"] == {"query": "e: "}
    nestvec.fails(2, "info", "--model", bare, "--prompts", "query: ", says=["--prompts", '{"query": "query: "}'])
    nestvec.fails(2, "info", "--model", MODELS / "v3-tiny", "--prompts", '{"poetry": "p"}', says="poetry")


def e5_folder(nestvec, tmp_path, how):  # noqa: F811
    """A model that is known to be E5, and the environment in which it is."""
    if how == "path":
        return changed(tmp_path / "models" / E5, "xlmr-tiny", {SENTENCE: NO_PROMPTS}), {}
    if how == "_name_or_path":
        return changed(tmp_path / "m", "xlmr-tiny", {"config.json": {"_name_or_path": E5}}), {}
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / ("models--" + E5.replace("/", "--"))
    snapshot = repository / "snapshots" / commit
    snapshot.parent.mkdir(parents=True)
    changed(snapshot, "xlmr-tiny")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    if how == "repository":
        return E5, {"HF_HUB_CACHE": str(tmp_path / "hub")}
    compiled = tmp_path / "compiled"
    nestvec.ok("compile", snapshot, "--precision", "fp32", "--output", compiled)
    shutil.rmtree(repository)
    return compiled, {}


@pytest.mark.parametrize("how", ["repository", "path", "_name_or_path", "compiled"])
def test_prompts_of_well_known_models_are_built_in(nestvec, tmp_path, how):  # noqa: F811
    model, env = e5_folder(nestvec, tmp_path, how)
    bare = MODELS / "xlmr-tiny"
    for task, prompt in (("query", "query: "), ("passage", "passage: "), ("sts", "query: "), ("none", "")):
        wanted = embed(nestvec, bare, prompt + TEXT)
        assert numpy.array_equal(embed(nestvec, model, "--task", task, TEXT, env=env), wanted), task
    assert numpy.array_equal(embed(nestvec, model, TEXT, env=env), embed(nestvec, bare, TEXT))
    notes = nestvec("embed", "--precision", "fp32", "--model", model, TEXT, env=env).stderr.decode()
    (note,) = [line for line in notes.splitlines() if "built in" in line]
    assert E5 in note and '"passage: "' in note and "runtime.builtin_prompts: false" in note
    off = embed(nestvec, model, "--no-builtin-prompts", "--task", "query", TEXT, env=env)
    assert numpy.array_equal(off, embed(nestvec, bare, TEXT))


def test_mistakes_are_seen_before_weights(nestvec, tmp_path):  # noqa: F811
    model = changed(tmp_path / "m", "v3-tiny", weights=False)
    lines = tmp_path / "a.txt"
    lines.write_text("a\n")
    for inputs in (["a"], ["--input", lines, "--output", tmp_path / "o.npy"]):
        nestvec.fails(2, "embed", "--model", model, "--task", "retrieval.qurey", *inputs,
                      says=['unknown task "retrieval.qurey"; did you mean "retrieval.query"?', "separation"])
        nestvec.fails(2, "embed", "--model", model, "--dimensions", "99999", *inputs, says="64")
        assert nestvec("embed", "--model", model, *inputs).returncode == 4, "the weights are none"
    nestvec.fails(2, "serve", "--model", model, "--default-task", "quary", "--http", "127.0.0.1:0",
                  says=["runtime.default_task", 'did you mean "query"?'])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "m"]


def test_the_tasks_of_rows(nestvec, tmp_path):  # noqa: F811
    rows_of = tmp_path / "rows.jsonl"
    tasks = ["query", "search_document", "", "classification"]
    rows_of.write_text("".join(json.dumps({"text": TEXT, "as": task}) + "\n" for task in tasks))
    prompted = changed(tmp_path / "m", "bert-tiny", {SENTENCE: {"prompts": {"query": "query: "}}})
    for model, names in ((MODELS / "v3-tiny", ["retrieval.query", "retrieval.passage", "text-matching", "classification"]),
                         (prompted, ["query", "none", "none", "none"]),
                         (MODELS / "bert-tiny", ["none", "none", "none", "none"])):
        out = tmp_path / "out.npy"
        nestvec.ok("embed", "-q", "--precision", "fp32", "--model", model, "--input", rows_of, "--task-field", "as",
                   "--output", out, "--restart")
        wanted = [embed(nestvec, model, "--task", name, TEXT)[0] for name in names]
        assert numpy.array_equal(numpy.load(out), wanted), model
