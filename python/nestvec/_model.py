# SPDX-License-Identifier: Apache-2.0
"""Loading a model, and computing vectors with it."""

from __future__ import annotations

import json
import logging
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from nestvec import _core, _folder, _hub, _quantization, _similarity
from nestvec._bar import LoadingBar, is_watched
from nestvec._errors import InvalidArgumentError, NotFoundError, TruncationWarning
from nestvec._info import ModelInfo, Statistics, Task, TokenEmbeddings, Tokens
from nestvec._scoring import Scoring, TokenOptions
from nestvec._tensors import as_asked
from nestvec._texts import as_texts, count_of, flag_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

_log = logging.getLogger("nestvec")

T = TypeVar("T")
Vectors = NDArray[np.float32]
Reference = tuple[str, str, tuple[tuple[str, str], ...]]  # folder, config, settings


class EncodeOptions(TypedDict, total=False):
    """What ``Model.encode`` takes by name, for type checkers, as long as it returns float32 vectors."""

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
    device: str | None
    progress: Callable[[int], object] | None


class FormOptions(EncodeOptions, total=False):
    """The same, with the options that change the type of the result."""

    convert_to_tensor: bool
    output_value: str | None
    precision: str


class Model(Scoring):
    """A loaded model. Safe for use by several threads; their texts share the model's runs.

    A pickle holds the folder and the settings; unpickling loads the model, once per process. A forked
    child cannot use the models of its parent; it loads its own.
    """

    def __init__(self, core: _core.LoadedModel, reference: Reference = ("", "", ())) -> None:
        """Not for callers: use ``Model.load``."""
        if not isinstance(core, _core.LoadedModel):
            raise TypeError(f"a model is loaded by Model.load({str(core)!r}), or by SentenceTransformer")
        self._core = core
        self._reference = reference
        self._similarity_fn_name: str | None = None
        values = core.info()
        values["tasks"] = tuple(Task(*task) for task in values["tasks"])
        values["matryoshka_dimensions"] = tuple(values["matryoshka_dimensions"])
        values["labels"] = tuple(values["labels"])
        self._info = ModelInfo(**values)

    @classmethod
    def load(
        cls,
        path_or_repo: str | os.PathLike[str] | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        download: bool = False,
        show_progress_bar: bool | None = None,
        **settings: str | float | Mapping[str, str | os.PathLike[str]] | None,
    ) -> Model:
        """Loads a model folder, or a repository ("OWNER/NAME[@REVISION]") that is in the Hugging Face cache.

        Without a name, loads the model of ``config``, a config.yaml, else that of ``$NESTVEC_MODEL``. ``settings``
        are the keys of docs/config.md and override the file and the environment: ``precision="int8"``, ``threads=2``,
        ``cpu_memory="5Gi"``, ``max_batch_tokens=4096``, ``default_task="retrieval.passage"``, ``cache_dir=...``,
        ``prompts={"query": "query: "}``, ``adapters={"legal": "folder"}``. ``download=True`` downloads a repository that is not, or not wholly, on this
        machine, as ``nestvec.pull`` does; without it nothing is ever downloaded.

        The first load of a folder compiles it into the cache. ``show_progress_bar`` sets whether bars are shown; by
        default they are, on a terminal. The logger "nestvec" reports precision, threads and the memory plan. Raises
        nestvec.Error.
        """
        return load_model(_core.load, path_or_repo, config, download, show_progress_bar, settings, cls)

    @property
    def info(self) -> ModelInfo:
        """Properties of the model, and the decisions made while loading it."""
        return self._info

    def statistics(self) -> Statistics:
        """What the model has computed so far, for all callers."""
        return Statistics(**self._core.statistics())

    @property
    def max_seq_length(self) -> int:
        """The longest text in tokens, ``info.max_tokens``; ``Model.load(..., max_tokens=...)`` sets it."""
        return self._info.max_tokens

    def get_sentence_embedding_dimension(self) -> int:
        """``info.dimensions``, as sentence-transformers calls it."""
        return self._info.dimensions

    get_embedding_dimension = get_sentence_embedding_dimension

    @property
    def similarity_fn_name(self) -> str:
        """The function of ``similarity``: the one in the model's folder, else "cosine"."""
        if self._similarity_fn_name is None:
            self._similarity_fn_name = _similarity.checked_name(
                _folder.similarity_fn_name(self._info.folder) or "cosine"
            )
        return self._similarity_fn_name

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Similarities as a matrix [rows of the first, rows of the second]; a larger number means more similar.

        ``similarity_fn_name`` is the function: cosine, dot product, or negative euclidean or manhattan distance.
        Returns a NumPy array, or a PyTorch tensor if you pass tensors.
        """
        return _similarity.similarity(self.similarity_fn_name, embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Similarities [rows] of row i of the first and row i of the second."""
        return _similarity.similarity_pairwise(self.similarity_fn_name, embeddings1, embeddings2)

    @overload
    def encode(self, sentences: str | Iterable[str], **options: Unpack[EncodeOptions]) -> Vectors: ...
    @overload
    def encode(self, sentences: str | Iterable[str], **options: Unpack[FormOptions]) -> Any: ...
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
        progress: Callable[[int], object] | None = None,
    ) -> Any:
        """Texts to float32 vectors: [texts, dimensions] for a list, [dimensions] for a str.

        - ``task``: one of ``info.tasks``, another name for one ("query", "document", "clustering", ...), or "none".
          Default: ``info.default_task``. The task's prompt is put before each text. ``prompt`` replaces it ("" means
          no prompt); ``prompt_name`` uses the prompt of another of the model's tasks.
        - ``dimensions`` (or ``truncate_dim``): keep this many dimensions, then normalise.
        - ``normalize`` (or ``normalize_embeddings=True``): scale vectors to length 1. Default: as the model's folder
          says, nearly always true.
        - ``late_chunking``: the texts are chunks of one document; they are read together and pooled apart.
        - ``truncate``: which end of an over-long text is cut, with a TruncationWarning; "error" refuses the text.
        - ``parse_special``: "</s>" in a text is the special token.
        - ``batch_tokens``: at most this many tokens of the call in one run of the model. Default:
          ``info.max_batch_tokens``. ``batch_size`` has no effect, because batches are filled by tokens.
        - ``precision``: "float32", "float16", "int8", "uint8", "binary" or "ubinary", as the command and the server
          write them: int8 and uint8 with a scale per vector, binary and ubinary with eight dimensions per byte.
        - ``output_value="token_embeddings"``: the vectors of ``tokenize_and_embed``, a list of [tokens, dimensions].
        - ``convert_to_tensor``: return a PyTorch tensor; ``convert_to_numpy=False`` returns a list of tensors.
        - ``show_progress_bar``, ``progress``: show a bar; call this with the number of texts that are done.

        A list of any length needs little more memory than its vectors. Ctrl-C ends the call. Raises nestvec.Error, and
        TypeError for a text that is not a str.
        """
        texts, single = as_texts(sentences)
        if device not in (None, "cpu"):
            raise InvalidArgumentError(f"device is {device!r}; expected 'cpu'")
        # Where it is not asked for, sentence-transformers leaves it to the model's folder too.
        normalize = _one_of("normalize", flag_of("normalize", normalize), "normalize_embeddings",
                            flag_of("normalize_embeddings", normalize_embeddings) or None)
        dimensions = _one_of("dimensions", count_of("dimensions", dimensions), "truncate_dim",
                             count_of("truncate_dim", truncate_dim))
        arguments = self._arguments(task, prompt_name, prompt, late_chunking, truncate, parse_special)
        arguments["progress"] = progress
        if output_value == "token_embeddings":
            _refuse_for_tokens(dimensions=dimensions, normalize=normalize or None, late_chunking=late_chunking or None,
                               precision=None if precision == "float32" else precision)
            embedded = self._run(self._core.embed_tokens, texts, arguments, bool(show_progress_bar))
            rows = [item[0] for item in embedded]
            tensors = convert_to_tensor or not convert_to_numpy
            rows = [as_asked(row, True, tensors) for row in rows]
            return rows[0] if single else rows
        if output_value != "sentence_embedding":
            raise InvalidArgumentError(
                f"output_value is {output_value!r}; expected 'sentence_embedding' or 'token_embeddings'"
            )
        arguments["dimensions"] = dimensions or 0
        arguments["normalize"] = normalize
        arguments["late_chunking"] = bool(late_chunking)
        arguments["batch_tokens"] = count_of("batch_tokens", batch_tokens) or 0
        _quantization.check(precision)
        vectors = self._run(self._core.encode, texts, arguments, bool(show_progress_bar))
        out = as_asked(_quantization.pack(vectors, precision), convert_to_numpy, convert_to_tensor)
        return out[0] if single else out

    @overload
    def encode_query(self, sentences: str | Iterable[str], **options: Unpack[EncodeOptions]) -> Vectors: ...
    @overload
    def encode_query(self, sentences: str | Iterable[str], **options: Unpack[FormOptions]) -> Any: ...
    def encode_query(self, sentences: str | Iterable[str], **options: Any) -> Any:
        """``encode`` with the model's task for queries, if it has one."""
        return self.encode(sentences, **_for_task("retrieval.query", options))

    @overload
    def encode_document(self, sentences: str | Iterable[str], **options: Unpack[EncodeOptions]) -> Vectors: ...
    @overload
    def encode_document(self, sentences: str | Iterable[str], **options: Unpack[FormOptions]) -> Any: ...
    def encode_document(self, sentences: str | Iterable[str], **options: Any) -> Any:
        """``encode`` with the model's task for documents, if it has one."""
        return self.encode(sentences, **_for_task("retrieval.passage", options))

    @overload
    def tokenize_and_embed(self, texts: str, **options: Unpack[TokenOptions]) -> TokenEmbeddings: ...
    @overload
    def tokenize_and_embed(self, texts: Iterable[str], **options: Unpack[TokenOptions]) -> list[TokenEmbeddings]: ...
    def tokenize_and_embed(
        self,
        texts: str | Iterable[str],
        *,
        task: str | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncate: Literal["right", "left", "error"] = "right",
        parse_special: bool = True,
        show_progress_bar: bool | None = False,
    ) -> TokenEmbeddings | list[TokenEmbeddings]:
        """The tokens of a text with one vector each, before pooling and normalisation; for a list, a list.

        The options are those of ``encode``. The vectors are float32 [tokens, info.dimensions]. They include those of
        the prompt and of special tokens, whose offsets are (0, 0). Raises the same errors as ``encode``.
        """
        listed, single = as_texts(texts)
        arguments = self._arguments(task, prompt_name, prompt, False, truncate, parse_special)
        embedded = self._run(self._core.embed_tokens, listed, arguments, bool(show_progress_bar))
        out = [TokenEmbeddings(*item) for item in embedded]
        return out[0] if single else out

    @overload
    def tokenize(self, texts: str, *, add_special: bool = ..., parse_special: bool = ...) -> Tokens: ...
    @overload
    def tokenize(
        self, texts: Iterable[str], *, add_special: bool = ..., parse_special: bool = ...
    ) -> list[Tokens]: ...
    def tokenize(
        self, texts: str | Iterable[str], *, add_special: bool = True, parse_special: bool = True
    ) -> Tokens | list[Tokens]:
        """The tokens of a text, with special tokens, without a prompt, not truncated; for a list, a list."""
        listed, single = as_texts(texts)
        tokens = [Tokens(*self._core.tokenize(text, add_special, parse_special)) for text in listed]
        return tokens[0] if single else tokens

    def decode(self, ids: Iterable[int], *, skip_special: bool = True) -> str:
        """The text of token ids."""
        return self._core.decode(_ids(ids), bool(flag_of("skip_special", skip_special)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, self._reference

    def __repr__(self) -> str:
        return f"<nestvec.Model {self._info.id}: {self._info.graph}>"

    def _prompt(self, prompt: str | None, prompt_name: str | None) -> str | None:
        if prompt is not None or prompt_name is None:
            return prompt
        prompts = {task.name: task.prompt for task in self._info.tasks}
        return prompts.get(self._core.find_prompt(prompt_name), "")

    def _arguments(
        self,
        task: str | None,
        prompt_name: str | None,
        prompt: str | None,
        late_chunking: bool,
        truncate: str,
        parse_special: bool,
    ) -> _core.EncodeArguments:
        """What the core is asked for, with everything else as the model has it."""
        for name, text in (("task", task), ("prompt_name", prompt_name), ("prompt", prompt)):
            if text is not None and not isinstance(text, str):
                raise TypeError(f"{name} is of type {type(text).__name__}; expected str")
        if not isinstance(truncate, str):
            raise TypeError(f"truncate is of type {type(truncate).__name__}; expected 'right', 'left' or 'error'")
        flag_of("late_chunking", late_chunking)
        if parse_special is None:
            raise TypeError("parse_special is None; expected bool")
        if task is None and prompt is None and prompt_name is not None:
            task, prompt_name = self._core.find_prompt(prompt_name), None
        own_prompt = self._prompt(prompt, prompt_name)
        if own_prompt and _folder.leaves_prompt_out(self._info.folder):
            raise InvalidArgumentError(
                "this model's pooling leaves the prompt out (include_prompt: false), which needs a task's prompt; give "
                "yours to Model.load(..., prompts={...}) and name its task"
            )
        if own_prompt and (late_chunking or truncate == "left"):
            raise InvalidArgumentError(
                "a prompt of the caller's goes neither with late_chunking nor with truncate='left', which must "
                "know where it ends; leave it out for the task's own"
            )
        return {
            "task": task or "",
            "dimensions": 0,
            "normalize": None,
            "late_chunking": False,
            "parse_special": bool(flag_of("parse_special", parse_special)),
            "truncate": truncate,
            "prompt": own_prompt,
            "batch_tokens": 0,
            "progress": None,
        }

    def _run(
        self,
        function: Callable[..., Any],
        texts: Sequence[str],
        arguments: _core.EncodeArguments | _core.ScoreArguments,
        bar: bool,
        over: str = "",
    ) -> Any:
        """``over`` is the limit that texts were over, in place of the model's."""
        if bar:
            from tqdm.auto import tqdm

            told = arguments["progress"]
            with tqdm(total=len(texts), unit="text") as shown:

                def advance(finished: int) -> None:
                    shown.update(finished - shown.n)
                    if told is not None:
                        told(finished)

                arguments["progress"] = advance
                out, truncated = function(texts, arguments)
        else:
            out, truncated = function(texts, arguments)
        if truncated:
            named = ", ".join(map(str, truncated[:8])) + (", ..." if len(truncated) > 8 else "")
            warnings.warn(
                f"{len(truncated)} of {len(texts)} texts had more than {over or f'{self._info.max_tokens} tokens'} "
                f"and lost some (index {named})",
                TruncationWarning,
                stacklevel=3,
            )
        return out


def load_model(
    load: Callable[..., _core.LoadedModel],
    path_or_repo: str | os.PathLike[str] | None,
    config: str | os.PathLike[str] | None,
    download: bool,
    show_progress_bar: bool | None,
    settings: Mapping[str, str | float | Mapping[str, str] | None],
    of: type[Model] = Model,
) -> Model:
    """``Model.load``, by ``_core.load`` or by a runtime's."""
    model = "" if path_or_repo is None else os.fsdecode(path_or_repo)
    if path_or_repo is not None and not model:
        raise InvalidArgumentError("the model's name is empty; expected a folder or OWNER/NAME")
    file = "" if config is None else os.path.abspath(config)
    given = {name: _setting(name, value) for name, value in settings.items() if value is not None}
    with LoadingBar(is_watched() if show_progress_bar is None else show_progress_bar) as bar:
        try:
            core = load(model, file, given, _log.info, bar)
        except NotFoundError as error:
            repository = _hub.missing_repository(error)
            if repository is None:
                raise
            if not download:
                error.args = (f"{error}, or load it with download=True",)
                raise
            model = _hub.pull(repository, show_progress_bar=show_progress_bar)
            core = load(model, file, given, _log.info, bar)
    folder = os.path.abspath(core.info()["folder"])
    reference = (folder, file, tuple(sorted(given.items())))
    return _loaded.keep(of(core, reference))


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


def _for_task(task: str, options: dict[str, Any]) -> dict[str, Any]:
    if options.get("task") is None and options.get("prompt_name") is None:
        options["task"] = task
    return options


def _setting(name: str, value: object) -> str:
    """A value as the text of an environment variable."""
    if isinstance(value, Mapping):
        return json.dumps({key: _setting_text(f"{name}[{key!r}]", text) for key, text in value.items()})
    if name in ("adapters", "prompts") and not isinstance(value, str):
        raise TypeError(f"{name} is of type {type(value).__name__}; expected a dict of names and "
                        f"{'folders' if name == 'adapters' else 'texts'}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _setting_text(name: str, value: object) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} is of type {type(value).__name__}; expected str")
    return os.fsdecode(value)


def _one_of(name: str, value: T | None, alias: str, other: T | None) -> T | None:
    """The value of an option that has two names."""
    if value is not None and other is not None and value != other:
        raise InvalidArgumentError(f"{name}={value!r} and {alias}={other!r} contradict each other; leave one out")
    return other if value is None else value


def _ids(given: Any) -> list[int]:
    if isinstance(given, (str, bytes)):
        raise TypeError(f"expected token ids, found {type(given).__name__}")
    ids = []
    for index, value in enumerate(given):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"token id {index} is of type {type(value).__name__}; expected int")
        if not 0 <= value < 2**32:
            raise InvalidArgumentError(f"token id {index} is {value}, which no token has")
        ids.append(int(value))
    return ids


def _refuse_for_tokens(**options: Any) -> None:
    for name, value in options.items():
        if value is not None:
            raise InvalidArgumentError(f"{name}={value!r} does not go with output_value='token_embeddings'")
