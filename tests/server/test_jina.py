# SPDX-License-Identifier: Apache-2.0
"""What Jina's embeddings add to OpenAI's, and what nestvec adds to both."""

import numpy
import pytest

from test_openai import floats, post, refused, rows

TEXTS = ["The cat sat on the mat.", "It slept all day.", "Berlin is a city."]
DOCUMENT = ("Dr. Smith lives in Berlin. The city has 3.7 million people!\n\n"
            "\u4eca\u5929\u5f88\u597d\u3002\u660e\u5929\u5462\uff1f It is big \U0001f600. Really.")


@pytest.mark.parametrize("task", ["retrieval.query", "retrieval.passage", "separation",
                                  "classification", "text-matching", "none"])
def test_tasks(server, task):
    reply = server.embed(TEXTS, task=task)
    assert numpy.array_equal(floats(reply), server.expected(*TEXTS, task=task))
    assert reply.json()["task"] == task


def test_aliases_of_tasks(server):
    for alias, task in (("query", "retrieval.query"), ("search_document", "retrieval.passage"),
                        ("clustering", "separation"), ("RETRIEVAL_QUERY", "retrieval.query")):
        reply = server.embed(TEXTS, task=alias)
        assert reply.json()["task"] == task
        assert numpy.array_equal(floats(reply), server.expected(*TEXTS, task=task))
    nim = server.embed(TEXTS, input_type="passage")
    assert numpy.array_equal(floats(nim), server.expected(*TEXTS, task="retrieval.passage"))


def test_an_unknown_task_is_422_with_the_valid_ones(server):
    message = refused(server.embed(task="retrieval.querry"), 422, "task")
    assert "retrieval.query, retrieval.passage, separation" in message
    message = refused(post(server, {"input": ["a", {"text": "b", "task": "x"}]}), 422, "input[1].task")
    assert "text-matching" in message


def test_a_task_for_each_item(server):
    reply = post(server, {"input": [{"text": TEXTS[0], "task": "query"}, TEXTS[1],
                                    {"text": TEXTS[2]}], "task": "passage"})
    vectors = floats(reply)
    assert numpy.array_equal(vectors[:1], server.expected(TEXTS[0], task="retrieval.query"))
    assert numpy.array_equal(vectors[1:], server.expected(*TEXTS[1:], task="retrieval.passage"))
    assert [entry["task"] for entry in reply.json()["data"]] == \
        ["retrieval.query", "retrieval.passage", "retrieval.passage"]


def test_embedding_types(server):
    expected = server.expected(*TEXTS)
    bits = numpy.packbits(expected >= 0, axis=1)
    assert numpy.array_equal(rows(server.embed(TEXTS, embedding_type="ubinary")), bits)
    assert numpy.array_equal(rows(server.embed(TEXTS, embedding_type="binary")),
                             bits.astype(int) - 128)
    several = rows(server.embed(TEXTS, embedding_type=["float", "ubinary"], encoding_format="base64"))
    assert set(several[0]) == {"float", "ubinary"}
    assert numpy.array_equal([row["ubinary"] for row in several], bits)
    assert numpy.array_equal(numpy.array([row["float"] for row in several], numpy.float32), expected)
    refused(server.embed(TEXTS, embedding_type="binary", dimensions=20), 400, "embedding_type")


def test_not_normalised(server):
    raw = floats(server.embed(TEXTS, normalized=False))
    assert numpy.array_equal(raw, server.expected(*TEXTS, no_normalize=True))
    assert numpy.abs(numpy.linalg.norm(raw, axis=1) - 1).max() > 1e-3


def test_late_chunking_reads_all_inputs_as_one_text(server):
    reply = server.embed(TEXTS, late_chunking=True, task="retrieval.passage")
    expected = server.expected(*TEXTS, late_chunking=True, task="retrieval.passage")
    assert numpy.abs(floats(reply) - expected).max() < 1e-6
    assert numpy.abs(floats(reply) - server.expected(*TEXTS, task="retrieval.passage")).max() > 1e-3


def test_truncation_is_reported_or_refused(plain_server):
    long = "word " * 300
    reply = plain_server.embed(["short", long])
    assert reply.json()["truncated"] == [1]
    assert reply.headers["x-truncated-inputs"] == "1"
    assert "truncated" not in plain_server.embed(["short"]).json()
    assert plain_server.embed([long], truncate=True).status == 200
    for none in (False, "NONE"):
        message = refused(plain_server.embed(["short", long], truncate=none), 400, "input[1]")
        assert "96" in message
    left = floats(plain_server.embed(["other " * 50 + long], truncate="START"))
    assert numpy.array_equal(left, plain_server.expected("other " * 50 + long, truncate="left"))


def test_a_model_without_tasks_takes_their_names(plain_server):
    reply = plain_server.embed(TEXTS, task="retrieval.query")
    assert "task" not in reply.json()
    assert numpy.array_equal(floats(reply), plain_server.expected(*TEXTS))
    refused(plain_server.embed(TEXTS, task="retrieval.querry"), 422, "task")


def test_documents_cut_by_the_server(server):
    reply = post(server, {"input": [DOCUMENT, TEXTS[0]], "chunking": {"by": "sentence"}})
    data = reply.json()["data"]
    chunks = [DOCUMENT[entry["start"]:entry["end"]] for entry in data if entry["document"] == 0]
    assert "".join(chunks) == DOCUMENT
    assert [chunk.strip() for chunk in chunks] == [
        "Dr. Smith lives in Berlin.", "The city has 3.7 million people!",
        "\u4eca\u5929\u5f88\u597d\u3002", "\u660e\u5929\u5462\uff1f", "It is big \U0001f600.", "Really."]
    assert [(entry["document"], entry["chunk"]) for entry in data] == \
        [(0, i) for i in range(6)] + [(1, 0)]
    assert numpy.array_equal(floats(reply),
                             server.expected(*(chunk.strip() for chunk in chunks), TEXTS[0]))
    two = post(server, {"input": DOCUMENT, "chunking": {"by": "sentence", "size": 4}})
    assert len(rows(two)) == 2


def test_late_chunks_of_a_document_see_all_of_it(server):
    reply = post(server, {"input": [DOCUMENT, " ".join(TEXTS)], "late_chunking": True,
                          "task": "retrieval.passage", "chunking": {"by": "sentence"}})
    vectors = floats(reply)
    chunks = [DOCUMENT[e["start"]:e["end"]].strip() for e in reply.json()["data"] if not e["document"]]
    options = {"late_chunking": True, "task": "retrieval.passage"}
    assert numpy.abs(vectors[:len(chunks)] - server.expected(*chunks, **options)).max() < 1e-6
    assert numpy.abs(vectors[len(chunks):] - server.expected(*TEXTS, **options)).max() < 1e-6


def test_chunks_of_tokens(server):
    text = "one two three four five six seven eight nine ten " * 20
    reply = post(server, {"input": text, "chunking": {"by": "tokens", "size": 16}})
    data = reply.json()["data"]
    assert "".join(text[entry["start"]:entry["end"]] for entry in data) == text
    for entry in data:
        chunk = text[entry["start"]:entry["end"]]
        tokens = server.embed([chunk.strip()]).json()["usage"]["total_tokens"]
        assert tokens <= 16 + 2


def test_a_document_over_the_limit_is_read_in_windows(plain_server):
    text = " ".join(f"Sentence number {i} is here." for i in range(200))
    reply = post(plain_server, {"input": text, "late_chunking": True, "chunking": {"by": "sentence"}})
    assert floats(reply).shape[0] == 200
    assert "truncated" not in reply.json()
    refused(post(plain_server, {"input": text, "late_chunking": True, "truncate": False,
                                "chunking": {"by": "sentence"}}), 400, "input[0]")


def test_a_blank_document_is_one_chunk(server):
    blank = {"input": ["a", " \n\u200b"], "chunking": {}}
    places = [(e["document"], e["start"], e["end"]) for e in post(server, blank).json()["data"]]
    assert places == [(0, 0, 1), (1, 0, 3)]
    late = post(server, {**blank, "late_chunking": True})
    assert numpy.abs(floats(late) - floats(post(server, blank))).max() < 1e-6


def test_late_chunks_without_a_token_belong_to_their_neighbours(plain_server):
    """BERT's normalizer drops accents that stand alone, so such a sentence has no token."""
    text = "\u0301\n\nOne cat.\n\n\u0301\n\nTwo dogs."
    body = {"input": [text], "chunking": {"by": "sentence"}, "late_chunking": True}
    reply = post(plain_server, body)
    places = [(entry["start"], entry["end"]) for entry in reply.json()["data"]]
    assert [text[start:end].strip("\n\u0301") for start, end in places] == ["One cat.", "Two dogs."]
    assert places[0][0] == 0 and places[0][1] == places[1][0] and places[1][1] == len(text)


def test_chunking_that_cannot_be(server):
    refused(post(server, {"input": "a", "chunking": {"by": "word"}}), 400, "chunking.by")
    refused(post(server, {"input": "a", "chunking": {"size": 0}}), 400, "chunking.size")
    many = "A b. " * 2049
    assert "2048" in refused(post(server, {"input": many, "chunking": {}}), 400, "input[0]")
