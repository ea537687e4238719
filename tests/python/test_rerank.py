# SPDX-License-Identifier: Apache-2.0
"""Scores of pairs: against the reference's, in every form that they can be asked for in."""

import gzip
import json
import pickle
import shutil
import sys
import warnings

import numpy as np
import pytest

import nestvec
from command import DATA, MODELS, Command
from interrupted import interrupted

TOLERANCE = 3e-5
QUERY = "How is the weather today?"
WORDS = "sun rain wind snow cloud storm heat cold fog hail".split()
DOCUMENTS = [" ".join(WORDS[(i * 7 + j) % 10] for j in range(1 + i % 9)) for i in range(40)]
LONG = "word " * 600
NEWER = ["modernbert-reranker", "roberta-reranker", "distilbert-reranker", "gte-reranker", "qwen3-classifier", "qwen3-reranker",
         "jina-v2-reranker", "eurobert-reranker", "mpnet-reranker", "nomic-reranker", "electra-reranker"]
LABELS = ("contradiction", "entailment", "neutral")


@pytest.fixture(scope="module")
def raw(load):
    """A reranker whose folder says that scores are raw."""
    return load("bert-reranker-tiny", precision="fp32")


@pytest.fixture(scope="module")
def smooth(load):
    """A reranker whose folder is silent: scores are behind a sigmoid."""
    return load("xlmr-reranker-tiny", precision="fp32")


@pytest.fixture(scope="module")
def classifier(load):
    return load("bert-classifier-tiny", precision="fp32")


@pytest.fixture
def drop_in(home, monkeypatch):
    monkeypatch.setenv("NESTVEC_CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("NESTVEC_PRECISION", "fp32")
    return lambda name, **how: nestvec.CrossEncoder(MODELS / name, **how)


def goldens(name):
    with gzip.open(DATA / "rerank" / f"{name}.jsonl.gz", "rt") as file:
        records = [json.loads(line) for line in file]
    return [record for record in records if not {"max_tokens", "side", "rule", "instruction"} & set(record)]


def close(found, wanted):
    found = np.asarray(found)
    assert found.dtype == np.float32 and found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.filterwarnings("ignore::nestvec.TruncationWarning")
@pytest.mark.parametrize("name, activation, wanted", [
    ("bert-reranker-tiny", None, "logits"), ("bert-reranker-tiny", "sigmoid", "sigmoid"),
    ("xlmr-reranker-tiny", None, "sigmoid"), ("xlmr-reranker-tiny", "none", "logits"),
    ("jina-reranker-tiny", None, "sigmoid"), ("jina-reranker-tiny", "none", "logits"),
    *[(f"{name}-tiny", None, "sigmoid") for name in NEWER],
])
def test_scores_are_those_of_the_reference(load, name, activation, wanted):
    model = load(name, precision="fp32")
    records = [record for record in goldens(name) if record["second"] is not None]
    assert len(records) > 40
    scores = [record[wanted] for record in records]
    firsts, seconds = [record["first"] for record in records], [record["second"] for record in records]
    close(model.classify(firsts, seconds, activation=activation), scores)
    for query in set(firsts):
        of_query = [record for record in records if record["first"] == query]
        close(model.rerank(query, [record["second"] for record in of_query], activation=activation),
              [record[wanted][0] for record in of_query])


@pytest.mark.filterwarnings("ignore::nestvec.TruncationWarning")
@pytest.mark.parametrize("activation, wanted", [(None, "softmax"), ("none", "logits"), ("sigmoid", "sigmoid"),
                                                ("softmax", "softmax")])
def test_a_classifier_of_texts_and_of_pairs(classifier, activation, wanted):
    assert classifier.info.labels == LABELS and not classifier.info.dense
    records = goldens("bert-classifier-tiny")
    pairs = [record for record in records if record["second"] is not None]
    close(classifier.classify([r["first"] for r in pairs], [r["second"] for r in pairs], activation=activation),
          [r[wanted] for r in pairs])
    alone = [record for record in records if record["second"] is None]
    assert len(alone) > 10
    close(classifier.classify([r["first"] for r in alone], activation=activation), [r[wanted] for r in alone])
    close(classifier.classify(alone[3]["first"], activation=activation), alone[3][wanted])


def test_info(raw, smooth, classifier, plain):
    assert raw.info.labels == ("LABEL_0",) and raw.info.activation == "none"
    assert smooth.info.activation == "sigmoid" and classifier.info.activation == "softmax"
    assert plain.info.labels == () and plain.info.dense and not plain.info.sparse


def test_one_document_and_none(raw):
    scores = raw.rerank(QUERY, DOCUMENTS)
    one = raw.rerank(QUERY, DOCUMENTS[3])
    assert isinstance(one, np.float32) and one == scores[3]
    assert raw.rerank(QUERY, []).shape == (0,) and raw.classify([]).shape == (0, 1)
    assert raw.rerank(QUERY, iter(DOCUMENTS)).tobytes() == scores.tobytes()


def test_a_long_list_is_in_order_and_a_score_does_not_depend_on_company(raw):
    many = [f"{DOCUMENTS[i % 40]} {i}" for i in range(1500)]
    told = []
    scores = raw.rerank(QUERY, many, progress=told.append)
    assert told == sorted(told) and told[-1] == 1500 and len(told) > 2
    for i in (0, 255, 256, 700, 1499):
        assert raw.rerank(QUERY, many[i]) == scores[i]
    assert raw.classify([QUERY] * 1500, many)[:, 0].tobytes() == scores.tobytes()


def test_the_command_gives_the_same(raw, home):
    lines = "".join(f"{text}\n" for text in DOCUMENTS)
    done = Command(home)("rerank", "-m", MODELS / "bert-reranker-tiny", "--precision", "fp32", "--format", "jsonl",
                         QUERY, stdin=lines)
    assert done.returncode == 0, done.stderr
    found = {each["index"]: np.float32(each["score"]) for each in map(json.loads, done.stdout.splitlines())}
    assert [found[i] for i in range(len(DOCUMENTS))] == raw.rerank(QUERY, DOCUMENTS).tolist()


def test_long_documents(raw):
    with pytest.warns(nestvec.TruncationWarning,
                      match=r"1 of 2 texts had more than 96 tokens with the query and lost some \(index 1\)"):
        raw.rerank(QUERY, ["short", LONG])
    with pytest.warns(nestvec.TruncationWarning, match="more than 3 tokens and lost some"):
        raw.rerank(QUERY, ["short", "one two three four five"], max_document_tokens=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        best = raw.rerank(QUERY, LONG + "sun", best_window=True)
    assert np.isfinite(best)
    many = ["short"] * 600 + [LONG] + ["short"] * 300
    with pytest.raises(nestvec.InvalidArgumentError, match="600") as caught:
        raw.rerank(QUERY, many, truncate="error")
    assert caught.value.text == 600


def test_texts_that_are_hardly_any(raw):
    documents = ["", " ", "\n", "\0", "\u200b", "\ud800", "\udcff a", "x", "x"]
    for query in ("", " ", "\0", "\ud800", "a"):
        scores = raw.rerank(query, documents)
        assert np.isfinite(scores).all() and scores[-1] == scores[-2]
        assert [raw.rerank(query, [document])[0] for document in documents] == list(scores)


def test_counts_beyond_those_of_the_machine(raw, plain, drop_in):
    many = 2**80
    said = r"1 of 2 texts had more than 96 tokens with the query"
    with pytest.warns(nestvec.TruncationWarning, match=said):
        found = raw.rerank(QUERY, [LONG, "x"], max_document_tokens=many)
    with pytest.warns(nestvec.TruncationWarning, match=said):
        assert list(found) == list(raw.rerank(QUERY, [LONG, "x"]))
    assert len(drop_in("bert-reranker-tiny").rank(QUERY, ["a", "b"], top_k=many)) == 2
    with pytest.raises(nestvec.InvalidArgumentError, match="dimensions"):
        plain.encode("a", dimensions=many)


def test_mistakes(raw, plain, classifier):
    with pytest.raises(TypeError, match="query is of type list"):
        raw.rerank([QUERY], DOCUMENTS)
    with pytest.raises(TypeError, match="text 1 is of type int; expected str"):
        raw.rerank(QUERY, ["a", 3])
    with pytest.raises(TypeError, match="text 0 is of type NoneType"):
        raw.classify(["a"], [None])
    for name in ("activation", "truncate", "pair_truncation"):
        with pytest.raises(ValueError, match=f"{name} is \"up\"; expected"):
            raw.rerank(QUERY, DOCUMENTS, **{name: "up"})
        with pytest.raises(TypeError, match=f"{name} is of type int"):
            raw.rerank(QUERY, DOCUMENTS, **{name: 1})
    with pytest.raises(ValueError, match="max_document_tokens is 0; expected at least 1"):
        raw.rerank(QUERY, DOCUMENTS, max_document_tokens=0)
    with pytest.raises(ValueError, match="3 texts cannot be paired with 2"):
        raw.classify(["a"] * 3, ["b"] * 2)
    with pytest.raises(ValueError, match="1 texts cannot be paired with 1"):
        raw.classify("a", ["b"])
    with pytest.raises(ValueError, match="embedding model and no reranker"):
        plain.rerank(QUERY, DOCUMENTS)
    with pytest.raises(ValueError, match="has no labels"):
        plain.classify("a")
    with pytest.raises(ValueError, match="classifier of 3 labels"):
        classifier.rerank(QUERY, DOCUMENTS)
    with pytest.raises(ValueError, match="has no sparse vectors"):
        plain.sparse("a")
    with pytest.raises(nestvec.InvalidArgumentError):
        raw.encode("a")


def test_ctrl_c_ends_rerank(home):
    script = """
import sys, nestvec
model = nestvec.Model.load(sys.argv[1], cache_dir=sys.argv[2], precision="fp32")
texts = ["word " * 90] * 2_000_000  # hours
try:
    model.rerank("a", texts, show_progress_bar=True)
except KeyboardInterrupt:
    print("interrupted", model.rerank("a", ["still works"]).shape, flush=True)
"""
    assert interrupted(script, MODELS / "bert-reranker-tiny", home / "cache") == "interrupted (1,)\n"


def test_what_a_progress_callback_raises_ends_rerank(raw):
    def progress(finished):
        raise RuntimeError(f"at {finished}")

    with pytest.raises(RuntimeError, match="at "):
        raw.rerank(QUERY, DOCUMENTS * 40, progress=progress)
    assert raw.rerank(QUERY, DOCUMENTS).shape == (40,)


def test_pickle(raw):
    assert pickle.loads(pickle.dumps(raw)) is raw


# CrossEncoder


def test_predict(drop_in, raw):
    ours = drop_in("bert-reranker-tiny")
    expected = raw.rerank(QUERY, DOCUMENTS)
    pairs = [(QUERY, text) for text in DOCUMENTS]
    for given in (pairs, [list(pair) for pair in pairs], np.array(pairs), iter(pairs)):
        assert ours.predict(given, show_progress_bar=False).tobytes() == expected.tobytes()
    assert ours.predict(sentences=pairs, batch_size=7).tobytes() == expected.tobytes()
    one = ours.predict(pairs[2])
    assert isinstance(one, np.float32) and one == expected[2] == ours.predict(list(pairs[2]))
    assert ours.predict([]).shape == (0,)
    assert ours.num_labels == 1 and ours.max_length == ours.max_seq_length == 96


def test_rank(drop_in, raw):
    ours = drop_in("bert-reranker-tiny")
    scores = raw.rerank(QUERY, DOCUMENTS)
    order = sorted(range(40), key=lambda i: -scores[i])
    ranked = ours.rank(QUERY, DOCUMENTS)
    assert ranked == [{"corpus_id": i, "score": scores[i]} for i in order]
    best = ours.rank(QUERY, DOCUMENTS, top_k=3, return_documents=True)
    assert best == [{"corpus_id": i, "score": scores[i], "text": DOCUMENTS[i]} for i in order[:3]]
    assert ours.rank(QUERY, []) == []
    smooth = ours.rank(QUERY, DOCUMENTS, activation_fn="sigmoid")
    assert all(type(each["score"]) is float for each in smooth)
    close(np.array([each["score"] for each in smooth], np.float32), [1 / (1 + np.exp(-scores[i])) for i in order])


def test_activation_functions(drop_in, raw):
    scores = raw.rerank(QUERY, DOCUMENTS)
    pairs = [(QUERY, text) for text in DOCUMENTS]
    sigmoid = 1 / (1 + np.exp(-scores.astype(np.float64)))
    ours = drop_in("bert-reranker-tiny", activation_fn="sigmoid")
    close(ours.predict(pairs), sigmoid)
    for name in ("none", "identity", "Identity", "torch.nn.modules.linear.Identity"):
        assert ours.predict(pairs, activation_fn=name).tobytes() == scores.tobytes()
    close(ours.predict(pairs, activation_fn="torch.nn.modules.activation.Sigmoid"), sigmoid)
    shapes = []

    def doubled(rows):
        shapes.append(tuple(rows.shape))
        return rows * 2

    close(ours.predict(pairs, activation_fn=doubled), scores * 2)
    assert shapes == [(40, 1)]
    with pytest.raises(ValueError, match="activation_fn is 'tanh'"):
        ours.predict(pairs, activation_fn="tanh")
    with pytest.raises(TypeError, match="activation_fn is of type int"):
        ours.predict(pairs, activation_fn=3)


@pytest.mark.filterwarnings("ignore::nestvec.TruncationWarning")
def test_several_labels_stay_raw_unless_the_folder_says_otherwise(drop_in, tmp_path):
    records = [record for record in goldens("bert-classifier-tiny") if record["second"] is not None]
    pairs = [(record["first"], record["second"]) for record in records]
    ours = drop_in("bert-classifier-tiny")
    close(ours.predict(pairs), [record["logits"] for record in records])
    close(ours.predict(pairs, apply_softmax=True), [record["softmax"] for record in records])
    close(ours.predict(pairs[0], activation_fn="sigmoid"), records[0]["sigmoid"])
    with pytest.raises(ValueError, match="rank\\(\\) needs a model with one label"):
        ours.rank(QUERY, DOCUMENTS)
    folder = tmp_path / "named"
    shutil.copytree(MODELS / "bert-classifier-tiny", folder)
    config = json.loads((folder / "config.json").read_text())
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.activation.Sigmoid"}
    (folder / "config.json").write_text(json.dumps(config))
    close(nestvec.CrossEncoder(folder).predict(pairs), [record["sigmoid"] for record in records])


def test_a_prompt_is_the_instruction_of_a_model_that_reads_one(drop_in):
    with gzip.open(DATA / "rerank" / "qwen3-reranker-tiny.jsonl.gz", "rt") as file:
        records = [json.loads(line) for line in file]
    record = next(each for each in records if each.get("instruction") and each["second"])
    pair, text = (record["first"], record["second"]), record["instruction"]
    ours = drop_in("qwen3-reranker-tiny", prompts={"weather": text})
    expected = np.float32(record["sigmoid"][0])
    close(ours.predict([pair], prompt=text), [expected])
    close(ours.predict([pair], prompt_name="weather"), [expected])
    assert abs(ours.rank(pair[0], [pair[1]], prompt=text)[0]["score"] - expected) < TOLERANCE
    assert abs(ours.predict(pair) - expected) > 1e-4
    named = drop_in("qwen3-reranker-tiny", prompts={"weather": text}, default_prompt_name="weather")
    close(named.predict([pair]), [expected])
    with pytest.raises(ValueError, match="no prompt 'rain' among prompts \\(weather\\)"):
        named.predict(pair, prompt_name="rain")
    with pytest.raises(ValueError, match="reads no instruction"):
        drop_in("bert-reranker-tiny").predict(pair, prompt=text)


def test_settings_of_a_cross_encoder(drop_in):
    ours = drop_in("bert-reranker-tiny", max_length=24, num_labels=1, trust_remote_code=True, device="cpu")
    assert ours.max_seq_length == 24
    with pytest.warns(nestvec.TruncationWarning, match="more than 24 tokens"):
        cut = ours.predict((QUERY, LONG))
    ours.max_seq_length = 96
    with pytest.warns(nestvec.TruncationWarning, match="more than 96 tokens"):
        assert ours.predict((QUERY, LONG)) != cut
    assert ours.to("cpu") is ours and ours.device == "cpu"


def test_what_a_cross_encoder_refuses(drop_in):
    ours = drop_in("bert-reranker-tiny")
    for given, message in ((["only one"], "pair 0 is 1 texts"), ("text", "found str"), ({"a": "b"}, "found dict"),
                           ([("a", "b"), "c"], "pair 1 is str"), ([("a", "b", "c")], "pair 0 is 3 texts")):
        with pytest.raises(TypeError, match=message):
            ours.predict(given)
    with pytest.raises(TypeError, match="predict\\(\\) needs pairs"):
        ours.predict()
    for options in ({"prompt": "x"}, {"prompt_name": "query"}, {"device": "cuda"}, {"pool": {}}, {"batch_size": 0}):
        with pytest.raises(ValueError):
            ours.predict(("a", "b"), **options)
    with pytest.raises(TypeError, match="documents is one str"):
        ours.rank(QUERY, "one")
    with pytest.raises(ValueError, match="top_k is 0"):
        ours.rank(QUERY, DOCUMENTS, top_k=0)
    with pytest.raises(ValueError, match="num_labels is 2, and .* has 1"):
        drop_in("bert-reranker-tiny", num_labels=2)
    with pytest.raises(ValueError, match="SentenceTransformer is for it"):
        drop_in("bert-tiny")
    with pytest.raises(AttributeError, match="it scores, and does not train"):
        ours.fit
    with pytest.raises(ValueError, match="CrossEncoder is for it"):
        nestvec.SentenceTransformer(MODELS / "bert-reranker-tiny")
