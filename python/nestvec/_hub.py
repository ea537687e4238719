# SPDX-License-Identifier: Apache-2.0
"""Downloads from a Hugging Face hub, by the command ``nestvec pull`` that the package brings."""

from __future__ import annotations

import errno
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

from nestvec import _core
from nestvec._bar import is_watched
from nestvec._errors import Error, InvalidArgumentError, make
from nestvec_command import find_program

_log = logging.getLogger("nestvec")

_REFERENCE = re.compile(r"(?P<repo>[\w.-]{1,96}(?:/[\w.-]{1,96})?)(?:@(?P<revision>.+))?", re.ASCII)
_ABSENT = re.compile(r"model .* fetch (?:it|the rest) with: nestvec pull (\S+)")
_ERROR = b"nestvec: error: "
_CLEARED = b"\x1b[K"  # by this the command removes its bar
# By the exit codes of the command (docs/commands.md).
_CODES = {
    1: "FAILED_PRECONDITION",
    2: "INVALID_ARGUMENT",
    3: "NOT_FOUND",
    4: "DATA_LOSS",
    5: "RESOURCE_EXHAUSTED",
    6: "UNAVAILABLE",
    7: "PERMISSION_DENIED",
    130: "CANCELLED",
}


def is_reference(name: str) -> bool:
    """Whether a model's name can be that of a repository, and no folder has it."""
    return _REFERENCE.fullmatch(name) is not None and not os.path.exists(name)


def missing_repository(error: Error) -> str | None:
    """The repository, as ``pull`` takes it, that a load did not find on this machine."""
    absent = _ABSENT.fullmatch(str(error))
    return absent[1] if absent else None


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
    show_progress_bar: bool | None = None,
) -> str:
    """Downloads what a model needs into the Hugging Face cache and returns its folder.

    ``repo`` is "OWNER/NAME[@REVISION]"; the files are those that ``nestvec pull`` chooses, and an interrupted download
    resumes. ``token`` is for private and gated repositories (default: ``$HF_TOKEN``, then that of ``hf auth login``;
    False: none), ``cache_dir`` for another cache, ``endpoint`` for another hub (default: ``$HF_ENDPOINT``);
    ``local_files_only`` looks into the cache alone, and so does ``$HF_HUB_OFFLINE``. ``show_progress_bar`` sets
    whether progress is shown; by default it is, on a terminal or in a notebook. Nothing is asked. Raises
    nestvec.Error.
    """
    found = _REFERENCE.fullmatch(repo)
    if found is None:
        raise InvalidArgumentError(f"{repo!r} is not the name of a repository; expected OWNER/NAME[@REVISION]")
    name, revision = found["repo"], revision or found["revision"]
    if "/" not in name:
        raise InvalidArgumentError(f"{name!r} has no owner; expected OWNER/NAME, such as sentence-transformers/{name}")
    if local_files_only or _is_offline():
        return _in_cache(name, revision, cache_dir)
    arguments = ["pull", "--yes", f"{name}@{revision}" if revision else name]
    if endpoint is not None:
        arguments += ["--endpoint", endpoint]
    shown = is_watched() if show_progress_bar is None else show_progress_bar
    return _run(arguments, _environment(token, cache_dir), shown)


def _is_offline() -> bool:
    """As huggingface_hub reads its variables."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


def _in_cache(name: str, revision: str | None, cache_dir: str | os.PathLike[str] | None) -> str:
    folder = _core.find_in_cache("" if cache_dir is None else os.fspath(cache_dir), name, revision or "")
    if not folder:
        raise make(
            "NOT_FOUND",
            f"{name} is not in the Hugging Face cache, and nothing may be downloaded (HF_HUB_OFFLINE, or "
            "local_files_only=True)",
            None,
        )
    return folder


def _environment(token: str | bool | None, cache_dir: str | os.PathLike[str] | None) -> dict[str, str]:
    environment = dict(os.environ)
    if isinstance(token, str):  # not as an argument, which everybody on the machine can read
        environment["HF_TOKEN"] = token
    elif token is False:
        environment.update(HF_TOKEN="", HUGGING_FACE_HUB_TOKEN="", HF_TOKEN_PATH=os.devnull)
    if cache_dir is not None:
        environment["HF_HUB_CACHE"] = os.path.abspath(cache_dir)
    return environment


def _run(arguments: list[str], environment: dict[str, str], shown: bool) -> str:
    """The folder that the command prints."""
    program = find_program()
    if program is None:
        raise make("FAILED_PRECONDITION", "the program that downloads is not in this package; install the wheel", None)
    # On a terminal the command draws a bar, elsewhere it says which files are done.
    on_terminal = shown and sys.stderr is not None and sys.stderr.isatty()
    read_end, write_end = pty.openpty() if on_terminal else os.pipe()
    try:
        process = subprocess.Popen(
            [program, *arguments],
            env={**environment, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=write_end,
        )
    except OSError as error:
        os.close(read_end)
        raise make("FAILED_PRECONDITION", f"cannot run {program}: {error.strerror}", None) from error
    finally:
        os.close(write_end)
    with process:
        try:
            complaint = _show(_pieces(read_end, on_terminal), shown)
            folder = process.stdout.read() if process.stdout else b""
        except BaseException:
            process.send_signal(signal.SIGINT)  # what has come is kept for the next time
            raise
        finally:
            os.close(read_end)
    if process.returncode == 0:
        return os.fsdecode(folder.rstrip(b"\n"))
    code = _CODES.get(process.returncode, "UNKNOWN")
    raise make(code, complaint or f"nestvec pull ended with the code {process.returncode}", None)


def _show(pieces: Iterator[bytes], shown: bool) -> str:
    """Shows or logs what the command says; its error comes back, without the mark before it."""
    complaint = ""
    for piece in pieces:
        before, cleared, text = piece.rpartition(_CLEARED)
        if text.startswith(_ERROR):
            complaint = text[len(_ERROR):].decode(errors="replace").strip()
            piece = before + cleared
        if shown and sys.stderr is not None:
            sys.stderr.write(piece.decode(errors="replace"))
            sys.stderr.flush()
        elif line := piece.decode(errors="replace").strip():
            _log.log(logging.WARNING if line.startswith("note: ") else logging.INFO, "%s", line)
    return complaint


def _pieces(fd: int, unfinished: bool) -> Iterator[bytes]:
    """Lines, and with ``unfinished`` what is a bar until it is cleared; but the error always as a line."""
    rest = b""
    while read := _read(fd):
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            yield line + b"\n"
        text = rest.rpartition(_CLEARED)[2]
        if unfinished and not _ERROR.startswith(text[: len(_ERROR)]):
            yield rest
            rest = b""
    if rest:
        yield rest


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError as error:
        if error.errno != errno.EIO:  # how the end of a terminal is told
            raise
        return b""
