# SPDX-License-Identifier: Apache-2.0
"""Similarity, precision and sizes under the names that sentence-transformers has for them."""

import json
import shutil

import numpy as np
import pytest

import nestvec
from command import MODELS

TEXTS = ["The cat sat on the mat.", "A cat sat down.", "Rates rose again.", "x " * 30]
SCORES = {
    "cosine": lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    "dot": lambda a, b: a @ b,
    "euclidean": lambda a, b: -np.sqrt(((a - b) ** 2).sum()),
    "manhattan": lambda a, b: -np.abs(a - b).sum(),
}


@pytest.fixture
def named(home, tmp_path):
    """A model whose folder names a function."""

    def load(**about):
        folder = tmp_path / "named"
        shutil.copytree(MODELS / "bert-tiny", folder, dirs_exist_ok=True)
        (folder / "config_sentence_transformers.json").write_text(json.dumps(about))
        return nestvec.Model.load(folder, cache_dir=home / "cache", precision="fp32")

    return load


@pytest.mark.parametrize("name", SCORES)
def test_similarity_is_what_it_is_called(named, name):
    model = named(similarity_fn_name=name)
    assert model.similarity_fn_name == name
    rows = model.encode(TEXTS, normalize=False)
    scores = model.similarity(rows, rows[1:])
    assert scores.shape == (4, 3) and scores.dtype == np.float32
    pairs = model.similarity_pairwise(rows[:3], rows[1:])
    exact = rows.astype(np.float64)
    for i in range(4):
        for j in range(3):
            assert abs(scores[i, j] - SCORES[name](exact[i], exact[j + 1])) < 1e-4
    np.testing.assert_allclose(pairs, np.diagonal(scores[:3]), rtol=1e-5, atol=1e-5)
    assert model.similarity(rows[0], rows[1]).shape == (1, 1)
    assert np.ndim(model.similarity_pairwise(rows[0], rows[1])) == 0


def test_similarity_of_a_folder_that_names_none(plain, named):
    assert plain.similarity_fn_name == "cosine"
    assert named(similarity_fn_name=None).similarity_fn_name == "cosine"
    rows = plain.encode(TEXTS)
    assert np.abs(np.diagonal(plain.similarity(rows, list(rows))) - 1).max() < 1e-6
    zero = np.zeros((1, rows.shape[1]), np.float32)
    assert not np.isnan(plain.similarity(zero, rows)).any()


def test_similarity_refuses(plain, named):
    rows = plain.encode(TEXTS)
    with pytest.raises(ValueError, match="expected one of cosine, dot, euclidean, manhattan"):
        named(similarity_fn_name="maxsim").similarity(rows, rows)
    with pytest.raises(ValueError, match="vectors of 32 and of 8 dimensions cannot be compared"):
        plain.similarity(rows, rows[:, :8])
    with pytest.raises(ValueError, match="4 vectors cannot be paired with 3"):
        plain.similarity_pairwise(rows, rows[:3])
    for none in ("a", None):
        with pytest.raises(TypeError, match="expected vectors, found"):
            plain.similarity(none, rows)
    with pytest.raises(ValueError, match=r"found an array of shape \[1, 4, 32\]"):
        plain.similarity(rows[None], rows)


@pytest.mark.parametrize("precision, dtype", [("float32", np.float32), ("float16", np.float16), ("int8", np.int8),
                                              ("uint8", np.uint8), ("binary", np.int8), ("ubinary", np.uint8)])
def test_precision_equals_the_command_to_the_last_bit(model, home, command_rows, precision, dtype):
    rows = model.encode(TEXTS, precision=precision)
    width = model.info.dimensions
    assert rows.dtype == dtype and rows.shape == (4, width // 8 if "binary" in precision else width)
    lines = home / f"texts-{precision}.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    output = home / f"{precision}.npy"
    from command import Command

    done = Command(home)("embed", "--input", lines, "--model", MODELS / "v3-tiny", "--precision", "fp32", "--dtype",
                         precision, "--output", output)
    assert done.returncode == 0, done.stderr.decode()
    assert rows.tobytes() == np.load(output).tobytes()
    one = model.encode(TEXTS[1], precision=precision)
    assert one.tobytes() == rows[1].tobytes()


def test_precision_of_bits(model):
    rows = model.encode(TEXTS)
    bits = np.packbits(rows >= 0, axis=-1)
    assert (model.encode(TEXTS, precision="ubinary") == bits).all()
    assert (model.encode(TEXTS, precision="binary") == bits.astype(np.int16) - 128).all()
    assert model.encode([], precision="int8").shape == (0, model.info.dimensions)
    assert model.encode([], precision="ubinary").shape == (0, model.info.dimensions // 8)


def test_int8_keeps_the_direction(model):
    rows = model.encode(TEXTS)
    packed = model.encode(TEXTS, precision="int8").astype(np.float32)
    packed /= np.linalg.norm(packed, axis=1, keepdims=True)
    assert (packed * rows).sum(axis=1).min() > 0.999
    assert (np.abs(packed).max(axis=1) > 0).all()


def test_precision_refuses(model):
    with pytest.raises(ValueError, match="precision is 'int4'; expected one of float32, float16, int8"):
        model.encode(TEXTS, precision="int4")
    with pytest.raises(ValueError, match="9 is not a multiple of 8"):
        model.encode(TEXTS, precision="binary", dimensions=9)


def test_sizes(model, load):
    assert model.max_seq_length == model.info.max_tokens
    assert model.get_sentence_embedding_dimension() == model.get_embedding_dimension() == model.info.dimensions
    assert load("v3-tiny", max_tokens=64).max_seq_length == 64
    with pytest.raises(AttributeError):
        model.max_seq_length = 32


def test_quantize_embeddings_by_hand():
    rows = np.array([[0, -255, 5], [255, 255, 5], [127.5, 0, 5]], np.float32)
    assert nestvec.quantize_embeddings(rows, "uint8").tolist() == [[0, 0, 0], [255, 255, 0], [127, 127, 0]]
    assert nestvec.quantize_embeddings(rows, "int8").tolist() == [[-128, -128, -128], [127, 127, -128], [-1, -1, -128]]
    ranges = np.array([[0, 0, 0], [255, 255, 255]], np.float32)
    assert nestvec.quantize_embeddings(rows, "uint8", ranges=ranges).tolist() == [[0, 0, 5], [255, 255, 5], [127, 0, 5]]
    assert nestvec.quantize_embeddings(rows[:1], "uint8", ranges=ranges).tolist() == [[0, 0, 5]]
    calibrated = nestvec.quantize_embeddings(rows[:1], "uint8", calibration_embeddings=rows)
    assert calibrated.tolist() == [[0, 0, 0]]
    above = nestvec.quantize_embeddings(rows * 100, "uint8", ranges=ranges)
    assert above.max() == 255 and above.min() == 0
    bits = np.array([[1, -1, 0, 2, -3, 0.5, 0, -1]], np.float32)
    assert nestvec.quantize_embeddings(bits, "ubinary").tolist() == [[0b10010100]]
    assert nestvec.quantize_embeddings(bits, "binary").tolist() == [[0b10010100 - 128]]
    assert nestvec.quantize_embeddings(rows, "float32").tolist() == rows.tolist()


def test_quantize_embeddings_refuses():
    row = np.ones((1, 8), np.float32)
    with pytest.raises(ValueError, match="one vector has no ranges for int8"):
        nestvec.quantize_embeddings(row, "int8")
    with pytest.raises(ValueError, match="quantized already"):
        nestvec.quantize_embeddings(row.astype(np.int8), "int8")
    with pytest.raises(ValueError, match=r"ranges are of shape \[2, 3\]; expected \[2, 8\]"):
        nestvec.quantize_embeddings(row, "int8", ranges=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="precision is 'int4'"):
        nestvec.quantize_embeddings(row, "int4")
