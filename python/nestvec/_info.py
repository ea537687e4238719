# SPDX-License-Identifier: Apache-2.0
"""Properties of a model, and the tokens of a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Task:
    """A task that the model was trained for, and the prompt that is put before its texts."""

    name: str
    prompt: str


@dataclass(frozen=True)
class ModelInfo:
    """Properties of a loaded model, and the decisions made while loading it, with their reasons."""

    id: str
    family: str
    graph: str
    precision: str
    precision_reason: str
    isa: str
    dimensions: int
    max_tokens: int
    max_batch_tokens: int
    vocabulary: int
    pooling: str
    tasks: tuple[Task, ...]
    default_task: str
    prompts_source: str  # "model folder", "built in for OWNER/NAME", "configuration"; empty: no prompts
    matryoshka_dimensions: tuple[int, ...]
    dense: bool  # encode() has a vector for a text
    sparse: bool  # sparse() has weights of token ids
    multi_vector: bool  # multi_vector() has a vector for each token
    labels: tuple[str, ...]  # of a classifier's outputs; one: a reranker; empty: neither
    activation: str  # of those outputs by default: "none", "sigmoid", "softmax"
    threads: int
    threads_reason: str
    memory_plan_bytes: int
    memory_plan: str
    folder: str
    adapters: dict[str, str]  # the folders of those that the configuration names, by task


@dataclass(frozen=True)
class Statistics:
    """What a model has computed since it was loaded."""

    runs: int  # of its graph
    texts: int
    tokens: int
    seconds: float
    largest_run: int  # in tokens


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text; each list has one entry per token.

    ``offsets`` are ranges of the text's characters, ``text[begin:end]``; (0, 0) for added tokens.
    """

    ids: list[int]
    tokens: list[str]
    offsets: list[tuple[int, int]]
    special: list[bool]  # added around the text

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class TokenEmbeddings:
    """The model's last hidden states for a text, one row per token, including prompt and special tokens.

    ``ids``, ``tokens`` and ``offsets`` are those of ``Tokens``. The rows are neither pooled nor normalised.
    """

    vectors: NDArray[np.float32]  # [tokens, dimensions of the model]
    ids: list[int]
    tokens: list[str]
    offsets: list[tuple[int, int]]  # (0, 0) for the prompt and special tokens
    truncated: bool  # the text had more tokens than the model takes

    def __len__(self) -> int:
        return len(self.ids)
