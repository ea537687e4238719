# SPDX-License-Identifier: Apache-2.0
"""Files of any file system that Arrow knows, whole or absent."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import pathlib
import re
import uuid
from typing import Iterator, Sequence

import pyarrow as pa
import pyarrow.fs as pafs

TEMPORARY = re.compile(r"\.nestvec-.*\.tmp")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def resolve(location: str | os.PathLike) -> tuple[pafs.FileSystem, str]:
    """A local path or a URI (s3://, gs://, hdfs://, file://) as a file system and a path in it."""
    location = os.fspath(location)
    if _SCHEME.match(location):
        return pafs.FileSystem.from_uri(location)
    return pafs.LocalFileSystem(), os.path.abspath(location)


def absolute(location: str | os.PathLike) -> str:
    """For workers, whose working directory is another."""
    location = os.fspath(location)
    return location if _SCHEME.match(location) else os.path.abspath(location)


def expand(patterns: Sequence[str], suffixes: tuple[str, ...]) -> tuple[pafs.FileSystem, list[str]]:
    """The files that paths, folders and globs name, each once: in the order of the patterns, sorted
    within one. All lie on one file system. Raises FileNotFoundError for a pattern without files.
    """
    filesystem, paths = None, {}
    for pattern in patterns:
        found_on, path = resolve(pattern)
        if filesystem is not None and not filesystem.equals(found_on):
            raise ValueError(f"{pattern} lies on another file system than {patterns[0]}; use one")
        filesystem = found_on
        matches = sorted(_matches(filesystem, path, suffixes))
        if not matches:
            raise FileNotFoundError(f"{pattern}: no such file (of {', '.join(suffixes)})")
        paths.update(dict.fromkeys(matches))
    if filesystem is None:
        raise ValueError("no input is named")
    return filesystem, list(paths)


def _matches(filesystem: pafs.FileSystem, path: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    wild = re.search(r"[*?\[]", path)
    if not wild:
        info = filesystem.get_file_info(path)
        if info.type == pafs.FileType.File:
            yield path
        elif info.type == pafs.FileType.Directory:
            for entry in _files_under(filesystem, path):
                hidden = entry.path[len(path):].split("/")
                if entry.path.endswith(suffixes) and not any(n.startswith(("_", ".")) for n in hidden):
                    yield entry.path
        return
    base = path[: wild.start()].rpartition("/")[0] or "/"
    pattern = path[len(base):].strip("/").split("/")
    for entry in _files_under(filesystem, base, recursive=len(pattern) > 1):
        if _fits(entry.path[len(base):].strip("/").split("/"), pattern):
            yield entry.path


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """As in a shell: a star stays within one part of a path, ** does not."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[skip:], pattern[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _files_under(filesystem: pafs.FileSystem, base: str, recursive: bool = True) -> Iterator[pafs.FileInfo]:
    for info in filesystem.get_file_info(pafs.FileSelector(base, allow_not_found=True, recursive=recursive)):
        if info.type == pafs.FileType.File:
            yield info


def put(filesystem: pafs.FileSystem, path: str, content: pa.Buffer | bytes) -> None:
    """Writes a file that is whole or absent and replaces an older one."""
    if isinstance(filesystem, pafs.LocalFileSystem):
        with replaced(path) as temporary, open(temporary, "wb") as file:
            file.write(content)
        return
    # An object store shows an object when its upload is complete; one call, so that an exception
    # cannot complete half of it.
    with filesystem.open_output_stream(path) as file:
        file.write(content)


@contextlib.contextmanager
def replaced(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A temporary local file that takes the name `path`, synced to disk, when the block succeeds."""
    path = pathlib.Path(path)
    temporary = path.with_name(f".nestvec-{path.name}-{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
