# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL with pgvector for a test: the system's packages if they have it (Debian 13), else the wheel pgserver."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest


def programs_of_the_system(root="/"):
    """The folder of the newest version that has the extension; None where no package brings it."""
    found = pathlib.Path(root, "usr/share/postgresql").glob("*/extension/vector.control")
    versions = sorted((int(path.parts[-3]) for path in found if path.parts[-3].isdigit()), reverse=True)
    return pathlib.Path(root, f"usr/lib/postgresql/{versions[0]}/bin") if versions else None


@contextlib.contextmanager
def cluster(programs):
    """The address of a database in a folder of its own, reached by a socket in it. root runs it as `postgres`."""
    options = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="nestvec-postgres-"))
    try:
        if options:
            shutil.chown(folder, "postgres", "postgres")

        def run(program, *arguments):
            subprocess.run([programs / program, "-D", folder / "data", *arguments], check=True, cwd=folder,
                           stdout=subprocess.DEVNULL, timeout=120, **options)
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C")
        run("pg_ctl", "-w", "-l", folder / "log", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "start")
        try:
            yield f"postgresql:///postgres?host={folder}&user=postgres"
        finally:
            run("pg_ctl", "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def database(folder):
    if programs := programs_of_the_system():
        with cluster(programs) as address:
            yield address
        return
    pgserver = pytest.importorskip("pgserver", reason="PostgreSQL with pgvector: make test-examples installs it")
    with pgserver.get_server(folder) as postgres:
        yield postgres.get_uri()
