# SPDX-License-Identifier: Apache-2.0
"""A peer in a process of its own: loads a model, then answers requests as `nestvec bench --on-request`.

    python bench/engines/peers.py onnxruntime FOLDER --threads 2

It prints a line about itself. Then each line of standard input is a JSON object: "batches" holds the ids
of a call's texts, batch by batch; "seconds" and "vectors" are nestvec's. A call pads its batches, runs
them, takes the mean or the last of the tokens and normalises: all that nestvec does but the tokenisation.
"""

import argparse
import os
import pathlib
import sys
from collections.abc import Callable

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import peer  # noqa: E402

Run = Callable[[np.ndarray, np.ndarray], np.ndarray]  # ids and mask [batch, length] -> hidden [.., .., hidden]
Loaded = tuple[Run, dict[str, str]]                   # and what there is to say about it


def load_onnxruntime(options: argparse.Namespace) -> Loaded:
    session, facts = peer.open_onnxruntime(options)
    task = {"task_id": np.array(options.task_id, np.int64)} if len(session.get_inputs()) > 2 else {}

    def run(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return session.run(["text_embeds"], {"input_ids": ids, "attention_mask": mask, **task})[0]
    return run, facts


def load_openvino(options: argparse.Namespace) -> Loaded:
    request, facts = peer.open_openvino(options)

    def run(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True, share_outputs=True)[0]
    return run, facts


def load_transformers(options: argparse.Namespace) -> Loaded:
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    import transformers
    from peft import PeftModel
    torch.set_num_threads(options.threads)
    base = transformers.AutoModel.from_pretrained(options.folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, str(options.folder / options.adapter)).merge_and_unload().eval()

    def run(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))[0].numpy()
    return run, {"version": f"PyTorch {torch.__version__}, transformers {transformers.__version__}"}


LOADERS = {"onnxruntime": load_onnxruntime, "openvino": load_openvino, "transformers": load_transformers}


def embed(run: Run, batch: list[np.ndarray], options: argparse.Namespace) -> np.ndarray:
    """The vectors of one batch."""
    ids = np.full((len(batch), max(map(len, batch))), options.pad, np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(batch):
        ids[row, :len(text)] = text
        mask[row, :len(text)] = 1
    hidden = run(ids, mask)
    if options.pooling == "last":
        sums = hidden[np.arange(len(batch)), mask.sum(axis=1) - 1]
    else:  # a product, so that no second tensor of the size of `hidden` is made
        sums = np.matmul(mask[:, None, :].astype(np.float32), hidden)[:, 0]
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def answer(run: Run, request: dict, options: argparse.Namespace) -> dict:
    batches = [[np.array(ids, np.int64) for ids in batch] for batch in request["batches"]]
    vectors, calls = peer.timed(lambda: [embed(run, batch, options) for batch in batches], request.get("seconds", 0))
    result = {"texts": sum(map(len, batches)), "tokens": sum(len(ids) for batch in batches for ids in batch),
              "seconds": calls}
    if request.get("vectors"):
        result["vectors"] = np.concatenate(vectors).tolist()
    return result


def main() -> None:
    parser = peer.parser_of(__doc__, LOADERS)
    parser.add_argument("--task-id", type=int, default=0, help="the adapter, where the graph asks for it")
    parser.add_argument("--adapter", default="", help="folder of the adapter, for transformers")
    parser.add_argument("--pooling", choices=["mean", "last"], default="mean", help="of the tokens")
    options = parser.parse_args()

    def load() -> tuple[Callable[[dict], dict], dict[str, str]]:
        run, facts = LOADERS[options.engine](options)
        return lambda request: answer(run, request, options), facts
    peer.answer_lines(load)


if __name__ == "__main__":
    main()
