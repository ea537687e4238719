# SPDX-License-Identifier: Apache-2.0
"""schemathesis: the server does what its /openapi.json says, for requests that obey it and for those that do not.

All of its checks: no 5xx, documented status codes, content types, headers and bodies, refusal of what the description
forbids, acceptance of what it allows, API keys asked for where it says so. NESTVEC_SCHEMATHESIS_EXAMPLES is how many
requests are drawn for each route, beside those that enumerate the description.
"""

import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
RANKING = "^/(rerank|predict|score|v1/rerank|v2/rerank|v1/score|info|v1/models)$"
EXAMPLES = os.environ.get("NESTVEC_SCHEMATHESIS_EXAMPLES", "5")


def test_openapi_is_true(server, tmp_path):
    assert tested_by_schemathesis(server, tmp_path) > 25


def test_openapi_is_true_of_a_reranker(reranker, tmp_path):
    assert tested_by_schemathesis(reranker, tmp_path, "--include-path-regex", RANKING) == 8


def tested_by_schemathesis(server, tmp_path, *flags):
    """How many operations."""
    command = pathlib.Path(sys.executable).with_name("schemathesis")
    run = [command, "--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json",
           "--url", server.url, "--header", f"Authorization: Bearer {server.key}", "--checks", "all", "--mode", "all",
           "--max-examples", EXAMPLES, "--generation-deterministic", "--continue-on-failure",
           *flags, "--request-timeout", "300", "--max-response-time", "300", "--suppress-health-check", "all", "--no-color"]
    done = subprocess.run(run, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(HERE)}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=3000)
    print(done.stdout)
    assert server.process.poll() is None, f"the server ended with {server.process.poll()}: {server.log[-2000:]}"
    assert done.returncode == 0
    tested = re.search(r"Tested: (\d+)", done.stdout)
    return int(tested[1])
