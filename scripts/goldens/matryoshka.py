# SPDX-License-Identifier: Apache-2.0
"""Vectors of nomic-tiny as the card of nomic-embed-text-v1.5 cuts them: torch's layer_norm without weights over the whole
vector, then the cut, then the norm; in float64. One that is not cut stays as it is. See tests/data/embed/README.md.
"""

import decoders
import jsonl
import torch
from embed_goldens import finish
from tokenizers import Tokenizer

NAME = "nomic-tiny"


def main() -> None:
    torch.manual_seed(0)
    model = decoders.spread_norms(decoders.encoder_body(NAME)).double()
    tokenizer = Tokenizer.from_file(str(jsonl.MODELS / NAME / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=decoders.LIMIT)
    records = []
    for index, text in enumerate(decoders.texts()):
        record = {"text": text, "dimensions": (8, 16, 31, 32, 1)[index % 5]} | ({"normalize": False} if index % 4 == 0 else {})
        record["ids"] = tokenizer.encode(text).ids
        with torch.no_grad():
            pooled = model(input_ids=torch.tensor([record["ids"]])).last_hidden_state[0].mean(dim=0, keepdim=True)
        if record["dimensions"] < pooled.shape[1]:
            pooled = torch.nn.functional.layer_norm(pooled, normalized_shape=(pooled.shape[1],))
        record["vector"] = finish(pooled.numpy(), record)[0]
        records.append(record)
    jsonl.write_jsonl(decoders.FOLDER / f"matryoshka-{NAME}.jsonl.gz", records)


if __name__ == "__main__":
    main()
