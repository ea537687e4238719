# SPDX-License-Identifier: Apache-2.0
"""For scripts that were written for sentence-transformers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from nestvec import _quantization, _similarity
from nestvec._drop_in import DropIn, check_device, find, settings_of, with_revision
from nestvec._errors import InvalidArgumentError
from nestvec._model import Model
from nestvec._tensors import as_asked
from nestvec._texts import as_texts, count_of

_ORGANIZATION = "sentence-transformers"  # owns the models that are named without an owner


class SentenceTransformer(DropIn):
    """A model with the constructor and the calls of sentence-transformers' class of this name (version 6).

        from nestvec import SentenceTransformer

        model = SentenceTransformer("all-MiniLM-L6-v2")
        scores = model.similarity(model.encode(["one"]), model.encode(["two", "three"]))

    Downloads a model that is not on this machine, unless ``local_files_only``. ``model`` is the ``nestvec.Model``. What
    it does not support raises an error: training, saving, modules, PyTorch devices, pools of processes.
    docs/python.md lists what differs.
    """

    _does = "embeds"
    _model_has = "tokenize, decode and info"

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str],
        *,
        modules: Any = None,
        device: Any = None,
        prompts: Mapping[str, str | None] | None = None,
        default_prompt_name: str | None = None,
        cache_folder: str | os.PathLike[str] | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        use_auth_token: str | bool | None = None,
        model_kwargs: dict[str, Any] | None = None,
        processor_kwargs: dict[str, Any] | None = None,
        tokenizer_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
        model_card_data: Any = None,
        backend: str = "torch",
        similarity_fn_name: Any = None,
        truncate_dim: int | None = None,
    ) -> None:
        """``trust_remote_code``, ``backend`` and ``model_card_data`` have no effect: no code of a repository is run.

        Of ``model_kwargs`` the type ("torch_dtype", "dtype") and "default_task" are followed, of ``tokenizer_kwargs``
        (``processor_kwargs``) "model_max_length".
        """
        check_device(device)
        if modules is not None:
            raise InvalidArgumentError("modules cannot be put together here; give a folder or a repository")
        settings = settings_of(model_kwargs, {**(tokenizer_kwargs or {}), **(processor_kwargs or {})}, config_kwargs)
        name = with_revision(os.fspath(model_name_or_path), revision)
        key = token if use_auth_token is None else use_auth_token
        self._settings = settings
        self.model = Model.load(find(name, _ORGANIZATION, cache_folder, local_files_only, key), **settings)
        if self.model.info.labels and not self.model.info.dense:
            raise InvalidArgumentError(f"{self.model.info.id} makes no vectors; CrossEncoder is for it")
        self.prompts = {"query": "", "document": ""}
        if prompts is not None and not isinstance(prompts, Mapping):
            raise TypeError(f"prompts is of type {type(prompts).__name__}; expected a dict of names and texts")
        self._own_prompts = {name: text or "" for name, text in (prompts or {}).items()}
        self.prompts |= {task.name: task.prompt for task in self.model.info.tasks} | self._own_prompts
        if default_prompt_name is not None and default_prompt_name not in self.prompts:
            raise InvalidArgumentError(
                f"unknown prompt {default_prompt_name!r}; expected one of {sorted(self.prompts)}"
            )
        self.default_prompt_name = default_prompt_name
        self.truncate_dim = truncate_dim
        self._similarity_fn_name: str | None = None
        if similarity_fn_name is not None:
            self.similarity_fn_name = similarity_fn_name

    def encode(
        self,
        inputs: str | Iterable[str] | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str | None = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        sentences: str | Iterable[str] | None = None,
        task: str | None = None,
    ) -> Any:
        """Texts to vectors, as sentence-transformers' ``encode``; ``sentences`` is the older name of ``inputs``.

        ``batch_size`` and ``chunk_size`` have no effect on the vectors. ``truncate_dim`` cuts and does not normalise
        again; ``normalize_embeddings`` does. "int8" and "uint8" take their ranges from the call's texts.
        ``output_value="token_embeddings"`` gives NumPy's arrays, or tensors with ``convert_to_tensor``.
        """
        given = inputs if sentences is None else sentences
        if given is None:
            raise TypeError("encode() needs texts")
        if pool is not None:
            raise InvalidArgumentError("pools of processes are not supported; one call uses all cores that it may")
        check_device(device)
        if count_of("batch_size", batch_size) is None:
            raise TypeError("batch_size is of type NoneType; expected int")
        how: dict[str, Any] = {"show_progress_bar": show_progress_bar, **self._prompt_of(prompt_name, prompt, task)}
        if output_value == "token_embeddings":
            return self.model.encode(given, output_value=output_value, convert_to_tensor=convert_to_tensor, **how)
        if output_value != "sentence_embedding":
            raise InvalidArgumentError(
                f"output_value is {output_value!r}; expected 'sentence_embedding' or 'token_embeddings'"
            )
        if precision not in (None, "float32", "int8", "uint8", "binary", "ubinary"):
            raise InvalidArgumentError(f"precision is {precision!r}; expected float32, int8, uint8, binary or ubinary")
        texts, single = as_texts(given)
        width = count_of("truncate_dim", self.truncate_dim if truncate_dim is None else truncate_dim)
        vectors = self._vectors(texts, width, normalize_embeddings, how)
        if len(vectors) and precision not in (None, "float32"):
            vectors = _quantization.quantize_embeddings(vectors, precision)
        vectors = as_asked(vectors, convert_to_numpy, convert_to_tensor)
        return vectors[0] if single else vectors

    def encode_query(self, inputs: str | Iterable[str] | None = None, *args: Any, **options: Any) -> Any:
        """``encode`` with the model's task, or prompt, for queries."""
        return self.encode(inputs, *args, **self._side(("retrieval.query", "query"), args, options))

    def encode_document(self, inputs: str | Iterable[str] | None = None, *args: Any, **options: Any) -> Any:
        """``encode`` with the model's task, or prompt, for documents."""
        names = ("retrieval.passage", "document", "passage", "corpus")
        return self.encode(inputs, *args, **self._side(names, args, options))

    @property
    def similarity_fn_name(self) -> str:
        """"cosine", "dot", "euclidean" or "manhattan"; default: as the model's folder says, or "cosine"."""
        return self._similarity_fn_name or self.model.similarity_fn_name

    @similarity_fn_name.setter
    def similarity_fn_name(self, name: Any) -> None:
        self._similarity_fn_name = None if name is None else _similarity.checked_name(name)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """[rows of the first, rows of the second]; a tensor if you pass tensors, else an array."""
        return _similarity.similarity(self.similarity_fn_name, embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """[rows]: row i of the first with row i of the second."""
        return _similarity.similarity_pairwise(self.similarity_fn_name, embeddings1, embeddings2)

    @property
    def max_seq_length(self) -> int:
        """The longest text in tokens. Setting it loads the model again, with that limit."""
        return self.model.max_seq_length

    @max_seq_length.setter
    def max_seq_length(self, tokens: int) -> None:
        if tokens != self.model.max_seq_length:
            self.model = Model.load(self.model.info.folder, **{**self._settings, "max_tokens": tokens})

    def get_max_seq_length(self) -> int:
        return self.max_seq_length

    def get_embedding_dimension(self) -> int:
        """The number of dimensions in a vector of ``encode``."""
        width = self.model.info.dimensions
        return width if self.truncate_dim is None else min(width, self.truncate_dim)

    get_sentence_embedding_dimension = get_embedding_dimension

    @contextlib.contextmanager
    def truncate_embeddings(self, truncate_dim: int | None) -> Iterator[None]:
        """Within this context ``encode`` cuts its vectors."""
        before, self.truncate_dim = self.truncate_dim, truncate_dim
        try:
            yield
        finally:
            self.truncate_dim = before

    truncate_sentence_embeddings = truncate_embeddings

    def _prompt_of(self, prompt_name: str | None, prompt: str | None, task: str | None) -> dict[str, Any]:
        if prompt is None and prompt_name is None and task is None:
            prompt_name = self.default_prompt_name
        if prompt is not None or prompt_name is None:
            # Without a task the original uses no adapter, where a Model has a default task.
            base = task is None and self._has_adapters and "default_task" not in self._settings
            return {"task": "none" if base else task, "prompt": prompt}
        if prompt_name not in self.prompts:
            raise InvalidArgumentError(f"unknown prompt {prompt_name!r}; expected one of {sorted(self.prompts)}")
        if prompt_name in self._own_prompts or not self._has_task(prompt_name):
            return {"task": task, "prompt": self.prompts[prompt_name]}
        return {"task": task, "prompt_name": prompt_name}

    def _vectors(self, texts: Any, width: int | None, normalize: bool, how: dict[str, Any]) -> Any:
        """Cut as sentence-transformers cuts: after the model's own normalisation."""
        if width is None or normalize:
            return self.model.encode(texts, dimensions=width, normalize_embeddings=normalize, **how)
        if not 1 <= width <= self.model.info.dimensions:
            raise InvalidArgumentError(f"truncate_dim is {width}; expected 1 to {self.model.info.dimensions}")
        return np.ascontiguousarray(self.model.encode(texts, **how)[:, :width])

    def _side(self, names: tuple[str, ...], args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
        asked = len(args) > 0 or any(options.get(name) is not None for name in ("prompt_name", "prompt", "task"))
        if not asked:
            own = next((name for name in names if name in self._own_prompts), None)
            options |= {"task": names[0]} if own is None else {"prompt_name": own}
        return options

    @property
    def _has_adapters(self) -> bool:
        return self.model.info.family == "jina-embeddings-v3" and len(self.model.info.tasks) > 0

    def _has_task(self, name: str) -> bool:
        return any(task.name == name for task in self.model.info.tasks)
