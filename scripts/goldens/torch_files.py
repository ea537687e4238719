# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/torch and the seeds of fuzz/corpus/torch_file: files as torch.save writes them."""

import shutil
import sys
import warnings
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]


def rows(count, width):
    """Values that bf16 and fp16 hold exactly."""
    return torch.arange(count * width, dtype=torch.float32).reshape(count, width) / 4 - 1


def state_dict(dtype):
    linear = torch.nn.Linear(4, 3)
    with torch.no_grad():
        linear.weight.copy_(rows(3, 4))
        linear.bias.copy_(rows(1, 3)[0])
    return linear.to(dtype).state_dict()


def main(out):
    warnings.simplefilter("ignore")
    out.mkdir(parents=True, exist_ok=True)
    base = rows(4, 6)
    torch.save(state_dict(torch.float32), out / "linear-f32.pt")
    torch.save(state_dict(torch.float16), out / "linear-f16.pt")
    torch.save(state_dict(torch.bfloat16), out / "linear-bf16.pt")
    views = {
        "slice": base[1:3],
        "transposed": base.t(),
        "ids": torch.arange(3),
        "flags": torch.tensor([True, False]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 5),
        "one_row": base[:, :1].t()[:, :1],
        "nested": {"row": base[3]},
    }
    torch.save(views, out / "views.pt")
    # 300 tensors: the pickle's memo needs four bytes.
    torch.save({f"t{i}": torch.full((2,), float(i)) for i in range(300)}, out / "many.pt")
    torch.save({"columns": base[:, 1:3]}, out / "gaps.pt")
    torch.save({"a": torch.ones(2), "step": 3}, out / "checkpoint.pt")
    torch.save(torch.ones(3), out / "bare.pt")
    torch.save(torch.nn.Linear(2, 2), out / "module.pt")
    torch.save({"a": torch.ones(2)}, out / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(out / "script.pt"))
    corpus = ROOT / "fuzz" / "corpus" / "torch_file"
    corpus.mkdir(parents=True, exist_ok=True)
    for file in sorted(out.glob("*.pt")):
        if file.name != "many.pt":
            shutil.copy(file, corpus / file.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "data" / "torch")
