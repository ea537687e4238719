# SPDX-License-Identifier: Apache-2.0
"""The small models of tests/models, with fixed seeds: checkpoints in both layouts and ONNX exports."""

import json
import pathlib
import shutil
import sys
import zlib

import export_names
import jsonl
import numpy as np
import onnx
import small_tokenizers
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel
from v3_reference import PlainV3

sys.path.insert(0, str(jsonl.ROOT / "scripts"))
import make_synthetic_v3 as synthetic  # noqa: E402

TINY = synthetic.Spec(vocab=small_tokenizers.UNIGRAM_SIZE, hidden=64, layers=2, heads=4, intermediate=128, seed=11)
NARROW = synthetic.Spec(vocab=small_tokenizers.UNIGRAM_SIZE, hidden=32, layers=1, heads=2, intermediate=64,
                        seed=12, dtype="F32", full_precision=True)
V3_FILES = ["tokenizer.json", "config.json", "config_sentence_transformers.json", "modules.json",
            "tokenizer_config.json", "1_Pooling/config.json"]


def fresh(name: str) -> pathlib.Path:
    folder = jsonl.MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_v3(tokenizer: str) -> None:
    for name, spec, layout, shards in (("v3-tiny", TINY, "original", 1), ("v3-tiny-hf", TINY, "hf", 1),
                                       ("v3-tiny-sharded", TINY, "original", 3),
                                       ("v3-narrow", NARROW, "original", 1)):
        folder = fresh(name)
        synthetic.write_checkpoint(folder, spec, layout, shards)
        (folder / "tokenizer.json").write_text(tokenizer + "\n")


def save_onnx(model: onnx.ModelProto, folder: pathlib.Path) -> None:
    (folder / "onnx").mkdir()
    model.producer_name, model.producer_version = "nestvec goldens", ""
    onnx.save(model, folder / "onnx" / "model.onnx", save_as_external_data=True, all_tensors_to_one_file=True,
              location="model.onnx_data", size_threshold=1024)


def export(module: torch.nn.Module, inputs: dict[str, torch.Tensor], outputs: list[str],
           path: pathlib.Path) -> onnx.ModelProto:
    axes = {name: {0: "batch_size", 1: "sequence_length"} for name, value in inputs.items() if value.dim() == 2}
    axes[outputs[0]] = {0: "batch_size", 1: "sequence_length"}
    axes.update({name: {0: "batch_size"} for name in outputs[1:]})
    torch.onnx.export(module.eval(), tuple(inputs.values()), str(path), input_names=list(inputs),
                      output_names=outputs, dynamic_axes=axes, opset_version=16, dynamo=False)
    model = onnx.load(path)
    path.unlink()
    return model


def sample_inputs(vocabulary: int) -> dict[str, torch.Tensor]:
    ids = torch.randint(4, vocabulary, (2, 7), generator=torch.Generator().manual_seed(1))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def write_v3_onnx(name: str, source: str, task_rank: int) -> None:
    """The shape of the official export: adapters merged inside, task_id as an input."""
    folder = fresh(name)
    module = PlainV3(jsonl.MODELS / source)
    inputs = sample_inputs(TINY.vocab)
    inputs["task_id"] = torch.tensor(1) if task_rank == 0 else torch.tensor([1])
    model = export(module, inputs, ["text_embeds", "pooled"], folder / "whole.onnx")
    # In the official file the second output's name is the exporter's own, a bare number.
    model.graph.output[1].name = "13049"
    for node in model.graph.node:
        node.output[:] = ["13049" if name == "pooled" else name for name in node.output]
    export_names.rename(model)
    rank = len(model.graph.input[2].type.tensor_type.shape.dim)
    if rank != task_rank:
        raise ValueError(f"task_id has rank {rank}, not {task_rank}")
    save_onnx(model, folder)
    for file in V3_FILES:
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copyfile(jsonl.MODELS / source / file, folder / file)


def scaled(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Random weights of a sensible scale: transformers' own start gives nearly equal vectors."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
            part = rng.standard_normal(value.shape, dtype=np.float32)
            if "LayerNorm.weight" in name:
                part = 1 + 0.1 * part
            elif name.endswith("bias"):
                part = 0.1 * part
            elif "embeddings" in name:
                part = 0.05 * part
            else:
                part = part * value.shape[-1] ** -0.5
            value.copy_(torch.from_numpy(np.asarray(part, dtype=np.float32)))
    return module.eval()


def small_encoder(name: str) -> torch.nn.Module:
    """The two stock encoders, anew from their seeds; embed_goldens.py asks for them too."""
    shape = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                 attn_implementation="eager")
    if name == "bert-tiny":
        vocabulary = len(json.loads(small_tokenizers.wordpiece())["model"]["vocab"])
        return scaled(BertModel(BertConfig(vocab_size=vocabulary, max_position_embeddings=128, **shape)), 21)
    return scaled(XLMRobertaModel(XLMRobertaConfig(
        vocab_size=small_tokenizers.UNIGRAM_SIZE, max_position_embeddings=258, type_vocab_size=1,
        layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2, **shape)), 22)


def write_sentence_files(folder: pathlib.Path, hidden: int, mode: str, normalize: bool, limit: int) -> None:
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if normalize else [])
    synthetic.write_json(folder / "modules.json", [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(kinds)])
    synthetic.write_json(folder / "1_Pooling/config.json", {
        "word_embedding_dimension": hidden, "pooling_mode_cls_token": mode == "cls",
        "pooling_mode_mean_tokens": mode == "mean", "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})
    synthetic.write_json(folder / "sentence_bert_config.json", {"max_seq_length": limit, "do_lower_case": False})


def write_bert(tokenizer: str) -> None:
    model = small_encoder("bert-tiny")
    for name in ("bert-tiny", "bert-tiny-onnx"):
        folder = fresh(name)
        (folder / "tokenizer.json").write_text(tokenizer + "\n")
        synthetic.write_json(folder / "config.json", model.config.to_dict())
        write_sentence_files(folder, 32, "mean", True, 96)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    tensors["embeddings.position_ids"] = torch.arange(128)[None, :]  # older files carry this buffer
    save_file(tensors, jsonl.MODELS / "bert-tiny" / "model.safetensors", metadata={"format": "pt"})
    inputs = sample_inputs(300)
    inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
    save_onnx(export(TwoOutputs(model), inputs, ["last_hidden_state", "pooler_output"], folder / "whole.onnx"), folder)


def write_xlmr(tokenizer: str) -> None:
    model = small_encoder("xlmr-tiny")
    for name in ("xlmr-tiny", "xlmr-tiny-onnx"):
        folder = fresh(name)
        (folder / "tokenizer.json").write_text(tokenizer + "\n")
        synthetic.write_json(folder / "config.json", model.config.to_dict())
        write_sentence_files(folder, 32, "cls", False, 256)
    source = jsonl.MODELS / "xlmr-tiny"
    # As published from a masked language model: a "roberta." prefix, two shards.
    tensors = sorted(("roberta." + name, value.contiguous()) for name, value in model.state_dict().items())
    shards = {}
    for number, part in enumerate((tensors[::2], tensors[1::2]), 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file(dict(part), source / file, metadata={"format": "pt"})
        shards.update({name: file for name, _ in part})
    total = sum(value.numel() * 4 for _, value in tensors)
    synthetic.write_json(source / "model.safetensors.index.json",
                         {"metadata": {"total_size": total}, "weight_map": shards})
    save_onnx(export(TwoOutputs(model), sample_inputs(300), ["last_hidden_state"], folder / "whole.onnx"), folder)


class TwoOutputs(torch.nn.Module):
    """Plain tensors out, no cache: what an exporter wants. Attention masks as added biases."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        bias = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * torch.finfo(torch.float32).min
        result = self.model(input_ids=input_ids, attention_mask=bias, token_type_ids=token_type_ids)
        return result.last_hidden_state, result.pooler_output


def main() -> None:
    unigram = small_tokenizers.unigram()
    write_v3(unigram)
    write_v3_onnx("v3-tiny-onnx", "v3-tiny", 0)
    write_v3_onnx("v3-narrow-onnx", "v3-narrow", 1)
    write_bert(small_tokenizers.wordpiece())
    write_xlmr(unigram)
    for folder in sorted(jsonl.MODELS.iterdir()):
        if folder.is_dir():
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            print(f"{folder.relative_to(jsonl.ROOT)}: {size} bytes")


if __name__ == "__main__":
    main()
