# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

__version__: str

class EncodeArguments(TypedDict):
    task: str  # empty = the default one
    dimensions: int  # 0 = all
    normalize: bool | None
    late_chunking: bool
    parse_special: bool
    truncate: str
    prompt: str | None
    batch_tokens: int  # 0 = as many as the model runs at once
    progress: Callable[[int], object] | None

class ScoreArguments(TypedDict):
    activation: str  # empty = the model's
    truncate: str
    pair_truncation: str  # empty = the model's
    max_document_tokens: int  # 0 = all
    best_window: bool
    parse_special: bool
    progress: Callable[[int], object] | None

class LoadedModel:
    def info(self) -> dict[str, Any]: ...
    def statistics(self) -> dict[str, Any]: ...
    def encode(
        self, texts: Sequence[str], arguments: EncodeArguments
    ) -> tuple[NDArray[np.float32], list[int]]: ...
    def embed_tokens(
        self, texts: Sequence[str], arguments: EncodeArguments
    ) -> tuple[
        list[tuple[NDArray[np.float32], list[int], list[str], list[tuple[int, int]], bool]], list[int]
    ]: ...
    def rerank(
        self, query: str, documents: Sequence[str], arguments: ScoreArguments
    ) -> tuple[NDArray[np.float32], list[int]]: ...
    def classify(
        self, firsts: Sequence[str], seconds: Sequence[str] | None, arguments: ScoreArguments
    ) -> tuple[NDArray[np.float32], list[int]]: ...
    def encode_kinds(
        self, texts: Sequence[str], arguments: EncodeArguments, kinds: Sequence[str]
    ) -> tuple[
        tuple[
            NDArray[np.float32] | None,
            tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]] | None,
            list[NDArray[np.float32]] | None,
        ],
        list[int],
    ]: ...
    def tokenize(
        self, text: str, add_special: bool, parse_special: bool
    ) -> tuple[list[int], list[str], list[tuple[int, int]], list[bool]]: ...
    def decode(self, ids: Sequence[int], skip_special: bool) -> str: ...
    def find_prompt(self, name: str) -> str: ...

class LoadedRuntime:
    def __init__(self) -> None: ...
    def load(
        self,
        model: str,
        config: str,
        settings: dict[str, str],
        log: Callable[[str], object],
        progress: Callable[[int], object],
    ) -> LoadedModel: ...
    def memory(self) -> tuple[int, int, int, str]: ...

def pack_rows(rows: NDArray[np.float32], dtype: str) -> NDArray[np.uint8]: ...
def locate(folder_or_repo: str) -> str: ...
def find_in_cache(cache: str, repo: str, revision: str) -> str: ...
def load(
    model: str,
    config: str,
    settings: dict[str, str],
    log: Callable[[str], object],
    progress: Callable[[int], object],
) -> LoadedModel: ...
