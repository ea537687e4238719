# SPDX-License-Identifier: Apache-2.0
"""The library's errors as Python exceptions."""

from __future__ import annotations


class Error(Exception):
    """An error of the library, with a one-line message.

    ``code`` is the canonical name ("INVALID_ARGUMENT", "NOT_FOUND", ...), ``text`` the index of the text at
    fault where it is one.
    """

    code: str = "UNKNOWN"
    text: int | None = None


class InvalidArgumentError(Error, ValueError):
    """An argument, a setting or a file of the model is wrong."""


class NotFoundError(Error, FileNotFoundError):
    """No such model, file or folder."""


class ResourceExhaustedError(Error, MemoryError):
    """The memory plan of the model is over its budget, or something is larger than allowed."""


class DataLossError(Error):
    """A file is corrupt."""


class FailedPreconditionError(Error, RuntimeError):
    """The call is not possible in this state, such as in a fork of the process that loaded the model."""


class PermissionDeniedError(Error, PermissionError):
    """A file may not be read, or the hub shows a repository only to those with a token."""


class UnavailableError(Error, ConnectionError):
    """The hub cannot be reached or does not answer."""


class TruncationWarning(UserWarning):
    """Texts had more tokens than the model takes and lost some."""


_CLASSES: dict[str, type[Error]] = {
    "INVALID_ARGUMENT": InvalidArgumentError,
    "OUT_OF_RANGE": InvalidArgumentError,
    "NOT_FOUND": NotFoundError,
    "RESOURCE_EXHAUSTED": ResourceExhaustedError,
    "DATA_LOSS": DataLossError,
    "FAILED_PRECONDITION": FailedPreconditionError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "UNAUTHENTICATED": PermissionDeniedError,
    "UNAVAILABLE": UnavailableError,
}


def make(code: str, message: str, text: int | None) -> Error:
    """The exception for an error of the library; called by ``_core``."""
    error = _CLASSES.get(code, Error)(message)
    error.code = code
    error.text = text
    return error
