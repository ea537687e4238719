# SPDX-License-Identifier: Apache-2.0
"""What `nestvec embed` says. A text has the same vector in whatever company, so clients must get the same floats."""

import functools
import json

import numpy

TEXTS = ["Hello, world!", "Zwei Zeilen\nsind genug.", "\u6f22\u5b57 and emoji \U0001f600", "a", " blank ends "]
OTHER_TASKS = ["retrieval.query", "retrieval.passage", "separation", "classification", "none"]


def embed(served, texts, *flags):
    return _embed(served, tuple(texts), *flags).copy()


@functools.cache
def _embed(served, texts, *flags):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    output = served.command.ok("embed", "-q", "--model", served.model, "--format", "jsonl", "--jsonl", *flags,
                               stdin=lines)
    return numpy.array([json.loads(line)["embedding"] for line in output.splitlines()], numpy.float32)


def token_ids(served, text):
    """Without special tokens."""
    answer = served.call("POST", "/tokenize", {"inputs": text, "add_special_tokens": False},
                         {"Authorization": f"Bearer {getattr(served, 'key', '')}"})
    return [token["id"] for token in answer.json()[0]]


def same(vectors, wanted):
    return numpy.array_equal(numpy.asarray(vectors, numpy.float32), wanted)
