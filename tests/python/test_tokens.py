# SPDX-License-Identifier: Apache-2.0
"""Token embeddings: with what is pooled of them, and with the tokens of the text."""

import numpy as np
import pytest

import nestvec

TEXTS = ["The cat sat on the mat.", "naïve café 😀", "", "東京は夜の七時", "x " * 40]


def pooled(tokens):
    """What mean pooling makes of them, in double precision."""
    return tokens.vectors.astype(np.float64).mean(axis=0)


@pytest.mark.parametrize("options", [{}, {"task": "retrieval.query"}, {"task": "none"}, {"prompt": "Own naïve: "},
                                     {"prompt_name": "retrieval.passage"}])
def test_their_mean_is_the_vector(model, options):
    rows = model.encode(TEXTS, normalize=False, **options)
    embedded = model.tokenize_and_embed(TEXTS, **options)
    assert len(embedded) == len(TEXTS)
    for tokens, row in zip(embedded, rows, strict=True):
        assert tokens.vectors.shape == (len(tokens), model.info.dimensions)
        assert tokens.vectors.dtype == np.float32 and not tokens.truncated
        np.testing.assert_allclose(pooled(tokens), row, rtol=0, atol=1e-5)


def test_ids_names_and_offsets_are_those_of_the_text(model):
    prompt = next(task.prompt for task in model.info.tasks if task.name == "retrieval.query")
    for text, tokens in zip(TEXTS, model.tokenize_and_embed(TEXTS, task="retrieval.query"), strict=True):
        expected = model.tokenize(prompt + text)
        assert tokens.ids == expected.ids and tokens.tokens == expected.tokens
        assert len(tokens.offsets) == len(tokens.ids)
    plain = model.tokenize_and_embed(TEXTS, prompt="")
    for text, tokens in zip(TEXTS, plain, strict=True):
        expected = model.tokenize(text)
        assert (tokens.ids, tokens.offsets) == (expected.ids, expected.offsets)


def test_offsets_count_characters_of_the_text_behind_any_prompt(model):
    text = "naïve café 😀 ende"
    bare = model.tokenize_and_embed(text, prompt="")
    told = model.tokenize_and_embed(text, prompt="Größe: ")
    named = model.tokenize_and_embed(text, task="retrieval.query")
    for tokens in (told, named):
        assert len(tokens) > len(bare)
        covered = {place for begin, end in tokens.offsets for place in range(begin, end)}
        assert covered >= {place for place, character in enumerate(text) if character != " "}
        assert max(covered) == len(text) - 1 and tokens.offsets.count((0, 0)) > 2
        assert [span for span in tokens.offsets if span[1] > 0][-1] == [s for s in bare.offsets if s[1] > 0][-1]


def test_one_text_is_one(model):
    alone = model.tokenize_and_embed(TEXTS[0])
    listed = model.tokenize_and_embed([TEXTS[0]])
    assert isinstance(alone, nestvec.TokenEmbeddings) and len(listed) == 1
    assert alone.vectors.tobytes() == listed[0].vectors.tobytes()
    assert model.tokenize_and_embed([]) == []


def test_as_an_output_of_encode(model):
    embedded = model.tokenize_and_embed(TEXTS, task="separation")
    rows = model.encode(TEXTS, task="separation", output_value="token_embeddings")
    assert [row.tobytes() for row in rows] == [tokens.vectors.tobytes() for tokens in embedded]
    one = model.encode(TEXTS[0], task="separation", output_value="token_embeddings")
    assert one.tobytes() == rows[0].tobytes()
    query = model.encode_query(TEXTS[:1], output_value="token_embeddings")[0]
    assert query.tobytes() == model.tokenize_and_embed(TEXTS[0], task="retrieval.query").vectors.tobytes()


@pytest.mark.parametrize("options", [{"dimensions": 8}, {"late_chunking": True}, {"precision": "int8"},
                                     {"normalize": True}, {"normalize_embeddings": True}])
def test_what_does_not_go_with_tokens_is_refused(model, options):
    with pytest.raises(nestvec.InvalidArgumentError, match="does not go with output_value='token_embeddings'"):
        model.encode(TEXTS, output_value="token_embeddings", **options)


def test_texts_share_runs(load):
    model = load("v3-tiny", precision="fp32")
    model.tokenize_and_embed([f"text {i}" for i in range(200)])
    done = model.statistics()
    assert done.texts == 200 and done.runs < 100


def test_a_text_that_is_cut(load):
    model = load("v3-tiny", max_tokens=64)
    texts = ["short", "long " * 200, "short"]
    with pytest.warns(nestvec.TruncationWarning, match=r"^1 of 3 texts had more than 64 tokens .* \(index 1\)"):
        embedded = model.tokenize_and_embed(texts)
    assert [tokens.truncated for tokens in embedded] == [False, True, False]
    assert len(embedded[1]) == 64
    with pytest.raises(nestvec.InvalidArgumentError, match="^text 1 has .* tokens") as refused:
        model.tokenize_and_embed(texts, truncate="error")
    assert refused.value.text == 1


def test_a_prompt_that_leaves_no_room_is_refused_at_once(load):
    model = load("v3-tiny", max_tokens=64)
    size = len(model.tokenize("cat " * 20).ids)
    prompt = "cat " * 20 + "x" * 200
    with pytest.raises(nestvec.InvalidArgumentError, match="so no text fits after it"):
        model.tokenize_and_embed(TEXTS, prompt=prompt)
    with pytest.raises(nestvec.InvalidArgumentError, match="the prompt has .* the model takes 64, so no text fits"):
        model.encode(TEXTS, prompt=prompt)
    model = load("v3-tiny", max_tokens=size + 1, prompts={"query": ""})
    with pytest.warns(nestvec.TruncationWarning):
        assert model.encode(TEXTS, prompt="cat " * 20).shape[0] == len(TEXTS)
    with pytest.raises(nestvec.InvalidArgumentError, match='prompt "retrieval.query"'):
        load("v3-tiny", max_tokens=size, prompts={"query": "cat " * 20})


def test_errors_name_the_text_in_a_long_list(load):
    model = load("v3-tiny", max_tokens=64)
    texts = [f"text {i}" for i in range(300)]
    texts[200] = "long " * 200
    with pytest.raises(ValueError, match="^text 200 has "):
        model.tokenize_and_embed(texts, truncate="error")
    texts[250] = 7
    with pytest.raises(TypeError, match="text 250 is of type int"):
        model.tokenize_and_embed([*texts[:200], *texts[201:], 7][:249] + ["a", 7])
    assert len(model.tokenize_and_embed("fine")) > 2  # the model stays usable


def test_arrays_outlive_the_call(model):
    kept = model.tokenize_and_embed(TEXTS[0]).vectors
    copy = kept.copy()
    model.tokenize_and_embed(TEXTS)
    assert kept.tobytes() == copy.tobytes() and kept.flags.writeable
