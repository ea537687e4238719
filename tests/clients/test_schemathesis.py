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
RANKING = "^/(rerank|predict|score|v1/rerank|v2/rerank|v1/score|classify|v1/classify|info|v1/models)$"
LABELS = "^/(predict|classify|v1/classify|info|v1/models)$"
SPARSE = "^/(embed_sparse|v1/embeddings|v1/multi-vector|v1/embed|v2/embed|info|v1/models)$"
OF_KINDS = "^/(rerank|v1/rerank|predict|classify|score|embed_sparse|v1/multi-vector|v1/embeddings|v2/embed)$"
EXAMPLES = os.environ.get("NESTVEC_SCHEMATHESIS_EXAMPLES", "5")


def test_openapi_is_true(server, tmp_path):
    assert tested_by_schemathesis(server, tmp_path) > 25


def test_openapi_is_true_of_a_reranker(reranker, tmp_path):
    assert tested_by_schemathesis(reranker, tmp_path, "--include-path-regex", RANKING) == 10


def test_openapi_is_true_of_a_classifier(classifier, tmp_path):
    assert tested_by_schemathesis(classifier, tmp_path, "--include-path-regex", LABELS) == 5


def test_openapi_is_true_of_sparse_and_token_vectors(sparse, tmp_path):
    assert tested_by_schemathesis(sparse, tmp_path, "--include-path-regex", SPARSE) == 7


def test_changes_of_models(many, tmp_path):
    """With server.admin: what is there no model of is 404, what cannot be changed 422."""
    assert tested_by_schemathesis(many, tmp_path, "--include-path", "/admin/models") == 1
    listed = many.call("GET", "/v1/models", headers={"Authorization": f"Bearer {many.key}"}).json()["data"]
    assert len({entry["id"].partition(":")[0] for entry in listed}) == 5, "no request has loaded or unloaded one"


def test_openapi_is_true_of_many_models(many, tmp_path):
    """Each operation has a model that does it. Every second request keeps the name that is drawn, of a model that is not there."""
    assert tested_by_schemathesis(many, tmp_path, "--include-path-regex", OF_KINDS, NESTVEC_MODELS="many") == 9


def tested_by_schemathesis(server, tmp_path, *flags, **environment):
    """How many operations."""
    command = pathlib.Path(sys.executable).with_name("schemathesis")
    run = [command, "--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json",
           "--url", server.url, "--header", f"Authorization: Bearer {server.key}", "--checks", "all", "--mode", "all",
           "--max-examples", EXAMPLES, "--generation-deterministic", "--continue-on-failure",
           *flags, "--request-timeout", "300", "--max-response-time", "300", "--suppress-health-check", "all", "--no-color"]
    done = subprocess.run(run, cwd=tmp_path, env={**os.environ, **environment, "PYTHONPATH": str(HERE)}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=3000)
    print(done.stdout)
    assert server.process.poll() is None, f"the server ended with {server.process.poll()}: {server.log[-2000:]}"
    assert done.returncode == 0
    tested = re.search(r"Tested: (\d+)", done.stdout)
    return int(tested[1])
