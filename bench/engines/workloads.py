# SPDX-License-Identifier: Apache-2.0
"""What is measured: lengths of texts, texts of exactly so many tokens, ways to fill batches."""

import dataclasses
import json
import math
import pathlib
import subprocess

import numpy as np

# Words that are one token each in many vocabularies; those that are not are left out.
WORDS = ("the of and to in is that for it as was with be by on not he this are or his from at which but have an had "
         "they you were their a b c d e f g h i j k l m n o p q r s t u v w x y z").split()


@dataclasses.dataclass(frozen=True)
class Filling:
    """How texts become the padded batches of an engine that needs them."""

    title: str
    size: int  # texts of a batch, 0 = all
    by_length: bool = False

    def batches(self, lengths: tuple[int, ...]) -> list[list[int]]:
        order = list(range(len(lengths)))
        if self.by_length:
            order.sort(key=lambda index: lengths[index])
        size = self.size or len(order)
        return [order[first:first + size] for first in range(0, len(order), size)]


WHOLE = (Filling("", 0),)
PADDED = (Filling("one by one", 1), Filling("batches of 16", 16), Filling("batches of 16, by length", 16, True))


@dataclasses.dataclass(frozen=True)
class Workload:
    """The texts of a call. An engine that does not pad gets them as they are."""

    name: str
    lengths: tuple[int, ...]  # in tokens
    fillings: tuple[Filling, ...] = WHOLE

    @property
    def tokens(self) -> int:
        return sum(self.lengths)


def even(texts: int, length: int, name: str = "") -> Workload:
    return Workload(name or f"{texts}x{length}", (length,) * texts)


def mixed(longest: int) -> Workload:
    drawn = np.random.default_rng(1).lognormal(math.log(55), 1.0, 48)
    return Workload("mixed", tuple(int(x) for x in np.clip(drawn, 4, longest)), PADDED)


def v3_workloads(chosen: list[str], longest_mixed: int = 512) -> list[Workload]:
    """Shorter ones first: an engine's memory seldom falls again."""
    groups = {
        "short": [even(1, 16, "short")],
        "lengths": [even(1, length) for length in (64, 128, 256, 512, 1024, 2048)],
        "batches": [even(texts, 128) for texts in (2, 4, 16)],
        "uniform": [even(8, 128, "uniform 128")],
        "uniform512": [even(8, 512, "uniform 512")],
        "mixed": [mixed(longest_mixed)],
        "long": [even(1, 8192, "long")],
    }
    return [workload for name, group in groups.items() if name in chosen for workload in group]


GROUPS = ["short", "lengths", "batches", "uniform", "uniform512", "mixed", "long"]


def minilm_workloads(chosen: list[str]) -> list[Workload]:
    return [workload for workload in (even(1, 16, "short"), mixed(256)) if workload.name in chosen]


class Texts:
    """Texts of given lengths and their ids, by the tokenizer of a model folder."""

    def __init__(self, nestvec: str, folder: pathlib.Path):
        self.command = [nestvec, "tokenize", "--tokenizer", str(folder), "--jsonl", "--no-truncation"]
        # Twice the word, since the first of a text may be split in another way than the rest.
        counts = [len(ids) for ids in self.ids([f"{word} {word}" for word in WORDS])]
        self.special_tokens = len(self.ids([""])[0])  # at a text's ends
        self.words = [word for word, count in zip(WORDS, counts) if count == 2 + self.special_tokens]
        if not self.words:
            raise SystemExit(f"{folder}: no word of its vocabulary is known here")

    def ids(self, texts: list[str]) -> list[list[int]]:
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        done = subprocess.run(self.command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
        return [json.loads(line)["ids"] for line in done.stdout.splitlines()]

    def make(self, workload: Workload) -> tuple[list[str], list[list[int]]]:
        rng = np.random.default_rng(len(workload.lengths))
        texts = [" ".join(rng.choice(self.words, length - self.special_tokens)) for length in workload.lengths]
        ids = self.ids(texts)
        if tuple(map(len, ids)) != workload.lengths:
            raise SystemExit(f"{workload.name}: texts have other lengths than wanted")
        return texts, ids
