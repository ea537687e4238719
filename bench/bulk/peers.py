# SPDX-License-Identifier: Apache-2.0
"""Another way to embed a file of JSON Lines, in a process of its own.

    python bench/bulk/peers.py sentence-transformers MODEL CORPUS.jsonl --threads 2
    python bench/bulk/peers.py padded MODEL CORPUS.jsonl --threads 2 --graph FOLDER/model.onnx

`sentence-transformers` is SentenceTransformer.encode as it is. `padded` is what fastembed and most services
around ONNX Runtime do: batches (fastembed's have 256 texts) in the order of the file, each padded to its longest text.
Prints {"seconds", "texts", "vectors"} of all but loading; `vectors` are the first eight.
"""

import argparse
import json
import os
import pathlib
import time

import numpy as np


def padded(options: argparse.Namespace, texts: list[str]) -> tuple[float, np.ndarray]:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime
    import tokenizers
    tokenizer = tokenizers.Tokenizer.from_file(str(options.model / "tokenizer.json"))
    tokenizer.enable_truncation(options.longest)
    tokenizer.enable_padding()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
    session = onnxruntime.InferenceSession(options.graph, settings, ["CPUExecutionProvider"])
    rows = []
    begun = time.perf_counter()
    for first in range(0, len(texts), options.batch):
        encoded = tokenizer.encode_batch(texts[first:first + options.batch])
        ids = np.array([text.ids for text in encoded], np.int64)
        mask = np.array([text.attention_mask for text in encoded], np.int64)
        hidden = session.run(["text_embeds"], {"input_ids": ids, "attention_mask": mask})[0]
        sums = np.matmul(mask[:, None, :].astype(np.float32), hidden)[:, 0]
        rows.append(sums / np.linalg.norm(sums, axis=1, keepdims=True))
    return time.perf_counter() - begun, np.concatenate(rows)


def sentence_transformers(options: argparse.Namespace, texts: list[str]) -> tuple[float, np.ndarray]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from sentence_transformers import SentenceTransformer
    torch.set_num_threads(options.threads)
    model = SentenceTransformer(str(options.model), device="cpu")
    begun = time.perf_counter()
    vectors = model.encode(texts, show_progress_bar=False, normalize_embeddings=True)
    return time.perf_counter() - begun, vectors


ENGINES = {"padded": padded, "sentence-transformers": sentence_transformers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--longest", type=int, default=256, help="tokens of a text at most, of `padded`")
    parser.add_argument("--batch", type=int, default=256, help="texts of a batch, of `padded`")
    parser.add_argument("--graph", help="of `padded`: an encoder in ONNX")
    options = parser.parse_args()
    with open(options.corpus, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    seconds, vectors = ENGINES[options.engine](options, texts)
    print(json.dumps({"seconds": seconds, "texts": len(texts), "vectors": vectors[:8].tolist()}))


if __name__ == "__main__":
    main()
