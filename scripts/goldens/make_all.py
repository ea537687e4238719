# SPDX-License-Identifier: Apache-2.0
"""Remakes all goldens, then says whether git sees a difference.

  build/venv-reference/bin/python scripts/goldens/make_all.py [MINILM_FOLDER]

Without the folder of all-MiniLM-L6-v2 its vectors stay as they are. Takes some minutes.
"""

import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
STEPS = ["tokenizer_real.py", "components.py", "pairs.py", "models.py", "rerankers.py", "embed_goldens.py",
         "sparse_goldens.py", "torch_files.py", "decoders.py", "encoders.py", "newer_rerankers.py", "cross_encoders.py",
         "sentence_modules.py", "embedding_gemma.py", "matryoshka.py",
         "adapters.py", "rotary_scaling.py", "long_texts.py"]


def main() -> None:
    for step in STEPS:
        subprocess.run([sys.executable, FOLDER / step], check=True)
    if len(sys.argv) > 1:
        subprocess.run([sys.executable, FOLDER / "minilm_goldens.py", *sys.argv[1:]], check=True)
    else:
        print("tests/data/embed/minilm: left as it is (give the model's folder to remake it)")
    subprocess.run(["git", "status", "--short", "--", ":/tests/data", ":/tests/models"], cwd=FOLDER, check=True)


if __name__ == "__main__":
    main()
