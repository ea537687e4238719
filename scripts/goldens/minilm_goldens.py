# SPDX-License-Identifier: Apache-2.0
"""Vectors of the real all-MiniLM-L6-v2, as sentence-transformers computes them, for 500 texts."""

import pathlib
import sys

import jsonl
import numpy as np
import texts
import torch
from sentence_transformers import SentenceTransformer

FOLDER = jsonl.DATA / "embed" / "minilm"


def chosen_texts() -> list[str]:
    messages = [record["text"] for record in jsonl.read_jsonl(jsonl.DATA / "tokenizer" / "xlm-roberta" / "goldens.jsonl.gz")]
    english = [text for text in messages if text.isascii() and text.count(" ") > 3]
    long = [" ".join(english[i:i + 12]) for i in range(0, 120, 4)]  # some beyond 256 tokens
    odd = texts.PLAIN + [text for text in texts.HOSTILE if "\0" not in text]
    pool = odd + long + english[:120] + messages[::3]
    return list(dict.fromkeys(pool))[:500]


def main() -> None:
    model = SentenceTransformer(sys.argv[1], device="cpu", model_kwargs={"attn_implementation": "eager"})
    if model.max_seq_length != 256:
        raise SystemExit(f"max_seq_length is {model.max_seq_length}")
    torch.set_num_threads(1)
    chosen = chosen_texts()
    # One at a time: no padding, so that a vector does not depend on its neighbours.
    vectors = np.stack([model.encode([text], batch_size=1)[0] for text in chosen]).astype(np.float32)
    longest = max(len(model.tokenizer(text)["input_ids"]) for text in chosen)
    print(f"{len(chosen)} texts, longest {longest} tokens before truncation, width {vectors.shape[1]}")
    jsonl.write_jsonl(FOLDER / "texts.jsonl.gz", [{"text": text} for text in chosen])
    path = FOLDER / "vectors.npy"
    np.save(path, vectors)
    print(f"{path.relative_to(jsonl.ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        raise SystemExit("usage: minilm_goldens.py MODEL_FOLDER")
    main()
