# SPDX-License-Identifier: Apache-2.0
"""Runs the command as a user would, with a home and a cache of its own."""

import os
import pathlib
import subprocess

import pytest

from waiting import SECONDS

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "tests" / "models"
DATA = REPOSITORY / "tests" / "data"


class Command:
    """`nestvec` with its environment. Nothing of the caller's configuration reaches it."""

    def __init__(self, home):
        self.binary = os.environ.get("NESTVEC_BINARY")
        assert self.binary, "NESTVEC_BINARY is not set: the path of the command to test"
        self.home = home

    def environment(self, **extra):
        kept = {name: os.environ[name]
                for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS")
                if name in os.environ}
        return {**kept, "HOME": str(self.home), "NESTVEC_CACHE": str(self.home / "cache"), **extra}

    def __call__(self, *arguments, stdin=b"", env=None, timeout=SECONDS, **options):
        """Standard streams are bytes; `stdin` may also be str."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        return subprocess.run([self.binary, *map(os.fspath, arguments)], input=stdin,
                              env=self.environment(**(env or {})), capture_output=True,
                              timeout=timeout, **options)

    def start(self, *arguments, env=None, **options):
        return subprocess.Popen([self.binary, *map(os.fspath, arguments)],
                                env=self.environment(**(env or {})), **options)

    def ok(self, *arguments, **options):
        """Standard output as text, after a run that must succeed."""
        done = self(*arguments, **options)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def fails(self, code, *arguments, says=(), **options):
        """The one error line of a run that must fail with `code`."""
        done = self(*arguments, **options)
        text = done.stderr.decode()  # must be valid UTF-8
        assert done.returncode == code, (done.returncode, text)
        errors = [line for line in text.splitlines() if line.startswith("nestvec: error: ")]
        assert len(errors) == 1 and text.endswith(errors[0] + "\n"), text
        for part in ([says] if isinstance(says, str) else says):
            assert part in errors[0], errors[0]
        assert len(errors[0]) < 600, "an error must not hold a whole input"
        return errors[0]


@pytest.fixture(scope="session")
def nestvec(tmp_path_factory):
    return Command(tmp_path_factory.mktemp("home"))
