# SPDX-License-Identifier: Apache-2.0
"""Chroma: its local store ranks by vectors and filters by words, so both orders are fused here."""

import re

import chromadb

from nestvec_search import fuse, main, query_vector

client = chromadb.PersistentClient("chroma-data", chromadb.Settings(anonymized_telemetry=False))


def collection():
    return client.get_or_create_collection("chunks", configuration={"hnsw": {"space": "cosine"}},
                                           embedding_function=None)


def store(chunks):
    collection()
    client.delete_collection("chunks")
    collection().add(ids=[str(chunk["id"]) for chunk in chunks], embeddings=[chunk["vector"] for chunk in chunks],
                     documents=[chunk["text"] for chunk in chunks],
                     metadatas=[{"path": chunk["path"], "line": chunk["line"]} for chunk in chunks])


def search(query, n=20):
    near = {"query_embeddings": [query_vector(query)], "n_results": n}
    words = [word for word in re.findall(r"\w+", query) if len(word) > 3]
    rankings = [collection().query(**near)["ids"][0]]
    rankings += [collection().query(**near, where_document={"$regex": f"(?i){word}"})["ids"][0] for word in words]
    best = fuse(*rankings)[:n]
    got = collection().get(ids=best)
    found = dict(zip(got["ids"], zip(got["metadatas"], got["documents"])))
    return [{**found[each][0], "text": found[each][1]} for each in best]


if __name__ == "__main__":
    main(store, search)
