# SPDX-License-Identifier: Apache-2.0
"""Haystack: ``pip install nestvec[haystack]``.

    pipeline.add_component("embedder", NestvecTextEmbedder("jinaai/jina-embeddings-v3"))
    pipeline.add_component("ranker", NestvecRanker("BAAI/bge-reranker-v2-m3", top_k=3))
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nestvec._extras import needs
from nestvec._model import Model
from nestvec._scoring import best_first
from nestvec._texts import count_of

with needs("haystack", __name__):
    from haystack import Document, component, default_from_dict, default_to_dict


class _Loading:
    """A component with a model, which is loaded once. ``_own`` names what else its class takes and keeps.

    Components name this class where they call it: Haystack builds them a second time, so ``super()`` knows the wrong
    one.
    """

    _own: tuple[str, ...] = ()

    def __init__(self, model: str, settings: dict[str, Any] | None, options: dict[str, Any] | None) -> None:
        self.model = model
        self.settings = settings or {}
        self.options = options or {}
        self._loaded: Model | None = None

    def warm_up(self) -> None:
        """Loads the model, once."""
        if self._loaded is None:
            self._loaded = Model.load(self.model, **self.settings)

    def to_dict(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in self._own}
        return default_to_dict(self, model=self.model, settings=self.settings, options=self.options, **own)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Any:
        return default_from_dict(cls, data)

    def _ready(self) -> Model:
        self.warm_up()
        assert self._loaded is not None
        return self._loaded


@component
class NestvecTextEmbedder(_Loading):
    """Embeds a text as a query.

    ``model`` is a folder or repository, ``settings`` are those of ``Model.load``, ``options`` those of
    ``Model.encode``.
    """

    def __init__(
        self, model: str, settings: dict[str, Any] | None = None, options: dict[str, Any] | None = None
    ) -> None:
        _Loading.__init__(self, model, settings, options)

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        if not isinstance(text, str):
            raise TypeError("NestvecTextEmbedder takes one str; for documents there is NestvecDocumentEmbedder")
        return {"embedding": self._ready().encode_query(text, **self.options).tolist()}


@component
class NestvecDocumentEmbedder(_Loading):
    """Adds vectors to documents. Fields of their metadata may be put before the content.

    ``model`` is a folder or repository, ``settings`` are those of ``Model.load``, ``options`` those of
    ``Model.encode``.
    """

    _own = ("meta_fields_to_embed", "embedding_separator")

    def __init__(
        self,
        model: str,
        settings: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
    ) -> None:
        _Loading.__init__(self, model, settings, options)
        self.meta_fields_to_embed = meta_fields_to_embed or []
        self.embedding_separator = embedding_separator

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        if not all(isinstance(document, Document) for document in documents):
            raise TypeError("NestvecDocumentEmbedder takes a list of Document; for a str there is NestvecTextEmbedder")
        vectors = self._ready().encode_document([self._text(document) for document in documents], **self.options)
        embedded = [
            replace(document, embedding=vector.tolist())
            for document, vector in zip(documents, vectors, strict=True)
        ]
        return {"documents": embedded}

    def _text(self, document: Document) -> str:
        return _text(document, self.meta_fields_to_embed, self.embedding_separator)


@component
class NestvecRanker(_Loading):
    """Sorts documents by how well they answer a query, the best first, with their new scores.

    ``model`` is a folder or repository, ``settings`` are those of ``Model.load``, ``options`` those of
    ``Model.rerank``. ``score_threshold`` leaves out documents with a lower score. Of documents with the same id the
    first is taken. Fields of their metadata may be put before the content.
    """

    _own = ("top_k", "score_threshold", "meta_fields_to_embed", "embedding_separator")

    def __init__(
        self,
        model: str,
        settings: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        top_k: int | None = 10,
        score_threshold: float | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
    ) -> None:
        _Loading.__init__(self, model, settings, options)
        self.top_k = count_of("top_k", top_k)
        self.score_threshold = score_threshold
        self.meta_fields_to_embed = meta_fields_to_embed or []
        self.embedding_separator = embedding_separator

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """``top_k`` and ``score_threshold`` replace those of the constructor."""
        unique: dict[str, Document] = {}
        for document in documents:
            unique.setdefault(document.id, document)
        given = list(unique.values())
        texts = [_text(document, self.meta_fields_to_embed, self.embedding_separator) for document in given]
        scores = self._ready().rerank(query, texts, **self.options)
        most = self.top_k if top_k is None else count_of("top_k", top_k)
        least = self.score_threshold if score_threshold is None else score_threshold
        ranked = [replace(given[i], score=float(scores[i])) for i in best_first(scores, most)]
        return {"documents": [document for document in ranked if least is None or (document.score or 0.0) >= least]}


def _text(document: Document, fields: list[str], separator: str) -> str:
    values = [document.meta.get(name) for name in fields]
    parts = [str(value) for value in values if value is not None]
    return separator.join([*parts, document.content or ""])
