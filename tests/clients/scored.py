# SPDX-License-Identifier: Apache-2.0
"""A query with documents, and the scores that transformers computes for them."""

import gzip
import json

import pytest

from command import REPOSITORY

MODEL = "xlmr-reranker-tiny"
NEAR = 2e-5


def query_with_documents():
    """A query, documents, and the sigmoid of each."""
    with gzip.open(REPOSITORY / "tests" / "data" / "rerank" / f"{MODEL}.jsonl.gz", "rt") as lines:
        rows = [row for row in map(json.loads, lines)
                if row["first"] == "a" and row["second"] and not {"max_tokens", "truncated"} & set(row)]
    assert len(rows) > 3
    return "a", [row["second"] for row in rows], [row["sigmoid"][0] for row in rows]


def agree(found, scores):
    """`found` are (index, score), best first."""
    assert sorted(index for index, _ in found) == sorted({index for index, _ in found})
    for index, score in found:
        assert score == pytest.approx(scores[index], abs=NEAR)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
