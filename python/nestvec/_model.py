# SPDX-License-Identifier: Apache-2.0
"""The model: from a folder, to vectors."""

from __future__ import annotations

import json
import logging
import os
import threading
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from nestvec import _core
from nestvec._errors import InvalidArgumentError, TruncationWarning
from nestvec._info import ModelInfo, Statistics, Task, Tokens

if TYPE_CHECKING:
    from typing_extensions import Unpack

_log = logging.getLogger("nestvec")

T = TypeVar("T")
Vectors = NDArray[np.float32]
Reference = tuple[str, str, tuple[tuple[str, str], ...]]  # folder, config, settings


class EncodeOptions(TypedDict, total=False):
    """What ``Model.encode`` takes by name, for type checkers; besides ``convert_to_tensor``."""

    task: str | None
    dimensions: int | None
    normalize: bool | None
    late_chunking: bool
    truncate: Literal["right", "left", "error"]
    parse_special: bool
    batch_tokens: int | None
    show_progress_bar: bool | None
    prompt_name: str | None
    prompt: str | None
    batch_size: int | None
    convert_to_numpy: bool
    normalize_embeddings: bool | None
    truncate_dim: int | None
    output_value: str | None
    precision: str
    device: str | None


class Model:
    """A loaded model. Safe for use by several threads; their texts share the model's runs.

    A pickle holds the folder and the settings, and is loaded anew where it is opened, once a process. A forked
    child cannot use the models of its parent; it loads its own.
    """

    def __init__(self, core: _core.LoadedModel, reference: Reference) -> None:
        """For ``Model.load``."""
        self._core = core
        self._reference = reference
        values = core.info()
        values["tasks"] = tuple(Task(*task) for task in values["tasks"])
        values["matryoshka_dimensions"] = tuple(values["matryoshka_dimensions"])
        self._info = ModelInfo(**values)

    @classmethod
    def load(
        cls,
        path_or_repo: str | os.PathLike[str] | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        **settings: str | float | Mapping[str, str] | None,
    ) -> Model:
        """Loads a model folder, or a repository ("OWNER/NAME[@REVISION]") that is in the Hugging Face cache.

        ``config`` is a config.yaml; ``settings`` go before it and before the environment. They are the keys of
        docs/config.md: ``precision="int8"``, ``threads=2``, ``cpu_memory="5Gi"``, ``max_batch_tokens=4096``,
        ``default_task="retrieval.passage"``, ``prompts={"query": "query: "}``, ``cache_dir=...``. The first load of a
        folder compiles it into the cache. What was decided is logged by the logger "nestvec".
        """
        model = "" if path_or_repo is None else os.fspath(path_or_repo)
        file = "" if config is None else os.path.abspath(config)
        given = {name: _setting(value) for name, value in settings.items() if value is not None}
        core = _core.load(model, file, given, _log.info)
        folder = os.path.abspath(core.info()["folder"])
        reference = (folder, file, tuple(sorted(given.items())))
        return _loaded.keep(cls(core, reference))

    @property
    def info(self) -> ModelInfo:
        """What the model is, and what was decided for it."""
        return self._info

    def statistics(self) -> Statistics:
        """What the model has computed so far, for all callers."""
        return Statistics(**self._core.statistics())

    @overload
    def encode(
        self,
        sentences: str | Iterable[str],
        *,
        convert_to_tensor: Literal[False] = ...,
        **options: Unpack[EncodeOptions],
    ) -> Vectors: ...
    @overload
    def encode(
        self, sentences: str | Iterable[str], *, convert_to_tensor: bool, **options: Unpack[EncodeOptions]
    ) -> Any: ...
    def encode(
        self,
        sentences: str | Iterable[str],
        *,
        task: str | None = None,
        dimensions: int | None = None,
        normalize: bool | None = None,
        late_chunking: bool = False,
        truncate: Literal["right", "left", "error"] = "right",
        parse_special: bool = True,
        batch_tokens: int | None = None,
        show_progress_bar: bool | None = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str = "float32",
        device: str | None = None,
    ) -> Any:
        """Texts to float32 vectors: [texts, dimensions] for a list, [dimensions] for a str.

        - ``task``: one of ``info.tasks``, another name for one ("query", "document", "clustering", ...), or "none";
          default: ``info.default_task``. Its prompt is put before each text, or ``prompt`` in its place ("" = none),
          or that of the task ``prompt_name``, which must be one of the model's.
        - ``dimensions`` (or ``truncate_dim``): the first so many; then they are normalised.
        - ``normalize`` (or ``normalize_embeddings=True``): default: as the model's folder says, nearly always true.
        - ``late_chunking``: the texts are chunks of one context, read together and pooled apart.
        - ``truncate``: which end of an over-long text is cut, with a TruncationWarning; "error" refuses it.
        - ``parse_special``: "</s>" in a text is the special token.
        - ``batch_tokens``: the most tokens of this call in one run of the model, when fewer than the model's own
          ``info.max_batch_tokens`` are wanted. ``batch_size`` has no effect: runs are filled by tokens, unpadded.
        - ``convert_to_tensor``, or ``convert_to_numpy=False`` for a list of them: PyTorch's tensors.

        A list of any length takes no more memory than its vectors. Ctrl-C ends the call. Raises nestvec.Error;
        TypeError for what is not str.
        """
        if output_value != "sentence_embedding":
            raise InvalidArgumentError(f"output_value is {output_value!r}; expected 'sentence_embedding'")
        if precision != "float32":
            raise InvalidArgumentError(f"precision is {precision!r}; expected 'float32'")
        if device not in (None, "cpu"):
            raise InvalidArgumentError(f"device is {device!r}; expected 'cpu'")
        if task is None and prompt is None and prompt_name is not None:
            task, prompt_name = self._core.find_prompt(prompt_name), None
        own_prompt = self._prompt(prompt, prompt_name)
        if own_prompt and (late_chunking or truncate == "left"):
            raise InvalidArgumentError(
                "a prompt of the caller's goes neither with late_chunking nor with truncate='left', which must "
                "know where it ends; leave it out for the task's own"
            )
        single = isinstance(sentences, str)
        texts = _as_list(sentences)
        arguments: _core.EncodeArguments = {
            "task": task or "",
            "dimensions": _count("dimensions", _first(dimensions, truncate_dim)),
            # Where it is not asked for, sentence-transformers leaves it to the model's folder too.
            "normalize": _first(normalize, normalize_embeddings or None),
            "late_chunking": late_chunking,
            "parse_special": parse_special,
            "truncate": truncate,
            "prompt": own_prompt,
            "batch_tokens": _count("batch_tokens", batch_tokens),
            "progress": None,
        }
        vectors = self._run(texts, arguments, bool(show_progress_bar))
        out = vectors[0] if single else vectors
        if convert_to_tensor:
            return _tensor(out)
        return out if convert_to_numpy else _tensors(out)

    def encode_query(self, sentences: str | Iterable[str], **options: Unpack[EncodeOptions]) -> Vectors:
        """``encode`` with the model's task for queries, where it has one."""
        return self.encode(sentences, **_for_task("retrieval.query", options))

    def encode_document(self, sentences: str | Iterable[str], **options: Unpack[EncodeOptions]) -> Vectors:
        """``encode`` with the model's task for documents, where it has one."""
        return self.encode(sentences, **_for_task("retrieval.passage", options))

    @overload
    def tokenize(self, texts: str, *, add_special: bool = ..., parse_special: bool = ...) -> Tokens: ...
    @overload
    def tokenize(
        self, texts: Iterable[str], *, add_special: bool = ..., parse_special: bool = ...
    ) -> list[Tokens]: ...
    def tokenize(
        self, texts: str | Iterable[str], *, add_special: bool = True, parse_special: bool = True
    ) -> Tokens | list[Tokens]:
        """The tokens of a text as the model sees it, without a prompt and uncut; of a list, a list."""
        if isinstance(texts, str):
            return Tokens(*self._core.tokenize(texts, add_special, parse_special))
        return [Tokens(*self._core.tokenize(text, add_special, parse_special)) for text in texts]

    def decode(self, ids: Iterable[int], *, skip_special: bool = True) -> str:
        """The text of token ids."""
        return self._core.decode([int(i) for i in ids], skip_special)

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, self._reference

    def __repr__(self) -> str:
        return f"<nestvec.Model {self._info.id}: {self._info.graph}>"

    def _prompt(self, prompt: str | None, prompt_name: str | None) -> str | None:
        if prompt is not None or prompt_name is None:
            return prompt
        prompts = {task.name: task.prompt for task in self._info.tasks}
        return prompts.get(self._core.find_prompt(prompt_name), "")

    def _run(self, texts: Sequence[str], arguments: _core.EncodeArguments, bar: bool) -> Vectors:
        if bar:
            from tqdm.auto import tqdm

            with tqdm(total=len(texts), unit="text") as progress:
                arguments["progress"] = lambda finished: progress.update(finished - progress.n)
                vectors, truncated = self._core.encode(texts, arguments)
        else:
            vectors, truncated = self._core.encode(texts, arguments)
        if truncated:
            named = ", ".join(map(str, truncated[:8])) + (", ..." if len(truncated) > 8 else "")
            warnings.warn(
                f"{len(truncated)} of {len(texts)} texts had more than {self._info.max_tokens} tokens and lost "
                f"some (index {named})",
                TruncationWarning,
                stacklevel=3,
            )
        return vectors


class _Loaded:
    """The models of this process by what they were loaded from, as long as someone else holds them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._models: weakref.WeakValueDictionary[Reference, Model] = weakref.WeakValueDictionary()

    def keep(self, model: Model) -> Model:
        with self._lock:
            self._models.setdefault(model._reference, model)
        return model

    def find_or_load(self, reference: Reference) -> Model:
        with self._lock:
            model = self._models.get(reference)
            if model is None:
                folder, config, settings = reference
                model = Model.load(folder, config=config or None, **dict(settings))
            return model


_loaded = _Loaded()


def _forget() -> None:
    global _loaded
    _loaded = _Loaded()


os.register_at_fork(after_in_child=_forget)


def _revive(*reference: Any) -> Model:
    return _loaded.find_or_load(reference)


def _as_list(sentences: str | Iterable[str]) -> Sequence[str]:
    """Lists as they are; columns of pyarrow, pandas and polars, arrays and iterators as lists. What would be read as
    something that nobody means, such as the names of a table's columns, raises TypeError."""
    if isinstance(sentences, str):
        return [sentences]
    if isinstance(sentences, (list, tuple)):
        return sentences
    kind = type(sentences).__name__
    if hasattr(sentences, "columns") or hasattr(sentences, "column_names"):
        raise TypeError(f"expected texts, found a {kind}; pass one of its columns, such as table['text']")
    if isinstance(sentences, (Mapping, bytes, bytearray)):
        raise TypeError(f"expected texts, found {kind}; pass a str or a list of str")
    for name in ("to_pylist", "to_list", "tolist"):
        if callable(to_list := getattr(sentences, name, None)):
            texts = to_list()
            break
    else:
        texts = list(sentences)
    for row, text in enumerate(texts):
        if not isinstance(text, str) and _is_null(text):
            raise TypeError(f"text {row} is null; leave such rows out, or fill them")
    return texts


def _is_null(value: object) -> bool:
    is_nan = isinstance(value, float) and value != value
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _for_task(task: str, options: EncodeOptions) -> EncodeOptions:
    if options.get("task") is None and options.get("prompt_name") is None:
        options["task"] = task
    return options


def _setting(value: object) -> str:
    """A value as the text of an environment variable."""
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first(value: T | None, other: T | None) -> T | None:
    return other if value is None else value


def _count(name: str, value: int | None) -> int:
    if value is None:
        return 0
    if value < 1:
        raise InvalidArgumentError(f"{name} is {value}; expected at least 1")
    return int(value)


def _tensor(vectors: Vectors) -> Any:
    import torch

    return torch.from_numpy(vectors)


def _tensors(vectors: Vectors) -> Any:
    return list(_tensor(vectors)) if vectors.ndim == 2 else _tensor(vectors)
