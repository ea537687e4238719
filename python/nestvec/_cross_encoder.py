# SPDX-License-Identifier: Apache-2.0
"""For scripts that were written for the CrossEncoder of sentence-transformers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nestvec import _folder
from nestvec._drop_in import DropIn, check_device, find, settings_of, with_revision
from nestvec._errors import InvalidArgumentError
from nestvec._model import Model
from nestvec._tensors import as_asked
from nestvec._texts import as_texts, count_of

_ORGANIZATION = "cross-encoder"  # owns the models that are named without an owner
_NAMES = {"none": "none", "identity": "none", "sigmoid": "sigmoid", "softmax": "softmax"}


class CrossEncoder(DropIn):
    """A reranker or classifier with the constructor and the calls of sentence-transformers' class (version 6).

        from nestvec import CrossEncoder

        model = CrossEncoder("BAAI/bge-reranker-v2-m3")
        scores = model.predict([("a question", "a passage"), ("a question", "another")])
        ranked = model.rank("a question", ["a passage", "another"], return_documents=True)

    Downloads a model that is not on this machine, unless ``local_files_only``. ``model`` is the ``nestvec.Model``. What
    it does not support raises an error: training, saving, prompts, PyTorch devices, pools of processes.
    docs/python.md lists what differs.
    """

    _does = "scores"
    _model_has = "rerank, classify, tokenize and info"

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str],
        *,
        modules: Any = None,
        device: Any = None,
        prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None,
        cache_folder: str | os.PathLike[str] | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        model_kwargs: dict[str, Any] | None = None,
        processor_kwargs: dict[str, Any] | None = None,
        tokenizer_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
        model_card_data: Any = None,
        backend: str = "torch",
        num_labels: int | None = None,
        max_length: int | None = None,
        activation_fn: Any = None,
    ) -> None:
        """``trust_remote_code``, ``backend`` and ``model_card_data`` have no effect: no code of a repository is run.

        ``num_labels`` must be what the model has. ``max_length`` is the limit of a pair in tokens. ``activation_fn`` is
        described at ``predict``. Of ``model_kwargs`` the type ("torch_dtype", "dtype") is followed, of
        ``tokenizer_kwargs`` (``processor_kwargs``) "model_max_length".
        """
        check_device(device)
        if modules is not None:
            raise InvalidArgumentError("modules cannot be put together here; give a folder or a repository")
        if default_prompt_name is not None or any((prompts or {}).values()):
            raise InvalidArgumentError("a CrossEncoder takes no prompts here; put them before the texts")
        tokenizer = {**(tokenizer_kwargs or {}), **(processor_kwargs or {})}
        if max_length is not None:
            tokenizer["model_max_length"] = count_of("max_length", max_length)
        self._settings = settings_of(model_kwargs, tokenizer, config_kwargs)
        name = with_revision(os.fspath(model_name_or_path), revision)
        self.model = Model.load(find(name, _ORGANIZATION, cache_folder, local_files_only, token), **self._settings)
        labels = len(self.model.info.labels)
        if labels == 0:
            raise InvalidArgumentError(
                f"{self.model.info.id} is an embedding model and no reranker; SentenceTransformer is for it"
            )
        if num_labels is not None and num_labels != labels:
            raise InvalidArgumentError(f"num_labels is {num_labels}, and {self.model.info.id} has {labels}")
        # Where the folder is silent, scores of several labels stay raw in sentence-transformers.
        silent = labels > 1 and not _folder.names_activation(self.model.info.folder)
        self.activation_fn: Any = "none" if silent and activation_fn is None else activation_fn

    def predict(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Any = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        sentences: Any = None,
    ) -> Any:
        """Scores of pairs: float32 [pairs] for a model with one label, else [pairs, labels]; one row for one pair.

        ``inputs`` is a pair of texts or a list of pairs; ``sentences`` is its older name. ``activation_fn`` is
        "sigmoid", "softmax" or "none", PyTorch's Sigmoid or Identity, or a function of the raw scores [pairs, labels],
        which are a tensor where PyTorch is imported. Default: what the constructor was given, else the model's own.
        ``apply_softmax`` applies softmax after it, if there are several labels. ``batch_size`` and ``chunk_size`` have
        no effect. ``convert_to_tensor`` returns a PyTorch tensor, ``convert_to_numpy=False`` a list of tensors.
        """
        given = inputs if sentences is None else sentences
        if given is None:
            raise TypeError("predict() needs pairs of texts")
        _refuse(prompt_name, prompt, device, pool, batch_size)
        firsts, seconds, single = _pairs(given)
        name, function = self._activation(activation_fn)
        raw = self.model.classify(firsts, seconds, activation=name, show_progress_bar=show_progress_bar)
        return self._finished(_applied(function, raw), single, apply_softmax, convert_to_numpy, convert_to_tensor)

    def rank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Any = None,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
    ) -> list[dict[str, Any]]:
        """The documents, the most relevant first, as ``{"corpus_id": index, "score": float}``.

        With ``return_documents`` each has its "text", too. ``top_k`` leaves out all but the best. The other arguments
        are those of ``predict``; ``apply_softmax``, ``convert_to_numpy`` and ``convert_to_tensor`` have no effect.
        """
        if len(self.model.info.labels) != 1:
            raise InvalidArgumentError(
                f"rank() needs a model with one label, and {self.model.info.id} has {len(self.model.info.labels)}; "
                "predict() is for it"
            )
        _refuse(prompt_name, prompt, device, pool, batch_size)
        most = count_of("top_k", top_k)
        texts, single = as_texts(documents)
        if single:
            raise TypeError("documents is one str; expected a list of str")
        name, function = self._activation(activation_fn)
        raw = self.model.rerank(query, texts, activation=name, show_progress_bar=bool(show_progress_bar))
        scores = self._finished(_applied(function, raw[:, None]), False, False, True, False).tolist()
        ranked = sorted(range(len(texts)), key=lambda i: scores[i], reverse=True)[:most]
        return [
            {"corpus_id": i, "score": scores[i], **({"text": texts[i]} if return_documents else {})} for i in ranked
        ]

    @property
    def num_labels(self) -> int:
        return len(self.model.info.labels)

    @property
    def max_seq_length(self) -> int:
        """The longest pair in tokens. Setting it loads the model again, with that limit."""
        return self.model.max_seq_length

    @max_seq_length.setter
    def max_seq_length(self, tokens: int) -> None:
        if tokens != self.model.max_seq_length:
            self.model = Model.load(self.model.info.folder, **{**self._settings, "max_tokens": tokens})

    max_length = max_seq_length

    def _activation(self, given: Any) -> tuple[Any, Callable[[Any], Any] | None]:
        """The activation that the model applies, and a function for afterwards."""
        chosen = self.activation_fn if given is None else given
        if chosen is None:
            return None, None
        named = chosen if isinstance(chosen, str) else _name_of_torch(chosen)
        if named is not None:
            name = _NAMES.get(named.rpartition(".")[2].lower())
            if name is None:
                raise InvalidArgumentError(
                    f"activation_fn is {chosen!r}; expected sigmoid, softmax, none or a function"
                )
            return name, None
        if not callable(chosen):
            raise TypeError(f"activation_fn is of type {type(chosen).__name__}; expected a function or its name")
        return "none", chosen

    def _finished(
        self, rows: NDArray[np.float32], single: bool, softmax: bool | None, to_numpy: bool, to_tensor: bool
    ) -> Any:
        if softmax and self.num_labels > 1:
            powers = np.exp(rows - rows.max(axis=1, keepdims=True, initial=-np.inf))
            rows = powers / powers.sum(axis=1, keepdims=True)
        scores: Any = rows[:, 0] if self.num_labels == 1 and rows.ndim > 1 else rows
        scores = as_asked(scores, to_numpy, to_tensor)
        return scores[0] if single else scores


def _name_of_torch(function: Any) -> str | None:
    """"Sigmoid" or "Identity" for PyTorch's modules without arguments; None for other functions."""
    kind = type(function)
    if kind.__module__.partition(".")[0] == "torch" and kind.__name__ in ("Sigmoid", "Identity"):
        return kind.__name__
    return None


def _applied(function: Callable[[Any], Any] | None, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    if function is None:
        return rows
    if (torch := sys.modules.get("torch")) is not None:
        return np.asarray(function(torch.from_numpy(np.ascontiguousarray(rows))), np.float32)
    return np.asarray(function(rows), np.float32)


def _refuse(prompt_name: Any, prompt: Any, device: Any, pool: Any, batch_size: Any) -> None:
    if prompt_name or prompt:
        raise InvalidArgumentError("a CrossEncoder takes no prompts here; put them before the texts")
    if pool is not None:
        raise InvalidArgumentError("pools of processes are not supported; one call uses all cores that it may")
    check_device(device)
    if count_of("batch_size", batch_size) is None:
        raise TypeError("batch_size is of type NoneType; expected int")


def _pairs(given: Any) -> tuple[list[str], list[str], bool]:
    """The first and the second texts, and whether one pair was given by itself."""
    if isinstance(given, (str, bytes, Mapping)):
        raise TypeError(f"expected pairs of texts, found {type(given).__name__}")
    pairs = given.tolist() if isinstance(given, np.ndarray) else list(given)
    single = len(pairs) > 0 and not isinstance(pairs[0], (list, tuple))
    if single:
        pairs = [pairs]
    for index, pair in enumerate(pairs):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            what = f"{len(pair)} texts" if isinstance(pair, (list, tuple)) else type(pair).__name__
            raise TypeError(f"pair {index} is {what}; expected two texts")
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs], single
