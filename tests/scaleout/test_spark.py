# SPDX-License-Identifier: Apache-2.0
"""nestvec.spark in Spark's local mode."""

import contextlib
import os
import shutil
import signal
import sys
import threading

import pyarrow.parquet as pq
import pytest
import readme
from readme import documents  # noqa: F401 (a fixture)

if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
    pytest.skip("Spark needs Java, and this machine has none", allow_module_level=True)

from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import col  # noqa: E402

from nestvec.spark import embed_dataframe, embedding_udf  # noqa: E402
from processes import descendants  # noqa: E402
from waiting import wait_until  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Spark finds relative paths in the folder in which it was started, wherever Python is by then."""
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def spark(folder):
    """Two tasks at a time, each tried up to four times, as clusters do."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        session = start_spark()
    yield session
    session.stop()


def start_spark() -> SparkSession:
    return (SparkSession.builder.master("local[2,4]")
            .config("spark.ui.enabled", "false")
            # Queries run once here: they are not worth a compilation.
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", "25")
            .config("spark.sql.files.maxPartitionBytes", "8k")
            .config("spark.sql.files.openCostInBytes", "0")
               .getOrCreate())


def python_workers() -> list[int]:
    """Those that Spark's daemon has forked from itself."""
    python = {process.number: process for process in descendants()
              if b"pyspark.daemon" in process.command or b"pyspark/daemon" in process.command}
    return [number for number, process in python.items() if process.parent in python]


def test_readme(spark, model_folder, documents):  # noqa: F811
    """`getOrCreate` gives the session that there is."""
    exec(compile(readme.block("py").replace("path/to/model", model_folder), "README.md", "exec"), {})
    documents("spark-vectors")


def test_dataframe(spark, model_folder, corpus, is_embedded):
    df = embed_dataframe(spark.read.parquet(str(corpus)), "text", model=model_folder)
    assert df.schema["embedding"].dataType.simpleString() == "array<float>"
    is_embedded(df.toArrow())


def test_udf(spark, model_folder, model, corpus, table):
    embed = embedding_udf(model=model_folder, dimensions=8, load={"threads": 1})
    df = spark.read.parquet(str(corpus)).where(col("id") < 3).select("id", embed("text").alias("v"))
    found = {row.id: row.v for row in df.collect()}
    wanted = model.encode(table["text"].to_pylist()[:3], dimensions=8)
    assert found == {row: vector.tolist() for row, vector in enumerate(wanted)}


def test_worker_is_killed(spark, minilm_folder, corpus, is_embedded_by_minilm, tmp_path):
    killed = []

    def kill_one():
        # When the first task has committed, others are under way. Commits move folders meanwhile.
        with contextlib.suppress(OSError):
            if any((tmp_path / "out").rglob("part-*")) and (workers := python_workers()):
                os.kill(workers[0], signal.SIGKILL)
                killed.append(workers[0])
        return killed

    thread = threading.Thread(target=wait_until, args=(kill_one, "a task is done"))
    thread.start()
    df = embed_dataframe(spark.read.parquet(str(corpus)), "text", model=minilm_folder)
    assert df.rdd.getNumPartitions() > 4
    df.write.parquet(str(tmp_path / "out"))
    thread.join()
    assert killed
    is_embedded_by_minilm(pq.read_table(tmp_path / "out"))


@pytest.mark.parametrize("change, message", [
    ({"column": "body"}, "no column 'body'; it has id, text, tags"),
    ({"column": "id"}, "column 'id' is bigint, not string"),
    ({"output_column": "tags"}, "has a column 'tags' already"),
])
def test_refused(spark, model_folder, corpus, change, message):
    with pytest.raises(ValueError, match=message):
        embed_dataframe(spark.read.parquet(str(corpus)), model=model_folder, **change)
