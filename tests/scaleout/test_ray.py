# SPDX-License-Identifier: Apache-2.0
"""nestvec.ray on a cluster of several nodes, whose actors, nodes and drivers die."""

import os
import pathlib
import re
import runpy
import subprocess
import sys

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
import ray
import readme
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from ray_cluster import Command, RayCluster, actors, kill_process
from readme import documents, folder  # noqa: F401 (fixtures)
from watched import Watched, why_not

import nestvec.ray._run
from nestvec import _partitions
from nestvec._job import Job
from nestvec.ray._engine import Share

PARTITION_ROWS = 5
PARTITIONS = 50 + 21 + 50  # of 250, 101 and 249 rows


@pytest.fixture(scope="module")
def cluster():
    with_nodes = RayCluster(nodes=2)
    ray.init(address=with_nodes.address, log_to_driver=False)
    yield with_nodes
    with_nodes.shutdown()


@pytest.fixture
def arguments(model_folder, corpus, tmp_path):
    return ["--model", model_folder, "--input", corpus / "*.parquet", "--output", tmp_path / "out",
            "--partition-rows", PARTITION_ROWS, "--memory-per-actor", "1Gi"]


@pytest.fixture
def long_run(arguments, minilm_folder):
    """Arguments of a run that lasts until something has been killed."""
    return [*arguments, "--model", minilm_folder]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def main(cluster, monkeypatch, capsys):
    """`python -m nestvec.ray` in this process, which is connected to the cluster already, where it must fail: its one
    line of error."""
    # Without an address Ray takes that of RAY_ADDRESS, and else starts a cluster of this machine.
    monkeypatch.setattr(ray, "init", lambda address, log_to_driver: address is None or pytest.fail(address))

    def run(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["nestvec.ray", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("nestvec.ray", run_name="__main__")
        assert ended.value.code == 1
        return error_line(capsys.readouterr().err)

    return run


def error_line(text):
    (line,) = [line for line in text.splitlines() if line.startswith("nestvec.ray: ")]  # the others are Ray's
    return line


def parts(output: pathlib.Path) -> dict[str, tuple[int, int]]:
    """The finished partitions, and what changes when one is written again."""
    found = {}
    for path in output.glob("part-*.parquet"):
        status = path.stat()
        found[path.name] = (status.st_ino, status.st_mtime_ns)
    return found


def begin(cluster, arguments, output) -> Command:
    """A run that has finished some partitions, and not all."""
    command = Command(cluster, *arguments)
    command.wait_for(lambda: len(parts(output)) >= 4, "the first partitions")
    assert len(parts(output)) < PARTITIONS
    return command


def check(command: Command, output: pathlib.Path, table, is_embedded) -> None:
    code, out, err = command.finish()
    assert code == 0, err
    assert f"600 rows in {output}" in out.splitlines()  # among Ray's messages, before and behind
    assert len(parts(output)) == PARTITIONS
    assert (output / "_SUCCESS").exists()
    found = pq.read_table(output)
    assert found["id"].to_pylist() == table["id"].to_pylist()  # names follow the order of the rows
    is_embedded(found)


def test_readme(cluster, model_folder, documents):  # noqa: F811
    environment = dict(os.environ, MODEL=model_folder, RAY_ADDRESS=cluster.address,
                       PATH=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", readme.block("bash")], env=environment, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0, run.stdout
    documents("vectors.parquet", "vectors")


def test_dataset(cluster, model_folder, corpus, is_embedded):
    ds = ray.data.read_parquet(str(corpus))
    ds = nestvec.ray.embed_dataset(ds, "text", model=model_folder, batch_size=64)
    found = pa.concat_tables(ray.get(ds.to_arrow_refs()))
    assert pa.types.is_fixed_size_list(found.schema.field("embedding").type)
    is_embedded(found)


def test_an_actor_and_a_node_are_killed(cluster, long_run, output, table, is_embedded_by_minilm):
    cluster.add_node()
    command = begin(cluster, long_run, output)
    before = parts(output)
    kill_process(actors("_Writer")[0])
    command.wait_for(lambda: len(parts(output)) >= len(before) + 4, "partitions after the death of an actor")
    assert len(parts(output)) < PARTITIONS
    before = before | parts(output)
    cluster.kill_last_node()
    check(command, output, table, is_embedded_by_minilm)
    assert before.items() <= parts(output).items()


def test_node_of_a_dataset_is_killed(cluster, minilm_folder, table, is_embedded_by_minilm):
    cluster.add_node()
    ds = ray.data.from_arrow([table.slice(first, 20) for first in range(0, len(table), 20)])
    ds = nestvec.ray.embed_dataset(ds, "text", model=minilm_folder, batch_size=20, concurrency=3)
    found = []
    for block in ds.iter_batches(batch_size=20, batch_format="pyarrow", prefetch_batches=0):
        if not found:
            cluster.kill_last_node()
        found.append(block)
    assert len(found) > 1
    is_embedded_by_minilm(pa.concat_tables(found))


def test_driver_is_killed(cluster, main, long_run, output, table, is_embedded_by_minilm):
    begin(cluster, long_run, output).kill()
    before = parts(output)
    assert 0 < len(before) < PARTITIONS
    assert "continue it with --resume" in main(*long_run)
    assert "encode.dimensions was null, is 64" in main(*long_run, "--resume", "--dimensions", "64")
    check(Command(cluster, *long_run, "--resume"), output, table, is_embedded_by_minilm)
    assert before.items() <= parts(output).items()


def test_actors_of_a_node_share_the_weights(cluster, minilm_folder):
    """A page that several processes have read is accounted to each in part (Pss)."""

    class Engine:
        def __init__(self):
            self._model = nestvec.Model.load(minilm_folder, threads=1)
            self._model.encode(["a text"])

        def mapped(self):
            """Bytes of the mapped weights."""
            sums = dict.fromkeys(("Rss", "Pss", "Private_Dirty"), 0)
            inside = False
            for line in pathlib.Path("/proc/self/smaps").read_text().splitlines():
                if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                    inside = "nestvec" in line and ".so" not in line
                name, _, value = line.partition(":")
                if inside and name in sums:
                    sums[name] += int(value.split()[0]) << 10
            return sums

    node = NodeAffinitySchedulingStrategy(cluster.nodes[0].node_id, soft=False)
    actor = ray.remote(Engine).options(num_cpus=0.5, scheduling_strategy=node)
    engines = [actor.remote(), actor.remote()]
    ray.get([engine.mapped.remote() for engine in engines])
    for sums in ray.get([engine.mapped.remote() for engine in engines]):
        assert sums["Rss"] > 10 << 20
        assert sums["Pss"] < 0.6 * sums["Rss"]
        assert sums["Private_Dirty"] == 0


def test_a_node_with_another_model_ends_the_run(cluster, model_folder, corpus, output):
    job = Job(model_folder)
    local = pafs.LocalFileSystem()
    inputs = _partitions.plan_inputs(local, [str(corpus / "1.parquet")], job)
    run = _partitions.Run(job, local, str(output), "a run", batch_rows=50)
    expected = {"files": "of the node that was asked first", "precision": "fp32"}
    with pytest.raises(Exception, match="differs from that of the node that was asked first"):
        nestvec.ray._run._embed(run, expected, _partitions.cut(inputs, 50), Share(), concurrency=1)
    assert not output.exists()


PROMETHEUS = 9090  # whom Ray Data asks when it collects what it would report


@pytest.mark.parametrize("chosen, asks", [({}, False), ({"RAY_USAGE_STATS_ENABLED": "1"}, True)], ids=["unset", "set"])
def test_usage_is_collected_only_if_the_user_wants_it(cluster, arguments, corpus, tmp_path, chosen, asks):
    """On a cluster that is there already, where `ray.init` decides nothing."""
    if why_not():
        pytest.skip(why_not())
    watch = Watched(tmp_path / "watched")
    watch.environment |= {name: value for name, value in os.environ.items() if name.startswith(("RAY_", "PYTHON"))}
    watch.environment.pop("RAY_USAGE_STATS_ENABLED")
    watch.environment |= {"HOME": os.environ["HOME"], **chosen}
    watch.run(sys.executable, "-m", "nestvec.ray", "--address", cluster.address, *map(str, arguments),
              "--input", str(corpus / "1.parquet"), "--partition-rows", "300", timeout=600)
    ports = {port for call in watch.calls() if call.name == "connect" for _, port in call.addresses()}
    assert ports and (PROMETHEUS in ports) == asks


def test_telemetry_is_off_in_workers(cluster):
    def switch():
        import ctypes

        import nestvec  # noqa: F401

        getenv = ctypes.CDLL(None).getenv
        getenv.restype = ctypes.c_char_p
        return getenv(b"ORT_DISABLE_TELEMETRY")

    quiet = ray.remote(switch).options(num_cpus=0.1, runtime_env={"env_vars": {"ORT_DISABLE_TELEMETRY": ""}})
    assert ray.get(quiet.remote()) == b"1"


def test_errors_are_one_line_and_leave_nothing(main, arguments, minilm_folder, output):
    assert "/no/such/model" in main(*arguments, "--model", "/no/such/model")
    assert "no column 'body'" in main(*arguments, "--column", "body")
    assert "cpu_memory" in main(*arguments, "--model", minilm_folder, "--memory-per-actor", "270Mi")
    assert not output.exists()
