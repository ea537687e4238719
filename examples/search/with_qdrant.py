# SPDX-License-Identifier: Apache-2.0
"""Qdrant: vectors and learned sparse vectors, fused by the store. Needs a model with both, such as bge-m3."""

import os

from qdrant_client import QdrantClient, models as q

from nestvec_search import embed, main

# A folder is the local mode of the client; QDRANT_URL a server.
client = QdrantClient(url=os.environ["QDRANT_URL"]) if "QDRANT_URL" in os.environ else QdrantClient(path="qdrant-data")


def both(texts, task):
    return [{"dense": entry["embedding"], "sparse": q.SparseVector(**entry["sparse"])}
            for entry in embed(texts, task, embedding_type=["float", "sparse"])]


def store(chunks):
    client.delete_collection("chunks")
    size = len(chunks[0]["vector"])
    client.create_collection("chunks", {"dense": q.VectorParams(size=size, distance=q.Distance.COSINE)},
                             {"sparse": q.SparseVectorParams()})
    vectors = both([chunk["text"] for chunk in chunks], "passage")
    places = [{key: chunk[key] for key in ("path", "line", "text")} for chunk in chunks]
    client.upsert("chunks", [q.PointStruct(id=i, vector=vector, payload=place)
                             for i, (vector, place) in enumerate(zip(vectors, places))])


def search(query, n=20):
    vector = both([query], "query")[0]
    found = client.query_points("chunks", query=q.FusionQuery(fusion=q.Fusion.RRF), limit=n, prefetch=[
        q.Prefetch(query=vector[name], using=name, limit=n) for name in ("dense", "sparse")])
    return [point.payload for point in found.points]


if __name__ == "__main__":
    main(store, search)
