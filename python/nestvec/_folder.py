# SPDX-License-Identifier: Apache-2.0
"""What the small files of a model's folder say that the library does not hand on."""

from __future__ import annotations

import json
import os
from typing import Any

from nestvec._errors import InvalidArgumentError


def similarity_fn_name(folder: str) -> Any:
    """As config_sentence_transformers.json has it; None where it names none."""
    about = _read(folder, "config_sentence_transformers.json")
    return about.get("similarity_fn_name") if isinstance(about, dict) else None


def leaves_prompt_out(folder: str) -> bool:
    """Whether the pooling has ``include_prompt: false``."""
    steps = _read(folder, "modules.json")
    places = [step.get("path") for step in steps if _is_pooling(step)] if isinstance(steps, list) else []
    config = _read(folder, os.path.join(*(places[-1:] or ["1_Pooling"]), "config.json"))
    return isinstance(config, dict) and config.get("include_prompt") is False


def names_activation(folder: str) -> bool:
    """Whether a file says what becomes of a classifier's outputs, in a form that sentence-transformers follows."""
    about = _read(folder, "config_sentence_transformers.json")
    config = _read(folder, "config.json")
    config = config if isinstance(config, dict) else {}
    inner = config.get("sentence_transformers")
    named = [
        about.get("activation_fn") if isinstance(about, dict) else None,
        inner.get("activation_fn") if isinstance(inner, dict) else None,
        config.get("sbert_ce_default_activation_function"),
    ]
    return any(str(name).startswith("torch.") for name in named)


def _is_pooling(step: Any) -> bool:
    return isinstance(step, dict) and str(step.get("type")).endswith(".Pooling") and isinstance(step.get("path"), str)


def _read(folder: str, name: str) -> Any:
    path = os.path.join(folder, name)
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InvalidArgumentError(f"{path}: not valid JSON: {error}") from error
