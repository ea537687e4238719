# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex: ``pip install nestvec[llama-index]``.

    Settings.embed_model = NestvecEmbedding("jinaai/jina-embeddings-v3", dimensions=256)
"""

from __future__ import annotations

import asyncio
from typing import Any

from nestvec._extras import needs
from nestvec._model import Model

with needs("llama-index", __name__):
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import Field, PrivateAttr


class NestvecEmbedding(BaseEmbedding):
    """A model for LlamaIndex; queries and nodes get their own tasks, if the model has them."""

    dimensions: int | None = Field(default=None, description="The first so many dimensions.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of Model.load.")
    _model: Model = PrivateAttr()

    def __init__(
        self,
        model_name: str = "",
        *,
        model: Model | None = None,
        dimensions: int | None = None,
        settings: dict[str, Any] | None = None,
        embed_batch_size: int = 2048,
        **values: Any,
    ) -> None:
        """Loads ``model_name``, a folder or repository, or takes a ``model`` that is loaded."""
        values["model_name"] = model_name if model is None else model.info.folder
        values["dimensions"] = dimensions
        values["settings"] = settings or {}
        super().__init__(embed_batch_size=embed_batch_size, **values)
        self._model = Model.load(model_name, **(settings or {})) if model is None else model

    @classmethod
    def class_name(cls) -> str:
        return "NestvecEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = self._model.encode_query(query, dimensions=self.dimensions).tolist()
        return vector

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._model.encode_document(texts, dimensions=self.dimensions).tolist()
        return vectors

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)
