# SPDX-License-Identifier: Apache-2.0
"""A local Ray cluster and Spark's Python workers, each process of them under watch: nothing leaves the machine, and nothing
is left on it but the output and what Ray and Spark keep in folders of their own."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile

import pyarrow.parquet as pq
import pytest

from watched import Watched


@pytest.fixture
def watch():
    """In a folder of a short name: Ray's sockets lie deep in it."""
    root = tempfile.mkdtemp(prefix="nv-", dir="/tmp")
    surroundings = Watched(root)
    patience = {name: value for name, value in os.environ.items()
                if name.startswith("RAY_") and name.endswith(("_ms", "_seconds", "_s", "_niceness"))}
    surroundings.environment |= patience | {"PYTHONPATH": os.environ["PYTHONPATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        yield surroundings
    finally:
        shutil.rmtree(root, ignore_errors=True)


def opened(calls, end):
    return any(path.endswith(end) for call in calls if call.name == "openat" for path in call.paths("/"))


def own_addresses():
    return tuple(subprocess.run(["hostname", "-I"], check=True, capture_output=True, text=True).stdout.split())


def test_ray_of_this_machine(watch, model_folder, corpus, table):
    watch.run(sys.executable, "-m", "nestvec.ray", "--model", model_folder, "--input", corpus / "*.parquet", "--output", "out",
              "--memory-per-actor", "1Gi", timeout=1200)
    assert len(pq.read_table(watch.work / "out")) == len(table)
    addresses = (*own_addresses(), "::")

    def exceptions(calls):
        """Whatever it is told, Ray's dashboard asks which cloud it runs in: a link-local address, and a name."""
        is_dashboard = opened(calls, "/ray/dashboard/dashboard.py")
        return {"addresses": (*addresses, "169.254.169.254"), "name_server": True} if is_dashboard else {}

    processes = watch.check(
        files=["home/.ray/auth_token", *(path for path in watch.files() if path.startswith(("tmp/ray/", "work/out/")))],
        exceptions=exceptions, writes=(watch.work / "out", watch.tmp, watch.home / ".ray", "/dev/shm", "/proc"), look_ups=True,
        families=("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"), addresses=addresses, ports=None, routes=True)
    assert sum(opened(calls, "/nestvec/libonnxruntime.so.1") for calls in processes) >= 2
    assert sum(bool(exceptions(calls)) for calls in processes) == 1


SPARK = """
import sys
from pyspark.sql import SparkSession
from nestvec.spark import embed_dataframe

spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate())
df = embed_dataframe(spark.read.parquet(sys.argv[2]), "text", model=sys.argv[1])
df.write.parquet("out")
spark.stop()
"""


def test_workers_of_spark(watch, model_folder, corpus, table):
    """Spark itself is the user's; its Python workers are started by a script that watches them."""
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java, and this machine has none")
    worker = watch.root / "python"
    worker.write_text(f"#!/bin/sh\nexec {shlex.join(watch.strace())} {shlex.quote(sys.executable)} \"$@\"\n")
    worker.chmod(0o755)
    subprocess.run([sys.executable, "-c", SPARK, model_folder, corpus], check=True, cwd=watch.work, timeout=1200,
                   env=watch.environment | {"PYSPARK_PYTHON": str(worker)})
    assert len(pq.read_table(watch.work / "out")) == len(table)
    processes = watch.check(files=["python", *(path for path in watch.files() if path.startswith("work/out/"))],
                            families=("AF_INET",), ports=None)
    assert any(opened(calls, "/nestvec/libonnxruntime.so.1") for calls in processes)
