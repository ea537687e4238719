# SPDX-License-Identifier: Apache-2.0
"""LangChain: ``pip install nestvec[langchain]``.

    embeddings = NestvecEmbeddings(Model.load("jinaai/jina-embeddings-v3"), dimensions=256)
    store = InMemoryVectorStore.from_texts(texts, embeddings)
    best = NestvecReranker("BAAI/bge-reranker-v2-m3", top_n=3).compress_documents(found, query)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nestvec._extras import needs
from nestvec._model import Model
from nestvec._scoring import best_first

with needs("langchain", __name__):
    from langchain_core.callbacks import Callbacks
    from langchain_core.documents import BaseDocumentCompressor, Document
    from langchain_core.embeddings import Embeddings
    from pydantic import ConfigDict


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


class NestvecReranker(BaseDocumentCompressor):
    """A reranker for LangChain: the best documents first, each with its ``relevance_score`` in its metadata.

    ``options`` are those of ``Model.rerank``. ``top_n=None`` keeps all documents.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Model
    top_n: int | None = 3
    options: dict[str, Any] = {}

    def __init__(self, model: Model | str, top_n: int | None = 3, **options: Any) -> None:
        loaded = Model.load(model) if isinstance(model, str) else model
        super().__init__(model=loaded, top_n=top_n, options=options)  # type: ignore[call-arg]

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        scores = self.model.rerank(query, [document.page_content for document in documents], **self.options)
        return [
            documents[i].model_copy(update={"metadata": {**documents[i].metadata, "relevance_score": float(scores[i])}})
            for i in best_first(scores, self.top_n)
        ]
