# SPDX-License-Identifier: Apache-2.0
"""LanceDB: files in a folder, vectors and its own full-text search, fused by the store."""

import lancedb
from lancedb.rerankers import RRFReranker

from nestvec_search import main, query_vector

database = lancedb.connect("lancedb-data")


def store(chunks):
    table = database.create_table("chunks", chunks, mode="overwrite")
    table.create_fts_index("text", replace=True)


def search(query, n=20):
    found = database.open_table("chunks").search(query_type="hybrid", vector_column_name="vector", fts_columns="text")
    return found.vector(query_vector(query)).text(query).rerank(RRFReranker()).limit(n).to_list()


if __name__ == "__main__":
    main(store, search)
