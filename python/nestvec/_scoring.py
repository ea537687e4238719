# SPDX-License-Identifier: Apache-2.0
"""What a loaded model computes besides dense vectors: scores of pairs, sparse vectors, vectors of tokens."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload

import numpy as np
from numpy.typing import NDArray

from nestvec._errors import InvalidArgumentError
from nestvec._sparse import Rows, TextVectors, as_csr, most_active
from nestvec._texts import as_texts, count_of, flag_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nestvec._core import EncodeArguments, LoadedModel, ScoreArguments
    from nestvec._info import ModelInfo

Activation = Literal["none", "sigmoid", "softmax"]
PairTruncation = Literal["longest_first", "only_second"]
Kind = Literal["dense", "sparse", "multi_vector"]


class RerankOptions(TypedDict, total=False):
    """What ``Model.rerank`` takes by name, for type checkers."""

    activation: Activation | None
    truncate: Literal["right", "left", "error"]
    pair_truncation: PairTruncation | None
    max_document_tokens: int | None
    best_window: bool
    instruction: str | None
    parse_special: bool
    show_progress_bar: bool | None
    progress: Callable[[int], object] | None


class TokenOptions(TypedDict, total=False):
    """What ``Model.tokenize_and_embed`` takes by name."""

    task: str | None
    prompt_name: str | None
    prompt: str | None
    truncate: Literal["right", "left", "error"]
    parse_special: bool
    show_progress_bar: bool | None


class MultiVectorOptions(TokenOptions, total=False):
    """What ``Model.multi_vector`` takes by name."""

    progress: Callable[[int], object] | None


class Scoring:
    """The part of ``Model`` for rerankers, classifiers, sparse and multi-vector encoders."""

    _core: LoadedModel
    _info: ModelInfo

    @overload
    def rerank(self, query: str, documents: str, **options: Unpack[RerankOptions]) -> np.float32: ...
    @overload
    def rerank(
        self, query: str, documents: Iterable[str], **options: Unpack[RerankOptions]
    ) -> NDArray[np.float32]: ...
    def rerank(
        self,
        query: str,
        documents: str | Iterable[str],
        *,
        activation: Activation | None = None,
        truncate: Literal["right", "left", "error"] = "right",
        pair_truncation: PairTruncation | None = None,
        max_document_tokens: int | None = None,
        best_window: bool = False,
        instruction: str | None = None,
        parse_special: bool = True,
        show_progress_bar: bool | None = False,
        progress: Callable[[int], object] | None = None,
    ) -> Any:
        """How relevant each document is to the query: float32 [documents], in the order of the documents.

        Higher is better. A score does not depend on the other documents. For one ``str`` the result is one number.

        - ``activation``: "sigmoid" for scores from 0 to 1, "none" for raw ones. Default: as the model's folder says,
          else "sigmoid".
        - ``truncate``: which end of a document that is too long is cut, with a TruncationWarning; "error" refuses it.
        - ``pair_truncation``: "only_second" cuts the document alone, "longest_first" the longer of query and document.
          Default: as the model's folder says, else "longest_first".
        - ``max_document_tokens``: read at most this many tokens of a document.
        - ``best_window``: read a document that is too long in overlapping windows and return its best score.
        - ``instruction``: what makes a document relevant, for a model that reads it before the query (Qwen3-Reranker);
          others raise an error.
        - ``parse_special``, ``show_progress_bar``, ``progress``: as in ``encode``.

        Ctrl-C ends the call. Raises nestvec.Error, and TypeError for a text that is not a str.
        """
        if not isinstance(query, str):
            raise TypeError(f"query is of type {type(query).__name__}; expected str")
        self._check_reranks()
        texts, single = as_texts(documents)
        arguments = _score_arguments(activation, truncate, pair_truncation, max_document_tokens, best_window,
                                     instruction, parse_special, progress)
        rows = self._run(functools.partial(self._core.rerank, query), texts, arguments, bool(show_progress_bar),
                         over=self._limit_of_pairs(arguments, "with the query"))
        scores = rows[:, 0]
        return scores[0] if single else scores

    def classify(
        self,
        texts: str | Iterable[str],
        text_pairs: str | Iterable[str] | None = None,
        *,
        activation: Activation | None = None,
        truncate: Literal["right", "left", "error"] = "right",
        pair_truncation: PairTruncation | None = None,
        instruction: str | None = None,
        parse_special: bool = True,
        show_progress_bar: bool | None = False,
        progress: Callable[[int], object] | None = None,
    ) -> NDArray[np.float32]:
        """The outputs of a classifier for each text: float32 [texts, labels]; [labels] for one ``str``.

        ``info.labels`` names the columns. With ``text_pairs``, text i is read together with pair i. ``activation`` is
        "softmax", "sigmoid" or "none"; by default what the model's folder says, else "softmax" for several labels and
        "sigmoid" for one. The other options are those of ``rerank``.
        """
        if not self._info.labels:
            raise InvalidArgumentError(f"{self._info.id} is no classifier; it has no labels")
        firsts, single = as_texts(texts)
        seconds = None
        if text_pairs is not None:
            seconds, one = as_texts(text_pairs)
            if single != one or len(firsts) != len(seconds):
                raise InvalidArgumentError(f"{len(firsts)} texts cannot be paired with {len(seconds)}")
        arguments = _score_arguments(activation, truncate, pair_truncation, None, False, instruction, parse_special,
                                     progress)

        def run(given: Sequence[str], how: ScoreArguments) -> Any:
            return self._core.classify(given, seconds, how)

        rows: NDArray[np.float32] = self._run(run, firsts, arguments, bool(show_progress_bar))
        return rows[0] if single else rows

    def sparse(
        self,
        sentences: str | Iterable[str],
        *,
        task: str | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        max_active_dims: int | None = None,
        truncate: Literal["right", "left", "error"] = "right",
        parse_special: bool = True,
        show_progress_bar: bool | None = False,
        progress: Callable[[int], object] | None = None,
    ) -> Any:
        """Texts to learned sparse vectors, weights of token ids: a CSR matrix [texts, info.vocabulary].

        A ``scipy.sparse.csr_matrix``, or where SciPy is not installed a ``nestvec.SparseVectors``; for one ``str`` a
        matrix of one row. ``max_active_dims`` keeps the largest weights of each row. ``info.sparse`` tells whether the
        model has such vectors. The other options are those of ``encode``, and so are the errors.
        """
        if not self._info.sparse:
            raise InvalidArgumentError(f"{self._info.id} has no sparse vectors")
        texts, _ = as_texts(sentences)
        arguments = self._arguments(task, prompt_name, prompt, False, truncate, parse_special)
        arguments["progress"] = progress
        most = count_of("max_active_dims", max_active_dims)
        encode = functools.partial(self._core.encode_kinds, kinds=("sparse",))
        _, rows, _ = self._run(encode, texts, arguments, bool(show_progress_bar))
        return self._csr(rows, most)

    encode_sparse = sparse

    @overload
    def multi_vector(self, sentences: str, **options: Unpack[MultiVectorOptions]) -> NDArray[np.float32]: ...
    @overload
    def multi_vector(self, sentences: Iterable[str], **options: Unpack[MultiVectorOptions]) -> list[NDArray[np.float32]]: ...
    def multi_vector(
        self,
        sentences: str | Iterable[str],
        *,
        task: str | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncate: Literal["right", "left", "error"] = "right",
        parse_special: bool = True,
        show_progress_bar: bool | None = False,
        progress: Callable[[int], object] | None = None,
    ) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        """The vectors of a text's tokens, as ColBERT compares them: float32 [tokens, width]; for a list, a list.

        They come from the model's own head and have length 1; the first special token has none. ``info.multi_vector``
        tells whether the model has such vectors. The score of a query and a document is ``(query @ document.T).max(axis=1)``,
        summed or averaged. The options are those of ``encode``, and so are the errors. ``tokenize_and_embed`` gives
        the model's hidden states instead.
        """
        if not self._info.multi_vector:
            raise InvalidArgumentError(f"{self._info.id} has no vectors of tokens from a head of its own")
        texts, single = as_texts(sentences)
        arguments = self._arguments(task, prompt_name, prompt, False, truncate, parse_special)
        arguments["progress"] = progress
        encode = functools.partial(self._core.encode_kinds, kinds=("multi_vector",))
        _, _, rows = self._run(encode, texts, arguments, bool(show_progress_bar))
        return rows[0] if single else rows

    def encode_kinds(
        self,
        sentences: str | Iterable[str],
        kinds: Collection[Kind] = ("dense", "sparse"),
        *,
        task: str | None = None,
        dimensions: int | None = None,
        normalize: bool | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        max_active_dims: int | None = None,
        truncate: Literal["right", "left", "error"] = "right",
        parse_special: bool = True,
        show_progress_bar: bool | None = False,
        progress: Callable[[int], object] | None = None,
    ) -> TextVectors:
        """Several kinds of vectors in one pass of the model: "dense", "sparse", "multi_vector".

        Each field of the result is what ``encode``, ``sparse`` and ``multi_vector`` return, or None if its kind is not
        asked for. ``info.dense``, ``info.sparse`` and ``info.multi_vector`` tell what the model has. The options are
        those of these functions.
        """
        for kind in kinds:
            if isinstance(kinds, str) or kind not in ("dense", "sparse", "multi_vector"):
                shown = kinds if isinstance(kinds, str) else kind
                raise InvalidArgumentError(f"kinds has {shown!r}; expected a list of 'dense', 'sparse', 'multi_vector'")
        texts, single = as_texts(sentences)
        arguments = self._arguments(task, prompt_name, prompt, False, truncate, parse_special)
        arguments["progress"] = progress
        arguments["dimensions"] = count_of("dimensions", dimensions) or 0
        arguments["normalize"] = flag_of("normalize", normalize)
        most = count_of("max_active_dims", max_active_dims)
        encode = functools.partial(self._core.encode_kinds, kinds=tuple(kinds))
        dense, sparse, multi = self._run(encode, texts, arguments, bool(show_progress_bar))
        if single:
            dense, multi = (None if rows is None else rows[0] for rows in (dense, multi))
        return TextVectors(dense, None if sparse is None else self._csr(sparse, most), multi)

    def _csr(self, rows: Rows, most: int | None) -> Any:
        starts, ids, weights = rows if most is None else most_active(*rows, most)
        return as_csr(starts, ids, weights, self._info.vocabulary)

    def _arguments(self, *how: Any) -> EncodeArguments:
        raise NotImplementedError

    def _run(self, *how: Any, **options: Any) -> Any:
        raise NotImplementedError

    def _check_reranks(self) -> None:
        labels = len(self._info.labels)
        if labels == 0:
            raise InvalidArgumentError(f"{self._info.id} is an embedding model and no reranker; encode() is for it")
        if labels > 1:
            raise InvalidArgumentError(f"{self._info.id} is a classifier of {labels} labels; classify() is for it")

    def _limit_of_pairs(self, arguments: ScoreArguments, how: str) -> str:
        most = arguments["max_document_tokens"]
        # What exceeds the model is cut there, whatever a document may have.
        return f"{most} tokens" if 0 < most < self._info.max_tokens else f"{self._info.max_tokens} tokens {how}"


def best_first(scores: NDArray[np.float32], most: int | None = None) -> list[int]:
    """The indices of the highest scores, at most so many; of equal ones the first."""
    order: list[int] = np.argsort(-scores, kind="stable")[:most].tolist()
    return order


def _score_arguments(
    activation: str | None,
    truncate: str,
    pair_truncation: str | None,
    max_document_tokens: int | None,
    best_window: bool,
    instruction: str | None,
    parse_special: bool,
    progress: Callable[[int], object] | None,
) -> ScoreArguments:
    for name, value in (("activation", activation), ("pair_truncation", pair_truncation), ("truncate", truncate),
                        ("instruction", instruction)):
        if not isinstance(value, str) and (value is not None or name == "truncate"):
            raise TypeError(f"{name} is of type {type(value).__name__}; expected str")
    if parse_special is None:
        raise TypeError("parse_special is None; expected bool")
    return {
        "activation": activation or "",
        "truncate": truncate,
        "pair_truncation": pair_truncation or "",
        "max_document_tokens": count_of("max_document_tokens", max_document_tokens) or 0,
        "best_window": bool(flag_of("best_window", best_window)),
        "instruction": instruction or "",
        "parse_special": bool(flag_of("parse_special", parse_special)),
        "progress": progress,
    }
