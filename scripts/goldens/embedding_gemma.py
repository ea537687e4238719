# SPDX-License-Identifier: Apache-2.0
"""A small EmbeddingGemma, whole, as sentence-transformers publishes it: Gemma's body, the mean, two Dense modules,
Normalize and prompts; random weights, and vectors.

Truth is sentence-transformers, which loads the folder and runs it in float64; in float32 it must agree.
See tests/data/embed/README.md.
"""

import jsonl
import encoders
import models
import numpy as np
import sentence_modules
import small_tokenizers
import torch
from decoders import LIMIT, save_file, texts
from embed_goldens import AGREEMENT, finish
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules.dense import Dense
from tokenizers import Tokenizer

NAME = "embeddinggemma-tiny"
MODULES = ["Transformer", "Pooling", "Dense", "Dense", "Normalize"]
PROMPTS = {"query": "task: search result | query: ", "document": "title: none | text: ",
           "Clustering": "task: clustering | query: ", "STS": "task: sentence similarity | query: ", "none": ""}


def write_folder() -> str:
    folder = models.fresh(NAME)
    model = encoders.gemma_body(54)
    models.synthetic.write_json(folder / "config.json", model.config.to_dict() | {"architectures": ["Gemma3TextModel"]})
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "tokenizer.json").write_text(small_tokenizers.gemma() + "\n")
    models.synthetic.write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "add_eos_token": True, "model_max_length": LIMIT,
        "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"})
    models.synthetic.write_json(folder / "sentence_bert_config.json", {"max_seq_length": LIMIT, "do_lower_case": False})
    models.synthetic.write_json(folder / "config_sentence_transformers.json", {
        "model_type": "SentenceTransformer", "prompts": PROMPTS, "default_prompt_name": None, "similarity_fn_name": "cosine"})
    places = ["" if kind == "Transformer" else f"{index}_{kind}" for index, kind in enumerate(MODULES)]
    models.synthetic.write_json(folder / "modules.json", [
        {"idx": index, "name": str(index), "path": place, "type": f"sentence_transformers.models.{kind}"}
        for index, (place, kind) in enumerate(zip(places, MODULES))])
    models.synthetic.write_json(folder / "1_Pooling/config.json", {
        "word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False, "pooling_mode_weightedmean_tokens": False,
        "pooling_mode_lasttoken": False, "include_prompt": True})
    for index, (place, sizes) in enumerate(zip(places[2:4], ((32, 128), (128, 32)))):  # four times the width, and back
        (folder / place).mkdir()
        dense = Dense(*sizes, bias=False, activation_function=torch.nn.Identity())
        sentence_modules.filled(dense, 10 + index).save(str(folder / place))
    return str(folder)


def encoded(model: SentenceTransformer, text: str, task: str) -> np.ndarray:
    """The vector as the modules give it, which Normalize ends."""
    return model.encode([text], prompt_name=task, convert_to_numpy=False, convert_to_tensor=True,
                        show_progress_bar=False).double().numpy()


def main() -> None:
    torch.manual_seed(0)
    folder = write_folder()
    models_of = {kind: SentenceTransformer(folder, device="cpu", local_files_only=True, model_kwargs={
        "dtype": kind, "attn_implementation": "eager"}).to(kind) for kind in (torch.float32, torch.float64)}
    exact = models_of[torch.float64]
    if [type(module).__name__ for module in exact] != MODULES:
        raise SystemExit(f"{NAME}: loaded as {exact}")
    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.enable_truncation(max_length=LIMIT)
    records = []
    for index, text in enumerate(texts()):
        for number, (task, prompt) in enumerate(PROMPTS.items()):
            record = {"text": text, "task": task} | ({"dimensions": 8} if (index + number) % 7 == 0 else {})
            record["ids"] = tokenizer.encode(prompt + text).ids
            seen = exact.preprocess([text], prompt=prompt)["input_ids"][0].tolist()
            if seen != record["ids"]:
                raise SystemExit(f"{NAME}: sentence-transformers makes {seen} of {text!r}, tokenizer.json {record['ids']}")
            rows = encoded(exact, text, task)
            difference = float(np.abs(rows - encoded(models_of[torch.float32], text, task)).max())
            if difference > AGREEMENT:
                raise SystemExit(f"{NAME}: float32 differs by {difference} on {len(record['ids'])} tokens")
            record["vector"] = finish(rows, record)[0]
            records.append(record)
    jsonl.write_jsonl(jsonl.DATA / "embed" / f"{NAME}.jsonl.gz", records)


if __name__ == "__main__":
    main()
