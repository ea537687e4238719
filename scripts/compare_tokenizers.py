# SPDX-License-Identifier: Apache-2.0
"""Compares `nestvec tokenize` with Hugging Face tokenizers on random hostile texts.

    "$(scripts/reference-venv.sh --light)" scripts/compare_tokenizers.py --texts 20000 TOKENIZER.json...

Needs the package tokenizers 0.23.3. Ids and offsets must be equal for every text; the first
differences are printed as Python literals. Same seed, same texts. Exits with 1 on a difference.
"""

import argparse
import json
import lzma
import pathlib
import random
import subprocess
import sys
import tempfile

import tokenizers

COMBINING = [chr(c) for c in (*range(0x300, 0x370), 0x483, 0x591, 0x5B0, 0x64B, 0x651, 0x670, 0x93C, 0x94D,
                              0x9BC, 0x9CD, 0xE31, 0xE48, 0xF71, 0xF72, 0xF74, 0x1037, 0x1039, 0x1CDA,
                              0x1DC0, 0x20D0, 0x20DD, 0x20E3, 0x3099, 0x309A, 0xFE0F, 0xFE20, 0x1D165)]
SPACES = list("\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u2003\u2009\u200a\u200b\u2028\u2029\u202f\u205f"
              "\u2060\u3000\ufeff") + [" ", "  ", "   ", "\r\n"]
JAMO = [chr(c) for c in (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3))]
EMOJI = list("\U0001f44d\U0001f3fd\U0001f468\U0001f469\u200d\u2764\ufe0f\U0001f1e9\U0001f1ea\U0001f1eb\U0001f680\U000e0067"
             "\U000e007f\u00a9\u203c\u2642")
FOLDED = list("\ufb01\ufb03\ufdfa\ufdfb\u2460\u2474\u00bd\u00b2\u2122\uff21\uff76\uff9e\uff9f\u3392\u337f\u32c0\u1e9b\u0344\u0958"
              "\u2126\u212b\u0130\u0131\u017f\u1e9e\u03a3\u03c2\u0587\u01c4\u01c5\u0149\u1f80\ufb1d\u0f73\u0f75\u0f81\u2adc\U0001d15e"
              "\U0002f800\uf900\uac00\uac01\ud7a3\u4e00\u3400\U00020000\u1100\u1161\u11a8")
INDIC = [chr(c) for c in (*range(0x915, 0x940), *range(0x93E, 0x94F), *range(0x995, 0x9A5), *range(0x9BE, 0x9CE))]
PLAIN = list("aaabbeionrstAEIO019.,!?'-_#$\u2581\u2581") + list(
    "\u00e9\u00fc\u0436\u0430\u0438\u0439\u05d0\u0627\u0644\u0e01\u0e33\u3042\u30ab\u4f60\u597d\ud55c\uae00")
DIGITS = list("0123456789") + [chr(c) for c in (
    0xB2, 0xBC, 0x660, 0x669, 0x6F4, 0x7C0, 0x966, 0x9EC, 0xBF0, 0xE50, 0xF33, 0x1369, 0x17F0, 0x2153, 0x2160, 0x2188,
    0x2460, 0x3007, 0x3021, 0x3280, 0xA620, 0xFF11, 0x10107, 0x1D7CE, 0x1E950, 0x1F101, 0x1FBF0, 0x11DE0, 0x16FF4)]
CONTRACTIONS = [quote + end for quote in "''\u2019" for end in (
    "s", "S", "\u017f", "t", "T", "re", "RE", "rE", "ve", "m", "ll", "lL", "d", "k", "\u212a", "st", "x", "")]
LINES = ["\n", "\r\n", "\r", "\n\n", " \n", "\n ", " \r ", "\t\n", "\u2028", "\x85", "  \n\n  ", " a", "a "]
# At the edges of letters and numbers, and assigned by one Unicode version and not by another.
EDGES = [chr(c) for c in (0xAA, 0xAB, 0xB5, 0xB7, 0x2C1, 0x2C2, 0x345, 0x370, 0x378, 0x559, 0x5EF, 0x61B, 0x640, 0x70F,
                          0x88F, 0x897, 0xC5C, 0x1C89, 0x1C8A, 0x2071, 0x207F, 0x2180, 0x2E2F, 0x3005, 0x3031, 0xA7CE,
                          0xA7DA, 0xA7F1, 0xFFDC, 0x105C0, 0x10D4A, 0x11BC0, 0x16D40, 0x1E5D0, 0x2EBF0, 0x2FA1D,
                          0x323AF, 0x323B0, 0x33479)]
CONTROLS = [chr(c) for c in (0, 1, 7, 8, 0x1B, 0x7F, 0x80, 0x9F, 0xAD, 0x600, 0x61C, 0x200C, 0x200E, 0x202A,
                             0xFFF9, 0xFFFD, 0xFFFE, 0xE000, 0xE0001, 0xF0000, 0x10FFFF)]


def any_character(rng: random.Random) -> str:
    while True:
        limit = rng.choice((0x250, 0x3000, 0x10000, 0x20000, 0x110000))
        code = rng.randrange(limit)
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def make_text(rng: random.Random, pieces: list[str], words: list[str]) -> str:
    """One text out of a few alphabets, some of its parts repeated."""
    alphabets = rng.sample([COMBINING, SPACES, JAMO, EMOJI, FOLDED, INDIC, PLAIN, PLAIN, CONTROLS, DIGITS,
                            CONTRACTIONS, LINES, EDGES, pieces, words, words, None], rng.randint(1, 4))
    text = []
    for _ in range(int(rng.expovariate(1 / 12)) + 1):
        alphabet = rng.choice(alphabets)
        part = any_character(rng) if alphabet is None else rng.choice(alphabet)
        text.append(part * (rng.randint(2, 40) if rng.random() < 0.04 else 1))
    return "".join(text)


def read_tokenizer(path: pathlib.Path) -> str:
    data = path.read_bytes()
    return (lzma.decompress(data) if path.suffix == ".xz" else data).decode()


def reference_rows(reference: tokenizers.Tokenizer, texts: list[str], special: bool) -> list[dict]:
    reference.encode_special_tokens = not special
    rows = []
    for text in texts:
        encoding = reference.encode(text)
        rows.append({"ids": encoding.ids, "offsets": [list(pair) for pair in encoding.offsets]})
    return rows


def our_rows(command: list[str], path: str, texts: list[str], special: bool) -> list[dict]:
    arguments = [*command, "tokenize", "--tokenizer", path, "--jsonl", "--offsets", "--no-truncation"]
    if not special:
        arguments.append("--no-special")
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    run = subprocess.run(arguments, input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.decode().rstrip("\n").split("\n")]


def compare(path: pathlib.Path, options: argparse.Namespace) -> int:
    content = read_tokenizer(path)
    reference = tokenizers.Tokenizer.from_str(content)
    reference.no_truncation()
    reference.no_padding()
    entries = json.loads(content)
    pieces = sorted(reference.get_vocab())
    if "ByteLevel" in json.dumps(entries["decoder"]):  # as they are in a text
        pieces = [reference.decode([reference.token_to_id(piece)], skip_special_tokens=False) for piece in pieces]
    words = [entry["content"] for entry in entries["added_tokens"]] + rng_words(pieces, options.seed)
    rng = random.Random(f"{options.seed} {path.name}")
    texts = [make_text(rng, pieces, words) for _ in range(options.texts)]
    differences = 0
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as plain:
        plain.write(content)
        plain.flush()
        for special in (True, False):
            part = texts if special else texts[: len(texts) // 4]
            wanted = reference_rows(reference, part, special)
            for text, want, got in zip(part, wanted, our_rows([options.command], plain.name, part, special), strict=True):
                if want["ids"] == got.get("ids") and want["offsets"] == got.get("offsets"):
                    continue
                differences += 1
                if differences <= options.show:
                    print(f"{path.name}: special={special} {ascii(text)}\n  wanted {want}\n  got    {got}")
    print(f"{path.name}: {differences} differences in {len(texts)} texts")
    return differences


def rng_words(pieces: list[str], seed: str) -> list[str]:
    return random.Random(seed).sample(pieces, min(60, len(pieces)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", nargs="+", type=pathlib.Path)
    parser.add_argument("--texts", type=int, default=20000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--show", type=int, default=3, help="differences to print for a tokenizer")
    parser.add_argument("--command", default="build/release/nestvec")
    options = parser.parse_args()
    return 1 if sum(compare(path, options) for path in options.tokenizer) else 0


if __name__ == "__main__":
    sys.exit(main())
