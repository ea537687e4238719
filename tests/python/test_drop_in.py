# SPDX-License-Identifier: Apache-2.0
"""SentenceTransformer: a script for sentence-transformers with its import changed, and what it is told is not here.

tests/python/test_real_sentence_transformers.py compares with the class itself.
"""

import copy
import enum
import pickle
import shutil

import numpy as np
import pytest

import nestvec
from command import MODELS
from nestvec import SentenceTransformer

TEXTS = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]


@pytest.fixture(scope="module", autouse=True)
def cache(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NESTVEC_CACHE_DIR", str(home / "cache"))
        patch.setenv("NESTVEC_PRECISION", "fp32")
        yield


@pytest.fixture(scope="module")
def v3(cache):
    return SentenceTransformer(MODELS / "v3-tiny", trust_remote_code=True)


@pytest.fixture(scope="module")
def bert(cache):
    return SentenceTransformer(str(MODELS / "bert-tiny"))


def test_the_script_of_the_manual(bert, plain):
    embeddings = bert.encode(TEXTS)
    assert embeddings.tobytes() == plain.encode(TEXTS).tobytes()
    assert bert.similarity(embeddings, embeddings).shape == (3, 3)
    assert bert.encode(TEXTS[0]).shape == (bert.get_sentence_embedding_dimension(),)
    assert bert.encode(sentences=TEXTS).tobytes() == bert.encode(TEXTS, None, None, 8, False).tobytes()
    assert bert.device == "cpu" and bert.to("cpu").eval().cpu() is bert
    assert bert.max_seq_length == bert.get_max_seq_length() == plain.info.max_tokens


def test_tasks_and_prompts(v3, model):
    for task in ("retrieval.query", "separation"):
        expected = model.encode(TEXTS, task=task).tobytes()
        assert v3.encode(TEXTS, task=task, prompt_name=task).tobytes() == expected
        assert v3.encode(TEXTS, task=task).tobytes() == expected
    own = model.encode(TEXTS, task="none", prompt="Own: ")
    assert v3.encode(TEXTS, prompt="Own: ").tobytes() == own.tobytes()
    assert v3.encode(TEXTS).tobytes() == model.encode(TEXTS, task="none").tobytes(), "no adapter without a task"
    assert v3.encode_query(TEXTS).tobytes() == model.encode_query(TEXTS).tobytes()
    assert v3.encode_document(TEXTS).tobytes() == model.encode_document(TEXTS).tobytes()
    with pytest.raises(ValueError, match="unknown prompt 'nonsense'"):
        v3.encode(TEXTS, prompt_name="nonsense")


def test_prompts_of_the_script(plain):
    own = SentenceTransformer(MODELS / "bert-tiny", prompts={"query": "query: ", "passage": "passage: "},
                              default_prompt_name="passage")
    query, passage = plain.encode(TEXTS, prompt="query: ").tobytes(), plain.encode(TEXTS, prompt="passage: ").tobytes()
    assert own.encode(TEXTS, prompt_name="query").tobytes() == query
    assert own.encode(TEXTS).tobytes() == passage
    assert own.encode_query(TEXTS).tobytes() == query
    assert own.encode_document(TEXTS).tobytes() == passage
    assert own.encode(TEXTS, prompt="").tobytes() == plain.encode(TEXTS).tobytes()
    with pytest.raises(ValueError, match="unknown prompt 'nonsense'"):
        SentenceTransformer(MODELS / "bert-tiny", default_prompt_name="nonsense")
    empty = SentenceTransformer(MODELS / "bert-tiny", prompts={"query": None})
    assert empty.encode_query(TEXTS).tobytes() == empty.encode(TEXTS, prompt_name="query").tobytes()
    assert empty.encode_query(TEXTS).tobytes() == plain.encode(TEXTS).tobytes()


def test_models_without_prompts_have_two_empty_ones(bert, plain):
    assert bert.prompts == {"query": "", "document": ""}
    expected = plain.encode(TEXTS).tobytes()
    for rows in (bert.encode(TEXTS, prompt_name="query"), bert.encode_query(TEXTS), bert.encode_document(TEXTS)):
        assert rows.tobytes() == expected


def test_a_models_prompt_for_passages_is_that_of_documents(tmp_path, plain):
    folder = tmp_path / "named"
    shutil.copytree(MODELS / "bert-tiny", folder)
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "q: ", "passage": "p: "}}')
    named = SentenceTransformer(folder)
    assert named.encode_query(TEXTS).tobytes() == plain.encode(TEXTS, prompt="q: ").tobytes()
    assert named.encode_document(TEXTS).tobytes() == plain.encode(TEXTS, prompt="p: ").tobytes()
    assert named.encode(TEXTS).tobytes() == named.encode(TEXTS, prompt_name="document").tobytes()


def test_dimensions_are_cut_after_the_models_own_normalisation(bert, plain):
    full = plain.encode(TEXTS)
    cut = SentenceTransformer(MODELS / "bert-tiny", truncate_dim=8)
    assert cut.encode(TEXTS).tobytes() == full[:, :8].tobytes()
    assert cut.get_embedding_dimension() == 8
    assert cut.encode(TEXTS, truncate_dim=4).tobytes() == full[:, :4].tobytes()
    again = cut.encode(TEXTS, normalize_embeddings=True)
    assert again.tobytes() == plain.encode(TEXTS, dimensions=8, normalize=True).tobytes()
    with bert.truncate_embeddings(8):
        assert bert.encode(TEXTS).shape == (3, 8)
    assert bert.encode(TEXTS).shape == (3, 32)
    with pytest.raises(ValueError, match="truncate_dim is 33; expected 1 to 32"):
        bert.encode(TEXTS, truncate_dim=33)


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_precision_has_the_ranges_of_the_call(bert, precision):
    rows = bert.encode(TEXTS)
    packed = bert.encode(TEXTS, precision=precision)
    assert (packed == nestvec.quantize_embeddings(rows, precision)).all()
    if precision.endswith("int8"):
        assert (packed.min(axis=0) == (0 if precision == "uint8" else -128)).all()
        with pytest.raises(ValueError, match="one vector has no ranges"):
            bert.encode(TEXTS[0], precision=precision)
    else:
        assert bert.encode(TEXTS[0], precision=precision).tobytes() == packed[0].tobytes()


def test_token_embeddings(bert, plain):
    rows = bert.encode(TEXTS, output_value="token_embeddings")
    assert [row.shape for row in rows] == [(len(plain.tokenize(text)), 32) for text in TEXTS]
    prompted = bert.encode(TEXTS[0], prompt="query: ", output_value="token_embeddings")
    assert prompted.tobytes() == plain.tokenize_and_embed(TEXTS[0], prompt="query: ").vectors.tobytes()


def test_similarity_functions(bert):
    class SimilarityFunction(enum.Enum):  # as that of sentence-transformers
        DOT_PRODUCT = "dot"

    rows = bert.encode(TEXTS)
    dot = SentenceTransformer(MODELS / "bert-tiny", similarity_fn_name=SimilarityFunction.DOT_PRODUCT)
    assert dot.similarity_fn_name == "dot"
    np.testing.assert_allclose(dot.similarity(rows, rows), rows @ rows.T, rtol=1e-6)
    dot.similarity_fn_name = "manhattan"
    assert dot.similarity(rows, rows)[0, 1] < 0 and dot.similarity_pairwise(rows, rows).shape == (3,)
    with pytest.raises(ValueError, match="maxsim"):
        dot.similarity_fn_name = "maxsim"


def test_max_seq_length_can_be_set(plain):
    short = SentenceTransformer(MODELS / "bert-tiny")
    short.max_seq_length = 16
    assert short.max_seq_length == 16
    with pytest.warns(nestvec.TruncationWarning):
        short.encode("word " * 50)
    chosen = SentenceTransformer(MODELS / "v3-tiny", model_kwargs={"default_task": "separation"})
    chosen.max_seq_length = 64
    assert chosen.model.info.default_task == "separation", "a setting of the constructor was lost"
    again = SentenceTransformer(MODELS / "bert-tiny", tokenizer_kwargs={"model_max_length": 16})
    assert again.max_seq_length == 16
    with pytest.raises(ValueError, match="over the model's limit"):
        short.max_seq_length = 100_000


def test_arguments_for_transformers():
    how = {"torch_dtype": "float32", "attn_implementation": "sdpa", "default_task": "separation"}
    quick = SentenceTransformer(MODELS / "v3-tiny", model_kwargs=how, backend="onnx")
    assert quick.model.info.precision == "fp32" and quick.model.info.default_task == "separation"

    def refused(says, **arguments):
        with pytest.raises((ValueError, TypeError), match=says):
            SentenceTransformer(MODELS / "bert-tiny", **arguments)

    refused("is float16; expected auto, float32, bfloat16", model_kwargs={"torch_dtype": "torch.float16"})
    refused(r"model_kwargs\['provider'\] is not supported", model_kwargs={"provider": "CUDAExecutionProvider"})
    refused(r"tokenizer_kwargs\['padding_side'\] is not supported", tokenizer_kwargs={"padding_side": "left"})
    refused(r"config_kwargs\['rope_theta'\] is not supported", config_kwargs={"rope_theta": 1})
    refused("device is 'cuda:0'; expected 'cpu'", device="cuda:0")
    refused("modules cannot be put together here", modules=[])
    refused("prompts is of type list; expected a dict", prompts=["q"])
    refused("unexpected keyword argument 'nonsense'", nonsense=1)


def test_what_is_not_here_says_so(bert):
    def refused(says, **options):
        with pytest.raises((ValueError, TypeError), match=says):
            bert.encode(TEXTS, **options)

    refused("pools of processes are not supported", pool={})
    refused("device is 'cuda'; expected 'cpu'", device=["cpu", "cuda"])
    refused("batch_size is 0", batch_size=0)
    refused("batch_size is of type NoneType", batch_size=None)
    refused("truncate_dim is of type float; expected int", truncate_dim=8.0)
    refused("output_value is None", output_value=None)
    refused("precision is 'int4'", precision="int4")
    refused("unexpected keyword argument 'nonsense'", nonsense=1)
    with pytest.raises(TypeError, match="needs texts"):
        bert.encode()
    for name in ("fit", "save", "tokenizer", "start_multi_process_pool", "half"):
        with pytest.raises(AttributeError, match=f"SentenceTransformer has no '{name}': it embeds"):
            getattr(bert, name)


def test_copies(bert):
    expected = bert.encode(TEXTS).tobytes()
    for other in (pickle.loads(pickle.dumps(bert)), copy.deepcopy(bert)):
        assert other.encode(TEXTS).tobytes() == expected


def test_a_model_that_is_nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(nestvec.NotFoundError, match="nobody/has-this is not in the Hugging Face cache"):
        SentenceTransformer("nobody/has-this", local_files_only=True)
    with pytest.raises(nestvec.NotFoundError, match="sentence-transformers/has-this is not in the"):
        SentenceTransformer("has-this", local_files_only=True)
    with pytest.raises(nestvec.Error):
        SentenceTransformer(tmp_path / "no-folder")
