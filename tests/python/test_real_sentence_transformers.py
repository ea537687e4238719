# SPDX-License-Identifier: Apache-2.0
"""SentenceTransformer beside sentence-transformers itself, where PyTorch is (`make test-mteb`)."""

import json
import shutil
import warnings

import numpy as np
import pytest

import nestvec
from command import MODELS

real = pytest.importorskip("sentence_transformers")
torch = pytest.importorskip("torch")

TEXTS = [f"{'word ' * (i % 40)}number {i}" for i in range(120)]
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "bert-tiny"
    shutil.copytree(MODELS / "bert-tiny", folder)
    (folder / "config_sentence_transformers.json").write_text(json.dumps(
        {"prompts": {"query": "query: ", "passage": "passage: "}, "similarity_fn_name": "euclidean"}))
    return folder


@pytest.fixture(scope="module")
def theirs(folder):
    return real.SentenceTransformer(str(folder), device="cpu")


@pytest.fixture(scope="module")
def ours(folder, home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NESTVEC_CACHE_DIR", str(home / "cache"))
        patch.setenv("NESTVEC_PRECISION", "fp32")
        yield nestvec.SentenceTransformer(str(folder))


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def close(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("options", [{}, {"prompt_name": "query"}, {"prompt": "Own: "}, {"truncate_dim": 8},
                                     {"truncate_dim": 8, "normalize_embeddings": True}, {"normalize_embeddings": True},
                                     {"batch_size": 7}])
def test_vectors(theirs, ours, options):
    close(ours.encode(TEXTS, **options), theirs.encode(TEXTS, **options))
    close(ours.encode(TEXTS[3], **options), theirs.encode(TEXTS[3], **options))


def test_queries_and_documents(theirs, ours):
    close(ours.encode_query(TEXTS), theirs.encode_query(TEXTS))
    # The original looks for "document" first, which every model has, empty; so this model's prompt for passages is lost.
    close(ours.encode_document(TEXTS), theirs.encode(TEXTS, prompt_name="passage"))
    close(ours.encode(TEXTS, prompt_name="document"), theirs.encode_document(TEXTS))
    assert {name: text for name, text in ours.prompts.items() if text} == {
        name: text for name, text in theirs.prompts.items() if text}


def test_token_embeddings(theirs, ours):
    for mine, other in zip(ours.encode(TEXTS, output_value="token_embeddings"),
                           theirs.encode(TEXTS, output_value="token_embeddings"), strict=True):
        close(mine, other.numpy())
    tensors = ours.encode(TEXTS[:2], output_value="token_embeddings", convert_to_tensor=True)
    assert [type(tensor) for tensor in tensors] == [torch.Tensor] * 2


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_quantized(theirs, precision):
    rows = theirs.encode(TEXTS)
    expected = real.quantize_embeddings(rows, precision=precision)
    found = nestvec.quantize_embeddings(rows, precision)
    assert found.dtype == expected.dtype and (found == expected).all()
    ranges = np.vstack((rows.min(axis=0), rows.max(axis=0)))
    for options in ({"ranges": ranges}, {"calibration_embeddings": rows}):
        expected = real.quantize_embeddings(rows[:3] * 1.2, precision=precision, **options)
        assert (nestvec.quantize_embeddings(rows[:3] * 1.2, precision, **options) == expected).all()


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_precision(theirs, ours, precision):
    expected, found = theirs.encode(TEXTS, precision=precision), ours.encode(TEXTS, precision=precision)
    assert expected.dtype == found.dtype and expected.shape == found.shape
    # Numbers at the edge of a step may fall on either side.
    assert (np.abs(expected.astype(int) - found.astype(int)) <= (1 if "int8" in precision else 255)).all()
    assert (expected == found).mean() > 0.99


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean", "manhattan"])
def test_similarity(theirs, ours, name):
    assert ours.similarity_fn_name == theirs.similarity_fn_name == "euclidean"
    rows = theirs.encode(TEXTS[:20]) * 3
    try:
        theirs.similarity_fn_name = ours.similarity_fn_name = name
        for call in ("similarity", "similarity_pairwise"):
            expected = getattr(theirs, call)(rows, rows[::-1].copy())
            found = getattr(ours, call)(rows, rows[::-1].copy())
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-2 if name == "euclidean" else 1e-4)
            tensors = getattr(ours, call)(torch.from_numpy(rows), torch.from_numpy(rows))
            assert isinstance(tensors, torch.Tensor)
    finally:
        theirs.similarity_fn_name = ours.similarity_fn_name = "euclidean"


def test_sizes_and_kinds(theirs, ours):
    assert ours.get_embedding_dimension() == theirs.get_embedding_dimension()
    assert ours.max_seq_length == theirs.max_seq_length
    for options in ({"convert_to_tensor": True}, {"convert_to_numpy": False}):
        mine, other = ours.encode(TEXTS, **options), theirs.encode(TEXTS, **options)
        assert type(mine) is type(other)
        close(torch.stack(list(mine)).numpy(), torch.stack(list(other)).numpy())


# CrossEncoder

RERANKERS = ("bert-reranker-tiny", "xlmr-reranker-tiny")
PAIRS = [(f"question {i % 3}", text) for i, text in enumerate(TEXTS)] + [("", ""), ("a", "word " * 300), ("b " * 200, "c")]
FUNCTIONS = [None, torch.nn.Sigmoid(), torch.nn.Identity(), torch.tanh, lambda scores: scores * 2 + 1]


def both(name, home, **options):
    if name == "xlmr-reranker-tiny":  # whose positions begin at 2, so that the last two of 130 are none
        options.setdefault("max_length", 128)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NESTVEC_CACHE_DIR", str(home / "cache"))
        patch.setenv("NESTVEC_PRECISION", "fp32")
        ours = nestvec.CrossEncoder(MODELS / name, **options)
    return ours, real.CrossEncoder(str(MODELS / name), device="cpu", **options)


def close_scores(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=0, atol=3e-5)


@pytest.mark.parametrize("function", FUNCTIONS, ids=["default", "sigmoid", "identity", "tanh", "own"])
@pytest.mark.parametrize("name", [*RERANKERS, "bert-classifier-tiny"])
def test_scores_of_pairs(home, name, function):
    our_encoder, their_encoder = both(name, home)
    assert our_encoder.num_labels == their_encoder.num_labels
    for options in ({}, {"apply_softmax": True} if their_encoder.num_labels > 1 else {"batch_size": 5}):
        close_scores(our_encoder.predict(PAIRS, activation_fn=function, **options),
                     their_encoder.predict(PAIRS, activation_fn=function, **options))
        close_scores(our_encoder.predict(PAIRS[3], activation_fn=function, **options),
                     their_encoder.predict(PAIRS[3], activation_fn=function, **options))
    our_encoder, their_encoder = both(name, home, activation_fn=function)
    close_scores(our_encoder.predict(PAIRS), their_encoder.predict(PAIRS))


@pytest.mark.parametrize("name", RERANKERS)
@pytest.mark.parametrize("options", [{}, {"top_k": 5}, {"return_documents": True}, {"top_k": 2, "return_documents": True}])
def test_ranks(home, name, options):
    our_encoder, their_encoder = both(name, home)
    ranked, wanted = (encoder.rank("question 1", TEXTS[:30], **options) for encoder in (our_encoder, their_encoder))
    close_scores([each["score"] for each in ranked], [each["score"] for each in wanted])
    scores = our_encoder.predict([("question 1", text) for text in TEXTS[:30]])
    for ours, theirs in zip(ranked, wanted, strict=True):
        assert set(ours) == set(theirs)
        # Documents whose scores hardly differ may change places.
        assert abs(scores[ours["corpus_id"]] - theirs["score"]) < 3e-5
        assert ours.get("text", TEXTS[ours["corpus_id"]]) == TEXTS[ours["corpus_id"]]


@pytest.mark.parametrize("max_length", [8, 24, 64])
def test_long_pairs_are_cut_alike(home, max_length):
    for name in RERANKERS:
        our_encoder, their_encoder = both(name, home, max_length=max_length)
        close_scores(our_encoder.predict(PAIRS), their_encoder.predict(PAIRS))


def test_forms_of_pairs_and_of_scores(home):
    our_encoder, their_encoder = both("bert-reranker-tiny", home)
    for given in (np.array(PAIRS[:4]), [list(pair) for pair in PAIRS[:4]], list(PAIRS[0]), np.array(PAIRS[0]), []):
        scores, wanted = our_encoder.predict(given), their_encoder.predict(given)
        assert np.shape(scores) == np.shape(wanted)
        np.testing.assert_allclose(scores, wanted, rtol=0, atol=3e-5)
    for options in ({"convert_to_tensor": True}, {"convert_to_numpy": False}):
        scores, wanted = (encoder.predict(PAIRS[:4], **options) for encoder in (our_encoder, their_encoder))
        assert type(scores) is type(wanted) and type(scores[0]) is type(wanted[0])
        assert all(abs(float(a) - float(b)) < 3e-5 for a, b in zip(scores, wanted, strict=True))
