# SPDX-License-Identifier: Apache-2.0
"""LangChain: ``pip install nestvec[langchain]``.

    embeddings = NestvecEmbeddings(Model.load("jinaai/jina-embeddings-v3"), dimensions=256)
    store = InMemoryVectorStore.from_texts(texts, embeddings)
"""

from __future__ import annotations

from typing import Any

from nestvec._extras import needs
from nestvec._model import Model

with needs("langchain", __name__):
    from langchain_core.embeddings import Embeddings


class NestvecEmbeddings(Embeddings):
    """A model for LangChain; queries and documents get their own tasks, if the model has them.

    ``options`` are those of ``Model.encode``, for both sides.
    """

    def __init__(self, model: Model | str, **options: Any) -> None:
        self.model = Model.load(model) if isinstance(model, str) else model
        self.options = options

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.model.encode_document(texts, **self.options).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        vector: list[float] = self.model.encode_query(text, **self.options).tolist()
        return vector
