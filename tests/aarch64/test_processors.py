# SPDX-License-Identifier: Apache-2.0
"""The command on processors of aarch64, beside this machine's own: which kernels each chooses, and that a compiled
folder means the same vectors on both architectures.

NESTVEC_BINARY is the command for aarch64 (it runs emulated as the processor that NESTVEC_EMULATED_CPU names),
NESTVEC_NATIVE_BINARY that of this machine."""

import hashlib
import json
import os

import numpy
import pytest

from command import MODELS, Command

V3 = MODELS / "v3-tiny"
TEXTS = ["A text.", "Another one, which is a little longer.", "x" * 400 + " and more of it", "third"]
# As tests/model/engine_proofs_test.cc has them between the instruction sets of one machine.
TOLERANCE = {"fp32": 1e-6, "bf16": 5e-3, "int8": 5e-3}
# What the processor has, and what its kernels are.
PROCESSORS = {"cortex-a72": "neon", "neoverse-n1": "neon_dotprod", "max": "neon_bf16"}
LEVELS = ["generic", "neon", "neon_dotprod", "neon_i8mm", "neon_bf16"]


@pytest.fixture(scope="session")
def arm(tmp_path_factory):
    return Command(tmp_path_factory.mktemp("arm"))


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    command = Command(tmp_path_factory.mktemp("native"))
    command.binary = os.environ["NESTVEC_NATIVE_BINARY"]
    return command


@pytest.fixture(scope="session", params=TOLERANCE)
def compiled(request, arm, native, tmp_path_factory):
    """The precision, and the folder that each architecture has compiled in it."""
    folder = tmp_path_factory.mktemp("compiled")
    for name, command in (("arm", arm), ("native", native)):
        command.ok("compile", "-q", V3, "-o", folder / name, "--precision", request.param)
    return request.param, folder


def vectors(command, model, **env):
    out = command.ok("embed", "-q", "--model", model, "--format", "jsonl", *TEXTS, env=env)
    return numpy.array([json.loads(line)["embedding"] for line in out.splitlines()])


def level(command, **env):
    return json.loads(command.ok("info", "--json", "--model", V3, env=env))["isa"]


def contents(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def test_both_architectures_compile_to_the_same_bytes(compiled):
    _, folder = compiled
    files = contents(folder / "arm")
    assert len(files) >= 3 and files == contents(folder / "native")


def test_each_runs_what_the_other_compiled(compiled, arm, native):
    precision, folder = compiled
    expected = vectors(native, folder / "native")
    assert (vectors(native, folder / "arm") == expected).all()
    ran = vectors(arm, folder / "native")
    assert (vectors(arm, folder / "arm") == ran).all()
    assert numpy.abs(ran - expected).max() < TOLERANCE[precision]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_processor_gets_the_best_kernels_that_it_has(processor, compiled, arm, native):
    precision, folder = compiled
    assert level(arm, NESTVEC_EMULATED_CPU=processor) == PROCESSORS[processor]
    ran = vectors(arm, folder / "native", NESTVEC_EMULATED_CPU=processor)
    assert numpy.abs(ran - vectors(native, folder / "native")).max() < TOLERANCE[precision]


@pytest.mark.parametrize("limit", LEVELS)
def test_the_limit_lowers_the_level(limit, compiled, arm, native):
    precision, folder = compiled
    assert level(arm, NESTVEC_MAX_ISA=limit) == limit
    ran = vectors(arm, folder / "native", NESTVEC_MAX_ISA=limit)
    assert numpy.abs(ran - vectors(native, folder / "native")).max() < TOLERANCE[precision]


def test_a_limit_is_not_a_promise(arm):
    assert level(arm, NESTVEC_MAX_ISA="neon_bf16", NESTVEC_EMULATED_CPU="cortex-a72") == "neon"
    arm.fails(2, "info", "--model", V3, says=["unknown instruction set", *LEVELS], env={"NESTVEC_MAX_ISA": "avx2"})
