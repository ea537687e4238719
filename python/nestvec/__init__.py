# SPDX-License-Identifier: Apache-2.0
"""Text embeddings with jina-embeddings-v3 and other encoders.

    model = nestvec.Model.load("jinaai/jina-embeddings-v3")
    vectors = model.encode(["A text.", "Another."], task="retrieval.passage")  # float32 [2, 1024]
"""

from nestvec._core import __version__
from nestvec._cross_encoder import CrossEncoder
from nestvec._errors import (
    DataLossError,
    Error,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    TruncationWarning,
    UnavailableError,
)
from nestvec._hub import pull
from nestvec._info import ModelInfo, Statistics, Task, TokenEmbeddings, Tokens
from nestvec._model import Model
from nestvec._quantization import quantize_embeddings
from nestvec._runtime import Runtime, RuntimeMemory
from nestvec._sentence_transformer import SentenceTransformer
from nestvec._sparse import SparseVectors, TextVectors

__all__ = [
    "CrossEncoder",
    "DataLossError",
    "Error",
    "FailedPreconditionError",
    "InvalidArgumentError",
    "Model",
    "ModelInfo",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "Runtime",
    "RuntimeMemory",
    "SentenceTransformer",
    "SparseVectors",
    "Statistics",
    "Task",
    "TextVectors",
    "TokenEmbeddings",
    "Tokens",
    "TruncationWarning",
    "UnavailableError",
    "__version__",
    "pull",
    "quantize_embeddings",
]
