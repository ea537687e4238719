# SPDX-License-Identifier: Apache-2.0
"""MTEB as it is: what it asks of an encoder, and, where PyTorch is (`make test-mteb`), an evaluation."""

import importlib.util

import numpy as np
import pytest

mteb = pytest.importorskip("mteb")
from mteb.models.abs_encoder import AbsEncoder  # noqa: E402
from mteb.models.model_meta import ModelMeta  # noqa: E402
from mteb.models.models_protocols import EncoderProtocol  # noqa: E402
from mteb.types import PromptType  # noqa: E402

from command import MODELS  # noqa: E402
from nestvec.mteb import NestvecEncoder  # noqa: E402

TEXTS = ["A cat sleeps on the mat.", "The central bank raised rates.", "Bread is baked at night."]
BATCHES = [{"text": TEXTS[:2]}, {"text": TEXTS[2:]}]


@pytest.mark.parametrize("task, prompt_type, expected", [
    ("STS12", None, "text-matching"),
    ("Banking77Classification", None, "classification"),
    ("TwentyNewsgroupsClustering", None, "separation"),
    ("NFCorpus", PromptType.query, "retrieval.query"),
    ("NFCorpus", PromptType.document, "retrieval.passage"),
    ("AskUbuntuDupQuestions", PromptType.query, "separation"),
])
def test_each_kind_of_task_has_its_own(model, plain, task, prompt_type, expected):
    metadata = mteb.get_task(task).metadata
    about = {"task_metadata": metadata, "hf_split": "test", "hf_subset": "default", "prompt_type": prompt_type}
    rows = NestvecEncoder(model).encode(BATCHES, **about, batch_size=32)
    assert rows.tobytes() == model.encode(TEXTS, task=expected).tobytes()
    rows = NestvecEncoder(plain).encode(BATCHES, **about)
    assert rows.tobytes() == plain.encode(TEXTS).tobytes()


def test_is_an_encoder(model, monkeypatch, home):
    encoder = NestvecEncoder(model)
    assert isinstance(encoder, AbsEncoder) and isinstance(encoder, EncoderProtocol)
    meta = encoder.mteb_model_meta
    assert isinstance(meta, ModelMeta) and meta.name == "nestvec/v3-tiny"
    assert meta.embed_dim == model.info.dimensions and meta.max_tokens == model.info.max_tokens
    by_name = NestvecEncoder(str(MODELS / "v3-tiny"), cache_dir=home / "cache", device="cpu")
    assert by_name.mteb_model_meta.name == meta.name


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="MTEB evaluates with PyTorch: make test-mteb")
def test_evaluate(minilm):
    from datasets import Dataset
    from mteb.abstasks.sts import AbsTaskSTS
    from mteb.abstasks.task_metadata import TaskMetadata
    from scipy.stats import spearmanr

    pairs = {"sentence1": ["A cat sleeps.", "A cat sleeps.", "Rates rise.", "Bread is baked."],
             "sentence2": ["A kitten naps.", "Rates rise.", "Interest goes up.", "The moon is far."],
             "score": [5.0, 0.5, 4.0, 0.0]}

    class Pairs(AbsTaskSTS):
        metadata = TaskMetadata(
            name="NestvecPairs", description="Four pairs.", type="STS", main_score="cosine_spearman",
            dataset={"path": "in/memory", "revision": "1"}, eval_splits=["test"], eval_langs=["eng-Latn"])

        def load_data(self, **_):
            self.dataset = {"test": Dataset.from_dict(pairs)}
            self.data_loaded = True

    result = mteb.evaluate(NestvecEncoder(minilm), Pairs(), cache=None, show_progress_bar=False)
    left, right = minilm.encode(pairs["sentence1"]), minilm.encode(pairs["sentence2"])
    expected = spearmanr(np.sum(left * right, axis=1), pairs["score"]).statistic
    assert abs(result.task_results[0].scores["test"][0]["main_score"] - expected) < 1e-6
