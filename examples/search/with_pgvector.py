# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL with pgvector: vectors and full-text search in one query. DATABASE_URL names the database."""

import os

import psycopg
from pgvector import Vector
from pgvector.psycopg import register_vector

from nestvec_search import main, query_vector

database = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
database.execute("CREATE EXTENSION IF NOT EXISTS vector")
register_vector(database)


def store(chunks):
    database.execute("DROP TABLE IF EXISTS chunks")
    size = len(chunks[0]["vector"])
    database.execute(f"CREATE TABLE chunks (id int PRIMARY KEY, path text, line int, text text, vector vector({size}),"
                     " words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED)")
    with database.cursor() as cursor:
        cursor.executemany("INSERT INTO chunks VALUES (%(id)s, %(path)s, %(line)s, %(text)s, %(vector)s)",
                           [{**chunk, "vector": Vector(chunk["vector"])} for chunk in chunks])
    database.execute("CREATE INDEX ON chunks USING hnsw (vector vector_cosine_ops)")
    database.execute("CREATE INDEX ON chunks USING gin (words)")


def search(query, n=20):
    rows = database.execute("""
        WITH near AS (SELECT id, row_number() OVER (ORDER BY vector <=> %(vector)s) AS rank FROM chunks
                      ORDER BY vector <=> %(vector)s LIMIT %(n)s),
             asked AS (SELECT replace(plainto_tsquery('simple', %(query)s)::text, '&', '|')::tsquery AS words),
             named AS (SELECT id, row_number() OVER (ORDER BY ts_rank(chunks.words, asked.words) DESC, id) AS rank
                       FROM chunks, asked WHERE chunks.words @@ asked.words ORDER BY rank LIMIT %(n)s),
             fused AS (SELECT id, sum(1.0 / (60 + rank)) AS score
                       FROM (SELECT * FROM near UNION ALL SELECT * FROM named) AS ranks GROUP BY id)
        SELECT path, line, text FROM fused JOIN chunks USING (id) ORDER BY score DESC, id LIMIT %(n)s""",
                            {"vector": Vector(query_vector(query)), "query": query, "n": n})
    return [dict(zip(("path", "line", "text"), row)) for row in rows]


if __name__ == "__main__":
    main(store, search)
