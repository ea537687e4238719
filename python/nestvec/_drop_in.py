# SPDX-License-Identifier: Apache-2.0
"""What the classes for scripts of sentence-transformers have in common."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from nestvec import _hub
from nestvec._errors import InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from typing_extensions import Self

    from nestvec._model import Model

# Choices of how PyTorch computes; they change no vector here.
_WITHOUT_EFFECT = ("attn_implementation", "low_cpu_mem_usage", "use_safetensors", "trust_remote_code")
_PRECISIONS = {"auto": "auto", "float32": "fp32", "bfloat16": "bf16"}


class DropIn:
    """A class of sentence-transformers over a ``Model``, which computes on the CPU."""

    model: Model
    _does = ""  # "embeds"
    _model_has = ""  # "tokenize and info"

    @property
    def device(self) -> str:
        return "cpu"

    def to(self, device: Any = None) -> Self:
        check_device(device)
        return self

    def cpu(self) -> Self:
        return self

    def eval(self) -> Self:
        return self

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"nestvec's {type(self).__name__} has no {name!r}: it {self._does}, and does not train, save or give out "
            f"PyTorch's modules; `.model` is the nestvec.Model, with {self._model_has}"
        )

    def __repr__(self) -> str:
        return f"<nestvec.{type(self).__name__} {self.model.info.id}>"


def check_device(device: Any) -> None:
    devices = device if isinstance(device, (list, tuple)) else [device]
    for one in devices:
        if one is not None and str(one).partition(":")[0] != "cpu":
            raise InvalidArgumentError(f"device is {str(one)!r}; expected 'cpu'")


def settings_of(
    model: dict[str, Any] | None, tokenizer: dict[str, Any], config: dict[str, Any] | None
) -> dict[str, Any]:
    """Arguments for transformers as settings of Model.load."""
    settings: dict[str, Any] = {}
    for name, value in (model or {}).items():
        if name in ("torch_dtype", "dtype"):
            dtype = str(value).removeprefix("torch.")
            if dtype not in _PRECISIONS:
                raise InvalidArgumentError(f"model_kwargs[{name!r}] is {dtype}; expected {', '.join(_PRECISIONS)}")
            settings["precision"] = _PRECISIONS[dtype]
        elif name == "default_task":
            settings["default_task"] = value
        elif name == "device_map":
            check_device(None if value == "auto" else value)
        elif name not in _WITHOUT_EFFECT:
            raise _refused("model_kwargs", name)
    for name, value in tokenizer.items():
        if name != "model_max_length":
            raise _refused("tokenizer_kwargs", name)
        settings["max_tokens"] = value
    for name in config or {}:
        raise _refused("config_kwargs", name)
    return settings


def _refused(where: str, name: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{where}[{name!r}] is not supported; nestvec.Model.load has settings of its own")


def with_revision(name: str, revision: str | None) -> str:
    return name if revision is None or os.path.exists(name) else f"{name}@{revision}"


def find(
    name: str,
    organization: str,
    cache_folder: str | os.PathLike[str] | None,
    local: bool,
    token: str | bool | None,
) -> str:
    """The folder of a model, downloaded where that is allowed. A name without an owner is the organization's."""
    if not _hub.is_reference(name):
        return name
    if "/" not in name:
        name = f"{organization}/{name}"
    if cache_folder is None:
        with contextlib.suppress(NotFoundError):
            return _hub.find(name)
    return _hub.pull(name, token=token, cache_dir=cache_folder, local_files_only=local)
