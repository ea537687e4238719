# SPDX-License-Identifier: Apache-2.0
"""Downloads from a Hugging Face hub, by the package huggingface_hub."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from nestvec import _core
from nestvec._errors import Error, InvalidArgumentError, make

_REFERENCE = re.compile(r"(?P<repo>[\w.-]{1,96}(?:/[\w.-]{1,96})?)(?:@(?P<revision>.+))?", re.ASCII)


def is_reference(name: str) -> bool:
    """Whether a model's name can be that of a repository, and no folder has it."""
    return _REFERENCE.fullmatch(name) is not None and not os.path.exists(name)


def find(name: str) -> str:
    """The folder of a model that is on this machine. Raises NotFoundError, with the way to fetch it."""
    return _core.locate(name)


def pull(
    repo: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    endpoint: str | None = None,
    local_files_only: bool = False,
) -> str:
    """Downloads what a model needs into the Hugging Face cache and returns its folder.

    ``repo`` is "OWNER/NAME[@REVISION]"; the files are those that ``nestvec pull`` chooses. ``token`` is for private
    and gated repositories (default: that of ``hf auth login``), ``cache_dir`` for another cache, ``endpoint`` for
    another hub; ``local_files_only`` looks into the cache alone. Needs huggingface_hub: ``pip install 'nestvec[hub]'``.
    Raises nestvec.Error.
    """
    found = _REFERENCE.fullmatch(repo)
    if found is None:
        raise InvalidArgumentError(f"{repo!r} is not the name of a repository; expected OWNER/NAME[@REVISION]")
    name, revision = found["repo"], revision or found["revision"]
    if "/" not in name:
        raise InvalidArgumentError(f"{name!r} has no owner; expected OWNER/NAME, such as sentence-transformers/{name}")
    if local_files_only:
        return _in_cache(name, revision, cache_dir)
    hub = _huggingface_hub()
    if hub.constants.HF_HUB_OFFLINE:
        return _in_cache(name, revision, cache_dir)
    about: dict[str, Any] = {"revision": revision, "token": token}
    try:
        info = hub.HfApi(endpoint=endpoint, token=token, library_name="nestvec").model_info(name, revision=revision)
        chosen = _core.select_files([file.rfilename for file in info.siblings or ()], name)
        patterns = [glob.escape(path) for path in chosen]
        return str(
            hub.snapshot_download(
                name, cache_dir=cache_dir, endpoint=endpoint, allow_patterns=patterns, library_name="nestvec", **about
            )
        )
    except Error:
        raise
    except Exception as error:  # its classes, and those of its HTTP client, differ from version to version
        raise _as_ours(error, name) from error


def _in_cache(name: str, revision: str | None, cache_dir: str | os.PathLike[str] | None) -> str:
    folder = _core.find_in_cache("" if cache_dir is None else os.fspath(cache_dir), name, revision or "")
    if not folder:
        raise make("NOT_FOUND", f"{name} is not in the Hugging Face cache, and nothing may be downloaded", None)
    return folder


def _huggingface_hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.constants
    except ModuleNotFoundError as missing:
        raise make(
            "FAILED_PRECONDITION",
            "downloads need huggingface_hub: pip install 'nestvec[hub]'; or fetch the model with nestvec pull",
            None,
        ) from missing
    return huggingface_hub


_CODES = {
    "GatedRepoError": "PERMISSION_DENIED",
    "RepositoryNotFoundError": "NOT_FOUND",
    "RevisionNotFoundError": "NOT_FOUND",
    "LocalEntryNotFoundError": "NOT_FOUND",
    "HFValidationError": "INVALID_ARGUMENT",
}


def _as_ours(error: Exception, repo: str) -> Error:
    codes = (_CODES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _CODES)
    first_line = str(error).strip().partition("\n")[0] or type(error).__name__
    return make(next(codes, "UNAVAILABLE"), f"cannot download {repo}: {first_line}", None)
