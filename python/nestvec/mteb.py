# SPDX-License-Identifier: Apache-2.0
"""MTEB: ``pip install nestvec[mteb]``.

    mteb.evaluate(NestvecEncoder("jinaai/jina-embeddings-v3"), mteb.get_tasks(tasks=["STS12"]))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nestvec._core import __version__
from nestvec._extras import needs
from nestvec._model import Model

with needs("mteb", __name__):
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.models.model_meta import ModelMeta, ScoringFunction

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.types import PromptType

# By the type of MTEB's task; what is not here has the model's default.
_TASKS = {
    "Classification": "classification",
    "MultilabelClassification": "classification",
    "Clustering": "separation",
    "Reranking": "separation",
    "STS": "text-matching",
    "PairClassification": "text-matching",
    "BitextMining": "text-matching",
    "Summarization": "text-matching",
}


class NestvecEncoder(AbsEncoder):  # type: ignore[misc, unused-ignore]
    """A model for MTEB. Retrieval uses the tasks for queries and documents, other tasks the one of their type.

    ``model`` is a loaded model, or a folder or repository with ``settings`` of ``Model.load``.
    """

    def __init__(
        self, model: Model | str, revision: str | None = None, *, device: str | None = None, **settings: Any
    ) -> None:
        name = f"{model}@{revision}" if revision else model
        self.model = model if isinstance(model, Model) else Model.load(str(name), **settings)
        info = self.model.info
        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": f"nestvec/{info.id.rsplit('/', 1)[-1]}",
                "revision": f"{__version__} {info.precision}",
                "max_tokens": info.max_tokens,
                "embed_dim": info.dimensions,
                "similarity_fn_name": ScoringFunction.COSINE,
                "use_instructions": any(task.prompt for task in info.tasks),
            }
        )

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: TaskMetadata,
        hf_split: str,
        hf_subset: str,
        prompt_type: PromptType | None = None,
        **options: Any,
    ) -> NDArray[np.float32]:
        """The texts of the loader's batches to rows. Of ``options``, only the progress bar has an effect."""
        texts = [text for batch in inputs for text in batch["text"]]
        bar = bool(options.get("show_progress_bar", False))
        vectors: NDArray[np.float32]
        if prompt_type is not None and task_metadata.type not in _TASKS:
            side = self.model.encode_query if prompt_type.value == "query" else self.model.encode_document
            vectors = side(texts, show_progress_bar=bar)
        else:
            vectors = self.model.encode(texts, task=_TASKS.get(task_metadata.type), show_progress_bar=bar)
        return vectors
