# SPDX-License-Identifier: Apache-2.0
"""What is sent: texts of so many tokens, and requests made of them."""

import math
import random

import client

# Words that are one token each in every vocabulary there is.
WORDS = ("the of and to in is that for it as was with be by on not he this are or his from at which but have an had "
         "they you were their").split()
SPECIAL_TOKENS = 2
LONGEST = 256  # what all-MiniLM-L6-v2 takes
BULK_TEXTS = 32
BULK_TOKENS = 100
BUDGET = 8192  # tokens of a run of the graph (runtime.max_batch_tokens)


def text(tokens: int, generator: random.Random) -> str:
    return " ".join(generator.choice(WORDS) for _ in range(max(1, tokens - SPECIAL_TOKENS)))


def short_texts(count: int) -> list[str]:
    """5 to 20 tokens."""
    generator = random.Random(1)
    return [text(generator.randint(5, 20), generator) for _ in range(count)]


def mixed_texts(count: int) -> list[str]:
    """4 tokens to the most that the model takes, log-normal with median 55 and sigma 1."""
    generator = random.Random(2)
    return [text(min(LONGEST, max(4, int(generator.lognormvariate(math.log(55), 1)))), generator)
            for _ in range(count)]


def bulk_texts(count: int, tokens: int = BULK_TOKENS) -> list[str]:
    generator = random.Random(3)
    return [text(tokens, generator) for _ in range(count)]


def embed(texts: list[str], key: str) -> client.Request:
    """As text-embeddings-inference's clients ask."""
    return client.post("/embed", {"inputs": texts if len(texts) > 1 else texts[0]}, len(texts), key)


def openai(texts: list[str], encoding: str, key: str) -> client.Request:
    """As the official Python client of OpenAI asks."""
    body = {"model": "any", "input": texts, "encoding_format": encoding}
    return client.post("/v1/embeddings", body, len(texts), key)


def single(texts: list[str], key: str) -> list[client.Request]:
    return [embed([one], key) for one in texts]


def requests_of(workload: str, key: str) -> list[client.Request]:
    if workload == "short":
        return single(short_texts(128), key)
    if workload == "mixed":
        return single(mixed_texts(256), key)
    texts = bulk_texts(8 * BULK_TEXTS)
    return [embed(texts[first:first + BULK_TEXTS], key) for first in range(0, len(texts), BULK_TEXTS)]
