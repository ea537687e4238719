# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex: ``pip install nestvec[llama-index]``.

    Settings.embed_model = NestvecEmbedding("jinaai/jina-embeddings-v3", dimensions=256)
    engine = index.as_query_engine(node_postprocessors=[NestvecRerank("BAAI/bge-reranker-v2-m3", top_n=3)])
"""

from __future__ import annotations

import asyncio
from typing import Any

from nestvec._extras import needs
from nestvec._model import Model
from nestvec._scoring import best_first

with needs("llama-index", __name__):
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import ConfigDict, Field, PrivateAttr
    from llama_index.core.callbacks import CBEventType, EventPayload
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle


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


class NestvecRerank(BaseNodePostprocessor):
    """A reranker for LlamaIndex: the best nodes first, with their new scores."""

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=("pydantic_model_",))

    model_name: str = Field(default="", description="A folder or repository.")
    top_n: int = Field(default=2, description="The number of nodes to return.")
    keep_retrieval_score: bool = Field(default=False, description="Keep the score of the retriever in the metadata.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of Model.load.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of Model.rerank.")
    _model: Model = PrivateAttr()

    def __init__(
        self,
        model_name: str = "",
        *,
        model: Model | None = None,
        top_n: int = 2,
        keep_retrieval_score: bool = False,
        settings: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Loads ``model_name``, a folder or repository, or takes a ``model`` that is loaded."""
        values["model_name"] = model_name if model is None else model.info.folder
        values |= {"top_n": top_n, "keep_retrieval_score": keep_retrieval_score}
        values |= {"settings": settings or {}, "options": options or {}}
        super().__init__(**values)
        self._model = Model.load(model_name, **(settings or {})) if model is None else model

    @classmethod
    def class_name(cls) -> str:
        return "NestvecRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("NestvecRerank needs a query: postprocess_nodes(nodes, query_str=...)")
        if not nodes:
            return []
        query = query_bundle.query_str
        payload: dict[str, Any] = {EventPayload.NODES: nodes, EventPayload.MODEL_NAME: self.model_name,
                                   EventPayload.QUERY_STR: query, EventPayload.TOP_K: self.top_n}
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            texts = [node.node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
            scores = self._model.rerank(query, texts, **self.options)
            best = [self._scored(nodes[i], float(scores[i])) for i in best_first(scores, self.top_n)]
            event.on_end(payload={EventPayload.NODES: best})
        return best

    def _scored(self, given: NodeWithScore, score: float) -> NodeWithScore:
        node = given.node
        if self.keep_retrieval_score:
            node = node.model_copy(update={"metadata": {**node.metadata, "retrieval_score": given.score}})
        return NodeWithScore(node=node, score=score)
