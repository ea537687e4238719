# SPDX-License-Identifier: Apache-2.0
"""Gives the weights of a v3 export the names that the publication's own module has, as its export does.

The plain module of v3_reference.py calls them otherwise. Only names change: `export_names.py MODEL.onnx ...`
rewrites a file in place and leaves its external data alone.
"""

import re
import sys

import onnx

PARTS = {"weight": "parametrizations.weight.original", "lora_a": "parametrizations.weight.0.lora_A",
         "lora_b": "parametrizations.weight.0.lora_B", "bias": "bias"}
TABLES = {"words": "embeddings.word_embeddings", "types": "embeddings.token_type_embeddings", "pooler": "pooler.dense"}
ENDS = {"w": "weight", "b": "bias"}


def published(name: str) -> str:
    """The publication's name of a parameter of PlainV3; other names as they are."""
    if match := re.fullmatch(r"(words|types|pooler)\.(\w+)", name):
        return f"roberta.{TABLES[match[1]]}.{PARTS[match[2]]}"
    if match := re.fullmatch(r"norms\.emb_([wb])", name):
        return f"roberta.emb_ln.{ENDS[match[1]]}"
    if match := re.fullmatch(r"norms\.(\d+)_(norm\d)_([wb])", name):
        return f"roberta.encoder.layers.{match[1]}.{match[2]}.{ENDS[match[3]]}"
    if match := re.fullmatch(r"matrices\.(\d+)_(mixer|mlp)_(\w+)\.(\w+)", name):
        return f"roberta.encoder.layers.{match[1]}.{match[2]}.{match[3]}.{PARTS[match[4]]}"
    return name


def rename(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        tensor.name = published(tensor.name)
    for node in model.graph.node:
        node.input[:] = [published(name) for name in node.input]


def main() -> None:
    for path in sys.argv[1:]:
        model = onnx.load(path, load_external_data=False)
        rename(model)
        onnx.save(model, path)


if __name__ == "__main__":
    main()
