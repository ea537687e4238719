# SPDX-License-Identifier: Apache-2.0
"""Vectors: equal to the command's to the last bit, and to the references within their tolerance."""

import gzip
import json
import random

import numpy as np
import pytest

import nestvec
from changed_model import changed
from command import DATA, MODELS

# As tests/model/parity_test.cc: what fp32 on both sides allows.
TOLERANCE = 1e-5
TEXTS = ["The cat sat on the mat.", "Wo ist der Bahnhof?", "", "東京は夜の七時", "naïve café 😀", "x " * 40]


def records(name):
    with gzip.open(DATA / "embed" / name, "rt") as lines:
        yield from map(json.loads, lines)


def options_of(record):
    options = {"task": record.get("task"), "dimensions": record.get("dimensions"),
               "normalize": record.get("normalize"), "truncate": record.get("truncation", "right")}
    return options if record.get("add_prompt", True) else {**options, "prompt": ""}


@pytest.mark.parametrize("folder", ["v3-tiny", "bert-tiny", "xlmr-tiny"])
@pytest.mark.filterwarnings("ignore::nestvec.TruncationWarning")
def test_equals_the_references(load, folder):
    models, compared = {}, 0
    for record in records(f"{folder}.jsonl.gz"):
        # What cuts a prompt at the left, and ids without a text, are for the tests in C++.
        if "text" not in record:
            continue
        limit = record.get("max_tokens", 0)
        if limit not in models:
            models[limit] = load(folder, precision="fp32", max_tokens=limit)
        vector = models[limit].encode(record["text"], **options_of(record))
        np.testing.assert_allclose(vector, record["vector"], rtol=0, atol=TOLERANCE)
        compared += 1
    assert compared >= 20


def test_late_chunking_equals_the_references(load):
    models, compared = {}, 0
    for record in records("v3-tiny-late.jsonl.gz"):
        limit = record.get("max_tokens", 0)
        if limit not in models:
            models[limit] = load("v3-tiny", precision="fp32", max_tokens=limit)
        model = models[limit]
        if "error" in record:
            with pytest.raises(ValueError, match=f"^chunk {record['error']} "):
                model.encode(record["chunks"], late_chunking=True, **options_of(record))
            continue
        rows = model.encode(record["chunks"], late_chunking=True, **options_of(record))
        np.testing.assert_allclose(rows, record["vectors"], rtol=0, atol=TOLERANCE)
        compared += 1
    assert compared > 0


def test_equals_sentence_transformers(minilm):
    folder = DATA / "embed/minilm"
    with gzip.open(folder / "texts.jsonl.gz", "rt") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    expected = np.load(folder / "vectors.npy")
    # All of them are for the tests in C++.
    longest = max(range(len(texts)), key=lambda index: len(texts[index]))
    chosen = [*range(0, len(texts), 5), longest]
    texts, expected = [texts[index] for index in chosen], expected[chosen]
    with pytest.warns(nestvec.TruncationWarning):
        rows = minilm.encode(texts)
    assert rows.shape == expected.shape
    assert (np.sum(rows * expected, axis=1) / np.linalg.norm(expected, axis=1)).min() >= 0.999999


@pytest.mark.parametrize("arguments, options", [
    ((), {}),
    (("--task", "retrieval.query", "--dimensions", "32"), {"task": "retrieval.query", "dimensions": 32}),
    (("--no-normalize",), {"normalize": False}),
    (("--late-chunking",), {"late_chunking": True}),
    (("--no-prompt", "--task", "retrieval.passage"), {"prompt": "", "task": "retrieval.passage"}),
])
def test_equals_the_command_to_the_last_bit(model, command_rows, arguments, options):
    texts = [text for text in TEXTS if text] if "late_chunking" in options else TEXTS
    rows = model.encode(texts, **options)
    assert rows.tobytes() == command_rows(MODELS / "v3-tiny", texts, *arguments).tobytes()


def test_a_long_list_equals_the_command_to_the_last_bit(load, command_rows):
    model = load("v3-tiny", precision="fp32", max_batch_tokens=2048)
    chooser = random.Random(5)
    words = "nest egg bird tree river stone cloud seven night window".split()
    texts = [" ".join(chooser.choices(words, k=chooser.randint(1, 60))) for _ in range(500)]
    rows = model.encode(texts)
    done = model.statistics()
    assert rows.tobytes() == command_rows(MODELS / "v3-tiny", texts).tobytes()
    # Runs are full, but for the last.
    assert done.texts == len(texts) and done.tokens / 2048 > 4
    assert done.runs <= done.tokens // 2048 + 2


def test_batch_tokens_limits_a_run(load):
    model = load("v3-tiny", precision="fp32")
    texts = [f"{'word ' * (i % 30)}{i}" for i in range(300)]
    everything = model.encode(texts)
    assert model.statistics().largest_run > 200
    longest = max(len(model.tokenize(text)) for text in texts)
    model = load("v3-tiny", precision="fp32")
    assert model.encode(texts, batch_tokens=longest + 10).tobytes() == everything.tobytes()
    assert longest <= model.statistics().largest_run <= longest + 10
    model = load("v3-tiny", precision="fp32")
    assert model.encode(texts[:40], batch_tokens=1).tobytes() == everything[:40].tobytes()
    assert model.statistics().runs == 40


def test_shapes(model):
    assert model.encode("one").shape == (model.info.dimensions,)
    assert model.encode(["one"]).shape == (1, model.info.dimensions)
    assert model.encode([]).shape == (0, model.info.dimensions)
    assert model.encode([], late_chunking=True).shape == (0, model.info.dimensions)
    assert model.encode(("a", "b"), dimensions=32).shape == (2, 32)
    for texts in (["a", "b"], ("a", "b"), np.array(["a", "b"]), iter(["a", "b"]), {"a": 1, "b": 2}.keys()):
        assert model.encode(texts).tobytes() == model.encode(["a", "b"]).tobytes()


def test_the_array_is_the_librarys_memory(model):
    rows = model.encode(["one", "two"])
    assert rows.dtype == np.float32 and rows.flags.c_contiguous and rows.flags.writeable
    assert not rows.flags.owndata and rows.base is not None
    kept = rows.copy()
    del rows
    assert kept.tobytes() == model.encode(["one", "two"]).tobytes()


def test_surrogates_and_nul(model):
    lone, replaced = model.encode(["a\ud800b", "a\N{REPLACEMENT CHARACTER}b"])
    assert lone.tobytes() == replaced.tobytes()
    pair, character = model.encode(["\ud83d\ude00", "😀"])
    assert pair.tobytes() == character.tobytes()
    with_nul, without = model.encode(["a\0b", "a"])
    assert with_nul.tobytes() != without.tobytes()


def test_a_prompt_of_the_callers_is_refused_where_the_pool_leaves_it_out(tmp_path, load):
    folder = changed(tmp_path / "model", "bert-tiny", {"1_Pooling/config.json": {"include_prompt": False}})
    model = load(folder, prompts={"query": "cat: "})
    with pytest.raises(nestvec.InvalidArgumentError, match="include_prompt: false"):
        model.encode("a", prompt="cat: ")
    left_out, whole = model.encode("a", task="query"), load("bert-tiny").encode("a", prompt="cat: ")
    assert np.abs(left_out - whole).max() > 1e-3
    assert model.encode("a", prompt="").tobytes() == model.encode("a", task="none").tobytes()


@pytest.mark.parametrize("options, says", [
    ({"normalize": "no"}, "normalize is of type str; expected bool"),
    ({"normalize": 2}, "normalize is of type int; expected bool"),
    ({"late_chunking": "yes"}, "late_chunking is of type str; expected bool"),
    ({"parse_special": None}, "parse_special is None; expected bool"),
    ({"truncate": True}, "truncate is of type bool; expected 'right', 'left' or 'error'"),
    ({"truncate": None}, "truncate is of type NoneType"),
    ({"task": 5}, "task is of type int; expected str"),
    ({"prompt": b"x"}, "prompt is of type bytes; expected str"),
    ({"dimensions": True}, "dimensions is of type bool; expected int"),
    ({"dimensions": 8.0}, "dimensions is of type float; expected int"),
    ({"batch_tokens": "9"}, "batch_tokens is of type str; expected int"),
])
def test_an_option_of_another_type_is_named(plain, options, says):
    with pytest.raises(TypeError, match=says):
        plain.encode(TEXTS, **options)


def test_numpys_truth_is_truth(plain):
    for false in (False, np.False_, 0, np.int64(0)):
        assert plain.encode(TEXTS, normalize=false).tobytes() == plain.encode(TEXTS, normalize=False).tobytes()
    assert plain.encode(TEXTS, dimensions=np.int64(8)).shape[1] == 8


def test_two_names_of_an_option_must_agree(plain):
    with pytest.raises(ValueError, match="normalize=False and normalize_embeddings=True contradict each other"):
        plain.encode(TEXTS, normalize=False, normalize_embeddings=True)
    with pytest.raises(ValueError, match="dimensions=8 and truncate_dim=16 contradict"):
        plain.encode(TEXTS, dimensions=8, truncate_dim=16)
    assert plain.encode(TEXTS, dimensions=8, truncate_dim=8, normalize_embeddings=True).shape[1] == 8


@pytest.mark.parametrize("texts", [None, 5, 1.5, object()])
def test_what_is_no_texts_says_so(plain, texts):
    with pytest.raises(TypeError, match="expected texts, found"):
        plain.encode(texts)


@pytest.mark.parametrize("ids, error, says", [
    ("12", TypeError, "expected token ids, found str"), ([1.7], TypeError, "token id 0 is of type float; expected int"),
    ([5, -1], ValueError, "token id 1 is -1"), ([2**40], ValueError, "which no token has"),
])
def test_ids_that_are_none(plain, ids, error, says):
    with pytest.raises(error, match=says):
        plain.decode(ids)


def test_truncation_is_told(load):
    model = load("v3-tiny", max_tokens=64)
    texts = ["short", "long " * 200, "short", "long " * 300]
    with pytest.warns(nestvec.TruncationWarning, match=r"^2 of 4 texts had more than 64 tokens .* \(index 1, 3\)"):
        model.encode(texts)
    with pytest.raises(nestvec.InvalidArgumentError, match="^text 1 has .* tokens") as refused:
        model.encode(texts, truncate="error")
    assert refused.value.text == 1 and refused.value.code == "OUT_OF_RANGE"


def test_an_error_names_the_text_by_its_place_in_a_long_list(load):
    model = load("v3-tiny", max_tokens=64, max_batch_tokens=64)
    texts = [f"{'word ' * (i % 9)}{i}" for i in range(800)]
    texts[700] = "long " * 200
    with pytest.raises(ValueError, match="^text 700 has "):
        model.encode(texts, truncate="error")


def test_tasks_of_queries_and_documents(model, plain):
    assert model.encode_query("x").tobytes() == model.encode("x", task="retrieval.query").tobytes()
    assert model.encode_document(["x"]).tobytes() == model.encode(["x"], task="retrieval.passage").tobytes()
    assert model.encode_query("x", task="separation").tobytes() == model.encode("x", task="separation").tobytes()
    assert plain.encode_query("x").tobytes() == plain.encode_document("x").tobytes()


def test_a_task_has_several_names(model, plain):
    for name, task in (("query", "retrieval.query"), ("search_document", "retrieval.passage"),
                       ("clustering", "separation"), ("STS", "text-matching")):
        assert model.encode("x", task=name).tobytes() == model.encode("x", task=task).tobytes()
    query = model.encode("x", task="retrieval.query")
    assert model.encode("x", prompt_name="query").tobytes() == query.tobytes()
    assert plain.encode("x", task="classification").tobytes() == plain.encode("x").tobytes()
    with pytest.raises(ValueError, match='unknown task "poetry"; this model has none'):
        plain.encode("x", task="poetry")
    with pytest.raises(ValueError, match='unknown prompt "query"; this model has none'):
        plain.encode("x", prompt_name="query")


def test_prompts_of_ones_own(load, plain):
    own = load("bert-tiny", precision="fp32", prompts={"query": "q: "}, document_prompt="d: ", builtin_prompts=False)
    assert own.encode_query("x").tobytes() == plain.encode("q: x").tobytes()
    assert own.encode_document("x").tobytes() == plain.encode("d: x").tobytes()
    assert own.encode("x", prompt_name="query").tobytes() == plain.encode("q: x").tobytes()
    assert own.encode("x").tobytes() == plain.encode("x").tobytes()
    assert own.info.prompts_source == "configuration"
    with pytest.raises(ValueError, match="prompts"):
        load("bert-tiny", prompts="query: ")


def test_adapters_of_ones_own(load):
    folders = MODELS / "adapters" / "bert-tiny"
    own = load("bert-tiny", precision="fp32", adapters={"legal": folders / "legal", "medical.notes": str(folders / "medical.notes")})
    assert own.info.adapters == {"legal": str(folders / "legal"), "medical.notes": str(folders / "medical.notes")}
    for record in records("adapters-bert-tiny.jsonl.gz"):
        found = own.encode(record["text"], task=record["task"])
        assert np.abs(found - np.array(record["vector"])).max() < 1e-5, record["task"]
    with pytest.raises(ValueError, match="legal, medical.notes, none"):
        own.encode("x", task="poetry")
    with pytest.raises(ValueError, match='no adapter can be called "base"'):
        load("bert-tiny", adapters={"base": folders / "legal"})


@pytest.mark.parametrize("settings, says", [
    ({"adapters": ["legal"]}, "adapters is of type list; expected a dict of names and folders"),
    ({"adapters": {"legal": 3}}, r"adapters\['legal'\] is of type int; expected str"),
    ({"prompts": ["query: "]}, "prompts is of type list; expected a dict of names and texts"),
    ({"prompts": {"query": None}}, r"prompts\['query'\] is of type NoneType; expected str"),
])
def test_settings_of_the_wrong_type_are_named(load, settings, says):
    with pytest.raises(TypeError, match=says):
        load("bert-tiny", **settings)


def test_numbers_over_64_bits_are_only_large(load, plain):
    with pytest.raises(ValueError, match=r"dimensions \d+ is not in 1..32"):
        plain.encode("x", truncate_dim=10**20)
    assert plain.encode("x", batch_tokens=10**20).tobytes() == plain.encode("x").tobytes()
    reranker = load("bert-reranker-tiny")
    assert reranker.rerank("q", ["a"], max_document_tokens=10**20).tobytes() == reranker.rerank("q", ["a"]).tobytes()


def test_names_of_sentence_transformers(model):
    prompts = {task.name: task.prompt for task in model.info.tasks}
    query = model.encode("x", task="retrieval.query")
    assert model.encode("x", prompt_name="retrieval.query").tobytes() == query.tobytes()
    assert model.encode("x", task="retrieval.query", prompt_name="retrieval.query").tobytes() == query.tobytes()
    other = model.encode(prompts["retrieval.passage"] + "x", task="retrieval.query", prompt="")
    assert model.encode("x", task="retrieval.query", prompt_name="retrieval.passage").tobytes() == other.tobytes()
    own = model.encode("x", task="retrieval.query", prompt="Own: ")
    assert own.tobytes() == model.encode("Own: x", task="retrieval.query", prompt="").tobytes()
    cut = model.encode("x", truncate_dim=32, normalize_embeddings=True, batch_size=7, device="cpu",
                       convert_to_numpy=True, show_progress_bar=None)
    assert cut.tobytes() == model.encode("x", dimensions=32, normalize=True).tobytes()
    assert abs(np.linalg.norm(cut) - 1) < 1e-6


def test_what_is_refused(model):
    def refused(error, says, texts="x", **options):
        with pytest.raises(error, match=says):
            model.encode(texts, **options)

    refused(ValueError, 'unknown task "nonsense"; this model has retrieval.query', task="nonsense")
    refused(ValueError, "dimensions is 0", dimensions=0)
    refused(ValueError, "100000", dimensions=100000)
    refused(ValueError, 'unknown prompt "nonsense"', prompt_name="nonsense")
    refused(ValueError, 'truncate is "middle"; expected right, left or error', truncate="middle")
    refused(ValueError, "precision is 'int4'", precision="int4")
    refused(ValueError, "expected 'cpu'", device="cuda")
    refused(ValueError, "output_value is None; expected 'sentence_embedding' or 'token_embeddings'", output_value=None)
    refused(ValueError, "batch_tokens is -1", batch_tokens=-1)
    refused(ValueError, "late_chunking", prompt="Own: ", late_chunking=True)
    refused(ValueError, "truncate", prompt="Own: ", truncate="left")
    refused(TypeError, "text 1 is of type int; expected str", ["a", 7])
    refused(TypeError, "text 0 is of type NoneType; expected str", [None])
    refused(TypeError, "text 0 is of type bytes; expected str", [b"a"])
    refused(TypeError, "unexpected keyword argument", nonsense=1)


def test_errors_of_loading(load, tmp_path):
    with pytest.raises(nestvec.NotFoundError, match="nestvec pull") as missing:
        nestvec.Model.load("nobody/has-this")
    assert isinstance(missing.value, FileNotFoundError) and isinstance(missing.value, nestvec.Error)
    with pytest.raises(ValueError, match="precision.*expected one of auto"):
        load("v3-tiny", precision="fp17")
    with pytest.raises(ValueError, match="nonsense: there is no such setting"):
        load("v3-tiny", nonsense=1)
    with pytest.raises(MemoryError, match="memory"):
        load("v3-tiny", cpu_memory="1Mi")
    config = tmp_path / "config.yaml"
    config.write_text(f"checkpoints: {{repo_id: {MODELS / 'v3-tiny'}}}\nruntime: {{default_task: separation}}\n")
    assert nestvec.Model.load(config=config).info.default_task == "separation"
    assert nestvec.Model.load(config=config, default_task="none").info.default_task == "none"


def test_info(model):
    info = model.info
    assert info.family == "jina-embeddings-v3" and info.precision == "fp32" and info.dimensions > 0
    assert [task.name for task in info.tasks][:2] == ["retrieval.query", "retrieval.passage"]
    assert info.tasks[0].prompt == "Represent the query for retrieving evidence documents: "
    assert info.folder == str(MODELS / "v3-tiny")
    assert "v3-tiny" in repr(model)


def test_tokens_equal_hugging_face(model, minilm, minilm_folder):
    from tokenizers import Tokenizer

    texts = [*TEXTS, "a\N{COMBINING ACUTE ACCENT}b 𝔘𝔫𝔦", "Hello,   world! </s> [SEP]"]
    for ours, folder in ((model, MODELS / "v3-tiny"), (minilm, minilm_folder)):
        theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
        theirs.no_truncation()
        theirs.no_padding()
        for text, tokens in zip(texts, ours.tokenize(texts), strict=True):
            expected = theirs.encode(text)
            assert tokens.ids == expected.ids
            assert tokens.tokens == [theirs.id_to_token(i) for i in expected.ids]
            assert tokens.offsets == expected.offsets
            assert len(tokens) == len(expected.ids)
            assert ours.decode(tokens.ids) == theirs.decode(expected.ids)
        assert ours.tokenize("Hello", add_special=False).ids == theirs.encode("Hello", add_special_tokens=False).ids


def test_progress_bar(model, capfd):
    model.encode([f"text {i}" for i in range(50)], show_progress_bar=True)
    assert "50/50" in capfd.readouterr().err
    model.encode(["x"])
    assert capfd.readouterr().err == ""


def test_columns_of_tables(model):
    pandas, polars, pyarrow = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    texts = TEXTS[:3]
    expected = model.encode(texts).tobytes()
    for column in (pandas.Series(texts), pandas.Series(texts, dtype="string"), polars.Series(texts), pyarrow.array(texts),
                   pyarrow.chunked_array([texts[:1], texts[1:]]), np.array(texts), np.array(texts, object), iter(texts)):
        assert model.encode(column).tobytes() == expected, type(column)
    for table in (pandas.DataFrame({"text": texts}), polars.DataFrame({"text": texts}), pyarrow.table({"text": texts})):
        with pytest.raises(TypeError, match=r"pass one of its columns"):
            model.encode(table)
    for column in (pandas.Series(["a", None]), pandas.Series(["a", None], dtype="string"), polars.Series(["a", None]),
                   pyarrow.array(["a", None]), np.array(["a", None], object), np.array(["a", float("nan")], object)):
        with pytest.raises(TypeError, match="text 1 is null"):
            model.encode(column)
    for other in ({"text": "a"}, b"bytes"):
        with pytest.raises(TypeError, match="pass a str or a list of str"):
            model.encode(other)
    for other in ({"a", "b"}, frozenset("a")):
        with pytest.raises(TypeError, match="has no order; pass a list"):
            model.encode(other)


def test_scalars_of_arrow(model):
    pyarrow = pytest.importorskip("pyarrow")
    texts = TEXTS[:3]
    column = pyarrow.array([*texts, None])
    expected = model.encode(texts)
    for scalars in (list(column)[:3], tuple(column)[:3], (column[i] for i in range(3)), [texts[0], column[1], texts[2]],
                    list(pyarrow.array(texts, pyarrow.large_string())),
                    list(pyarrow.array(texts).dictionary_encode())):
        assert model.encode(scalars).tobytes() == expected.tobytes()
    assert model.encode(column[1]).tobytes() == expected[1].tobytes()
    assert model.encode(np.array(texts[1])).tobytes() == expected[1].tobytes()
    assert model.tokenize(column[0]).ids == model.tokenize(texts[0]).ids
    assert model.tokenize(column[:2])[1].ids == model.tokenize(texts[1]).ids
    assert len(model.tokenize_and_embed(list(column)[:2])) == 2
    with pytest.raises(TypeError, match="text 3 is null"):
        model.encode(list(column))
    with pytest.raises(TypeError, match="StringScalar that is null"):
        model.encode(column[3])
    with pytest.raises(TypeError, match="text 0 is of type int"):
        model.encode(list(pyarrow.array([7])))


def test_progress(model):
    seen = []
    model.encode([f"text {i}" for i in range(50)], progress=seen.append)
    assert seen[-1] == 50 and seen == sorted(seen)
    tokens = []
    model.encode(["a", "b"], progress=tokens.append, output_value="token_embeddings")
    assert tokens == [1, 2]
