# SPDX-License-Identifier: Apache-2.0
"""openai: the client that most others stand on. It asks for base64 unless told otherwise."""

import asyncio

import numpy
import openai
import pytest

from expected import OTHER_TASKS, TEXTS, embed, same, token_ids
from process import Served

MODEL = "jina-embeddings-v3"


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0) as client:
        yield client


def vectors(answer):
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return [item.embedding for item in answer.data]


def test_texts(server, client):
    wanted = embed(server, TEXTS)
    assert same(vectors(client.embeddings.create(model=MODEL, input=TEXTS)), wanted)
    as_numbers = client.embeddings.create(model=MODEL, input=TEXTS, encoding_format="float")
    assert same(vectors(as_numbers), wanted)
    for text, row in zip(TEXTS, wanted, strict=True):
        assert same(vectors(client.embeddings.create(model=MODEL, input=text)), row[None])


def test_token_ids_are_decoded_where_they_are_accepted(home, server, client):
    ids = token_ids(server, TEXTS[0])
    assert len(ids) > 3
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        client.embeddings.create(model=MODEL, input=ids)
    wanted = embed(server, TEXTS[:1])
    with (Served(home, "--token-ids", "accept") as accepting,
          openai.OpenAI(base_url=accepting.url + "/v1", api_key="none", max_retries=0) as own):
        assert same(vectors(own.embeddings.create(model=MODEL, input=ids)), wanted)
        assert same(vectors(own.embeddings.create(model=MODEL, input=[ids, ids])), wanted.repeat(2, 0))


def test_dimensions(server, client):
    answer = client.embeddings.create(model=MODEL, input=TEXTS, dimensions=32)
    assert same(vectors(answer), embed(server, TEXTS, "--dimensions", "32"))


@pytest.mark.parametrize("task", OTHER_TASKS)
def test_tasks(server, client, task):
    answer = client.embeddings.create(model=MODEL, input=TEXTS, extra_body={"task": task})
    wanted = embed(server, TEXTS, "--task", task)
    assert same(vectors(answer), wanted)
    assert not same(wanted, embed(server, TEXTS))


def test_late_chunking(server, client):
    texts = [text for text in TEXTS if text.strip() == text]
    answer = client.embeddings.create(model=MODEL, input=texts, extra_body={"late_chunking": True})
    wanted = embed(server, texts, "--late-chunking")
    assert same(vectors(answer), wanted)
    assert not same(wanted, embed(server, texts))


def test_usage_counts_special_tokens_and_the_prompt(server, client):
    def tokens(text, task):
        answer = client.embeddings.create(model=MODEL, input=text, extra_body={"task": task})
        assert answer.usage.prompt_tokens == answer.usage.total_tokens
        return answer.usage.total_tokens
    assert tokens("a", "none") == len(token_ids(server, "a")) + 2
    assert tokens("a", "retrieval.query") > tokens("a", "none") + 5


def test_two_thousand_texts(server, client):
    texts = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(2048)]
    got = numpy.array(vectors(client.embeddings.create(model=MODEL, input=texts)), numpy.float32)
    assert same(got[::97], embed(server, texts[::97]))
    with pytest.raises(openai.BadRequestError, match="2049") as caught:
        client.embeddings.create(model=MODEL, input=[*texts, "one more"])
    assert caught.value.param == "input"


def test_many_at_once(server):
    async def run():
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key=server.key) as client:
            return await asyncio.gather(*(
                client.embeddings.create(model=MODEL, input=TEXTS[i % len(TEXTS)], extra_body={"task": task})
                for i in range(20) for task in OTHER_TASKS))
    answers = asyncio.run(run())
    wanted = [embed(server, TEXTS, "--task", task) for task in OTHER_TASKS]
    for number, answer in enumerate(answers):
        i, task = divmod(number, len(OTHER_TASKS))
        assert same(vectors(answer)[0], wanted[task][i % len(TEXTS)])


def test_models(client):
    model, *with_tasks = client.models.list().data
    assert model.object == "model"
    assert [each.id for each in with_tasks][:1] == [f"{model.id}:retrieval.query"]
    for each in (model, *with_tasks):
        assert client.models.retrieve(each.id).id == each.id
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


@pytest.mark.parametrize("arguments,error,param,says", [
    ({"input": []}, openai.BadRequestError, "input", "input"),
    ({"input": ["a", 7, "b"]}, openai.BadRequestError, "input[1]", "input[1]"),
    ({"input": "a", "dimensions": 0}, openai.BadRequestError, "dimensions", "dimensions"),
    ({"input": "a", "dimensions": 65}, openai.BadRequestError, "dimensions", "64"),
    ({"input": "a", "encoding_format": "md5"}, openai.BadRequestError, "encoding_format", "base64"),
    ({"input": "a", "extra_body": {"task": "translation"}}, openai.UnprocessableEntityError, "task",
     "retrieval.query, retrieval.passage, separation, classification, text-matching, none"),
    ({"input": ["a", "b " * 9000], "extra_body": {"truncate": False}}, openai.BadRequestError, "input[1]", "8194"),
])
def test_errors(client, arguments, error, param, says):
    with pytest.raises(error) as caught:
        client.embeddings.create(model=MODEL, **arguments)
    assert caught.value.param == param
    assert says in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_truncation_is_reported(client):
    answer = client.embeddings.create(model=MODEL, input=["a", "b " * 9000])
    assert answer.model_extra["truncated"] == [1]


def test_wrong_key(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.embeddings.create(model=MODEL, input="a")
    assert "sk-wrong" not in str(caught.value)


def test_a_model_without_tasks_takes_any_alias(plain_server):
    with openai.OpenAI(base_url=plain_server.url + "/v1", api_key="not needed") as client:
        answer = client.embeddings.create(model="any", input=TEXTS, extra_body={"task": "query"})
    assert same(vectors(answer), embed(plain_server, TEXTS))
