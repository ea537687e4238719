# SPDX-License-Identifier: Apache-2.0
"""What the stores of this folder have in common: a folder to chunks with vectors, by a nestvec server. No packages."""

import json
import os
import pathlib
import sys
import urllib.request

SERVER = os.environ.get("NESTVEC_URL", "http://127.0.0.1:8080")
LATE = os.environ.get("NESTVEC_LATE") == "1"  # chunks of a file are read together


def post(path, body):
    request = urllib.request.Request(SERVER + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def models():
    """The server's models: one that embeds, one that reranks."""
    with urllib.request.urlopen(SERVER + "/v1/models") as answer:
        return [model["id"] for model in json.load(answer)["data"]]


def embed(texts, task, **fields):
    return post("/v1/embeddings", {"model": EMBEDDER, "input": texts, "task": task, **fields})["data"]


def chunks_of(folder, size=200):
    """A dict for each chunk: its place, text and vector."""
    chunks = []
    for path in sorted(pathlib.Path(folder).rglob("*.md")):
        text = path.read_text()
        if not text.strip():
            continue
        for entry in embed([text], "passage", late_chunking=LATE, chunking={"by": "tokens", "size": size}):
            piece = text[entry["start"]:entry["end"]]
            begin = entry["start"] + len(piece) - len(piece.lstrip())
            chunks.append({"id": len(chunks), "path": str(path), "line": text.count("\n", 0, begin) + 1,
                           "text": piece.strip(), "vector": entry["embedding"]})
    return chunks


def query_vector(query):
    return embed([query], "query")[0]["embedding"]


def fuse(*rankings):
    """Ids by reciprocal rank fusion."""
    scores = {}
    for ranking in rankings:
        for rank, found in enumerate(ranking, 1):
            scores[found] = scores.get(found, 0) + 1 / (60 + rank)
    return sorted(scores, key=lambda found: (-scores[found], found))


def rerank(query, chunks, top_n):
    results = post("/v1/rerank", {"model": RERANKER, "query": query, "documents": [chunk["text"] for chunk in chunks],
                                  "top_n": top_n})["results"]
    return [{**chunks[result["index"]], "score": result["relevance_score"]} for result in results]


def answer(query, chunks, top_n=3):
    """The best chunks as an answer with its sources: what you would put before a language model."""
    best = rerank(query, chunks, top_n)
    return "\n".join(f"[{i}] {chunk['text']}\n    {chunk['path']}:{chunk['line']} ({chunk['score']:.3f})"
                     for i, chunk in enumerate(best, 1))


def main(store, search):
    """`python with_STORE.py FOLDER "a question"`."""
    folder, query = sys.argv[1:3]
    store(chunks_of(folder) or sys.exit(f"there is no Markdown in {folder}"))
    print(answer(query, search(query)))


EMBEDDER, RERANKER = os.environ.get("NESTVEC_MODELS", "bge-m3 bge-reranker-v2-m3").split()
