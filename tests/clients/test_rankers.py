# SPDX-License-Identifier: Apache-2.0
"""Rankers of LangChain and Haystack, unmodified, made as docs/integrations.md makes them. Scores are those of transformers.

They have an environment of their own: requirements-rankers.txt.
"""

import os
import re

import pytest

os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")

from haystack import Document  # noqa: E402
from langchain_core.documents import Document as LangchainDocument  # noqa: E402

from command import REPOSITORY  # noqa: E402
from scored import MODEL, agree, query_with_documents  # noqa: E402


@pytest.fixture(scope="module")
def golden():
    return query_with_documents()


@pytest.fixture(scope="module")
def recipe():
    """The code of the section "Rerankers"."""
    section = (REPOSITORY / "docs/integrations.md").read_text().split("\n## Rerankers\n")[1].split("\n## ")[0]
    [code] = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return code


@pytest.fixture(scope="module")
def made(reranker, recipe):
    """What the recipe makes, for the server and the key of the tests."""
    names = {}
    code = recipe.replace("http://nestvec:8080", reranker.url).replace('"none"', f'"{reranker.key}"')
    exec(code.replace("bge-reranker-v2-m3", MODEL), names)
    return names


def test_langchain_cohere(made, golden):
    query, documents, scores = golden
    compressor = made["compressor"]
    found = compressor.rerank(documents, query)
    assert len(found) == 3, "top_n"
    agree([(each["index"], each["relevance_score"]) for each in found], scores)
    assert found[0]["relevance_score"] == pytest.approx(max(scores), abs=2e-5)
    every = compressor.rerank(documents, query, top_n=None, max_tokens_per_doc=100)
    assert len(every) == len(documents)
    kept = compressor.compress_documents([LangchainDocument(page_content=text) for text in documents], query)
    assert [each.page_content for each in kept] == [documents[each["index"]] for each in found]
    assert [each.metadata["relevance_score"] for each in kept] == [each["relevance_score"] for each in found]


@pytest.mark.parametrize("name", ["cohere_ranker", "jina_ranker", "tei_ranker", "vllm_ranker"])
def test_haystack(made, golden, name):
    query, documents, scores = golden
    given = [Document(id=str(i), content=text) for i, text in enumerate(documents)]
    ranked = made[name].run(query=query, documents=given, top_k=len(given))["documents"]
    assert len(ranked) == len(documents)
    agree([(int(each.id), each.score) for each in ranked], scores)
    assert [each.content for each in ranked] == [documents[int(each.id)] for each in ranked]
    best = made[name].run(query=query, documents=given, top_k=2)["documents"]
    assert [each.id for each in best] == [each.id for each in ranked[:2]]


def test_a_wrong_key_is_told(reranker, recipe, golden):
    query, documents, _ = golden
    names = {}
    code = recipe.replace("http://nestvec:8080", reranker.url).replace('"none"', '"wrong"')
    exec(code.replace("bge-reranker-v2-m3", MODEL), names)
    given = [Document(content=text) for text in documents[:2]]
    for name in ("compressor", "cohere_ranker", "jina_ranker", "tei_ranker", "vllm_ranker"):
        with pytest.raises(Exception, match="(?i)key|401|unauthorized"):
            if name == "compressor":
                names[name].rerank(documents[:2], query)
            else:
                names[name].run(query=query, documents=given)
