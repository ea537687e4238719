#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the truths that the Unicode tests of src/tokenizer compare with.

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.3 regex==2026.1.15
    VENV/bin/python scripts/make_unicode_goldens.py tests/data/tokenizer/unicode

Nothing here knows the tables: everything is asked of Hugging Face tokenizers, and grapheme clusters
of `regex`, whose \\X is Unicode 17's as unicode-segmentation 1.13.3's is. Files, all ASCII:

code_points.txt    a line a function: its name, then the CRC-32 of each block of 4,096 code points,
                   where "=" repeats the one before. What is summed up: FUNCTIONS below.
normalization.txt  FORM;input;output. Code points in hexadecimal; the output has @ and the index of
                   the input code point whose place it took ("-" for none), left out where it is
                   the output's own index.
edits.txt          the same for chains of normalizers over longer texts.
graphemes.txt      code points in hexadecimal, clusters divided by "|".
"""

import random
import sys
import zlib

import regex
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers import __version__ as hf_version

BLOCK = 4096
BERT = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False,
        "lowercase": False}
FORMS = {"NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(),
         "NFKD": normalizers.NFKD()}
# One mark of each combining class in ascending order: where a code point behind them all goes tells
# its class. Then what comes second in any primary composite but Hangul. The test has both.
LADDER = (
    "\u0334\u093c\u3099\u094d\u05b0\u05b1\u05b2\u05b3\u05b4\u05b5\u05b6\u05b7\u05b8\u05b9\u05bb"
    "\u05bc\u05bd\u05bf\u05c1\u05c2\ufb1e\u064b\u064c\u064d\u0618\u0619\u061a\u0651\u0652\u0670"
    "\u0711\u0c55\u0c56\u0e38\u0e48\u0eb8\u0ec8\u0f71\u0f72\u0f74\u0321\u1dce\u031b\u302a\u0316"
    "\u059a\u302e\U0001d16d\u05ae\u0300\u0315\u035c\u035d\u0345")
SECONDS = (
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u030f\u0311\u0313"
    "\u0314\u031b\u0323\u0324\u0325\u0326\u0327\u0328\u032d\u032e\u0330\u0331\u0338\u0342\u0345"
    "\u0653\u0654\u0655\u093c\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0c56\u0cc2\u0cd5\u0cd6"
    "\u0d3e\u0d57\u0dca\u0dcf\u0ddf\u102e\u1b35\u3099\u309a\U000110ba\U00011127\U0001133e"
    "\U00011357\U000114b0\U000114ba\U000114bd\U000115af")
CLUSTER = regex.compile(r"\X", regex.V1)
# A code point of each kind, before and behind which every code point is tried.
NEIGHBOURS = ["a", "\r", "\n", "\u0300", "\u200d", "\U0001f1e6", "\u0600", "\u0903", "\u1100",
              "\u1161", "\u11a8", "\uac00", "\uac01", "\U0001f600", "\u0915", "\u0915\u094d",
              "\U0001f600\u200d"]


def functions():
    """{name: what one code point adds to the sum}, as bytes."""
    space = pre_tokenizers.WhitespaceSplit()
    word = pre_tokenizers.Whitespace()
    punctuation = pre_tokenizers.Punctuation()
    clean = normalizers.BertNormalizer(**{**BERT, "clean_text": True})
    strip_mn = normalizers.BertNormalizer(**{**BERT, "strip_accents": True})
    strip_m = normalizers.StripAccents()
    cuts = {"letter": pre_tokenizers.Split(Regex(r"\p{L}"), "isolated"),
            "number": pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"),
            "numeric": pre_tokenizers.Digits(individual_digits=True)}

    def flag(value):
        return b"1" if value else b"0"

    def text(normalizer):
        return lambda c: normalizer.normalize_str(c).encode() + b"\n"

    def changed(form, text):
        normal = form.normalize_str(text)
        return b"=" if normal == text else normal.encode()

    def cut(pre_tokenizer):
        return lambda c: flag(len(pre_tokenizer.pre_tokenize_str(f"\1{c}\1")) == 3)

    def clusters(c):
        tries = [n + c for n in NEIGHBOURS] + [c + n for n in NEIGHBOURS]
        tries += [f"\u0915\u094d{c}\u0915", f"\u0915{c}\u0915", f"\U0001f600{c}\u200d\U0001f600"]
        return bytes(ord("0") + len(CLUSTER.findall(t)) for t in tries)

    return {
        "whitespace": lambda c: flag(len(space.pre_tokenize_str(f"a{c}a")) == 2),
        "word": lambda c: flag(word.pre_tokenize_str(f"a{c}") == [(f"a{c}", (0, 2))]),
        "punctuation": lambda c: flag(len(punctuation.pre_tokenize_str(f"a{c}")) == 2),
        "control": lambda c: flag(clean.normalize_str(c) == ""),
        "nonspacing_mark": lambda c: flag(strip_mn.normalize_str(c) == ""),
        "combining_mark": lambda c: flag(strip_m.normalize_str(c) == ""),
        **{name: cut(pre_tokenizer) for name, pre_tokenizer in cuts.items()},
        "lowercase": text(normalizers.Lowercase()),
        **{name.lower(): text(form) for name, form in FORMS.items()},
        "order": lambda c: changed(FORMS["NFD"], LADDER + c),
        "compose": lambda c: changed(FORMS["NFC"], "".join(c + second for second in SECONDS)),
        "graphemes": clusters,
    }


def write_code_points(path):
    with open(path, "w", encoding="ascii") as out:
        for name, function in functions().items():
            words, last = [name], None
            for start in range(0, 0x110000, BLOCK):
                total = 0
                for c in range(start, start + BLOCK):
                    if not 0xD800 <= c <= 0xDFFF:
                        total = zlib.crc32(function(chr(c)), total)
                words.append("=" if total == last else f"{total:x}")
                last = total
            out.write(" ".join(words) + "\n")


def code_points(text):
    return " ".join(f"{ord(c):x}" for c in text)


def traced(normalizer, text):
    """The normal form with the place that each code point came from, as the golden has it."""
    tokenizer = Tokenizer(models.WordLevel({"x": 0}, unk_token="x"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    normal = normalizer.normalize_str(text)
    offsets = tokenizer.encode(text).offsets
    assert len(offsets) == len(normal), code_points(text)
    parts = []
    for i, (c, (begin, end)) in enumerate(zip(normal, offsets)):
        if (begin, end) == (i, i + 1):
            parts.append(f"{ord(c):x}")
        else:
            assert end - begin == 1 or (begin, end) == (0, 0), code_points(text)
            parts.append(f"{ord(c):x}@{begin if end else '-'}")
    return " ".join(parts)


def normalization_inputs(rng):
    """Strings that are hard to normalize: fixed ones, then random ones of few kinds each."""
    nfd, nfkd, nfc = FORMS["NFD"], FORMS["NFKD"], FORMS["NFC"]
    every = [chr(c) for c in range(0x30000) if not 0xD800 <= c <= 0xDFFF]
    decomposing = [c for c in every if nfd.normalize_str(c) != c and not "\uac00" <= c <= "\ud7a3"]
    compatibility = [c for c in every if nfkd.normalize_str(c) != nfd.normalize_str(c)]
    marks = [c for c in every if nfd.normalize_str(f"\u0345{c}") == f"{c}\u0345"] + ["\u0345"]
    excluded = [c for c in decomposing if nfc.normalize_str(c) != c]
    starters = sorted({nfd.normalize_str(c)[0] for c in decomposing if nfc.normalize_str(c) == c})
    seconds = sorted({nfd.normalize_str(c)[-1] for c in decomposing if nfc.normalize_str(c) == c})
    yield from [
        "\u1e9b\u0323", "\u0344a", "a\u0344", "\u0315\u0300\u05ae\u0300b", "\u09c7\u0334\u09be",
        "\u1100\u0300\u1161\u0327", "\u1100\u1161\u11a7", "\uac00\u11a8\u11a8", "\uac01\u11a8",
        "\u1100\u1161\u11a8\u11a8", "\u1112\u1175\u11c2\u1176\u11c3", "\ufb2c\u05b0",
        "\u0958\u093c", "a\u0300" * 20 + "\u0327", "e" + "\u0301\u0323" * 20, "\ufdfa\u0301",
        "\u0f73\u0f71", "\u0340\u0341", "\U0001d15e\U0001d165", "\U000110ab",
        "\U00011099\U000110ba", "\u212b\u0301", "a\u0310\u0301", "a\u0310\u0323\u0301",
        "a" + "".join(map(chr, range(0x31A, 0x300, -1))) * 3]
    hangul = "\u1100\u1112\u1161\u1175\u11a8\u11c2\u11a7\uac00\uac01"
    pools = [decomposing, compatibility, marks, marks, excluded, starters, seconds, hangul,
             "ae \u4e00\u0915\U0001f600"]
    for _ in range(700):
        few = rng.sample(pools, rng.randint(1, 4))
        yield "".join(rng.choice(rng.choice(few)) for _ in range(rng.randint(1, 9)))


def write_normalization(path):
    with open(path, "w", encoding="ascii") as out:
        for text in normalization_inputs(random.Random(1)):
            for name, form in FORMS.items():
                out.write(f"{name};{code_points(text)};{traced(form, text)}\n")


def write_edits(path):
    """Chains of normalizers over texts of words, marks and compatibility characters."""
    chains = {**FORMS, "LOWER": normalizers.Lowercase(), "STRIP": normalizers.StripAccents()}
    for name, parts in (("NFD+STRIP+LOWER", ["NFD", "STRIP", "LOWER"]),
                        ("NFKC+LOWER+NFC", ["NFKC", "LOWER", "NFC"]),
                        ("LOWER+NFKD+STRIP+NFKC", ["LOWER", "NFKD", "STRIP", "NFKC"])):
        chains[name] = normalizers.Sequence([chains[part] for part in parts])
    pools = ["aeiouAEIOUnNcCZz", "aeo ", " .-", "\u1112\u1161\u11ab\ud55c\uae00",
             "\u00c0\u00e9\u00df\u1ebf\u1e9e\u0130\u01c5\u03a3\u1fc4",
             "\u0301\u0323\u0300\u0327\u0334\u0345", "\ufb03\u2460\u00bd\uff21\u33a9\ufdfa\u2126",
             "\u0915\u093c\u094d\u09c7\u09be", "\u4e2d\U0001f600"]
    rng = random.Random(3)
    with open(path, "w", encoding="ascii") as out:
        for _ in range(250):
            few = rng.sample(pools, rng.randint(2, 6))
            text = "".join(rng.choice(rng.choice(few)) for _ in range(rng.randint(1, 16)))
            for name, chain in chains.items():
                out.write(f"{name};{code_points(text)};{traced(chain, text)}\n")


def property_members(expression):
    pattern = regex.compile(rf"\p{{{expression}}}")
    return [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and pattern.match(chr(c))]


def write_graphemes(path):
    kinds = ["Control", "Extend", "RI", "Prepend", "SpacingMark", "L", "V", "T", "LV", "LVT"]
    kinds = [f"GCB={kind}" for kind in kinds]
    kinds += ["Extended_Pictographic", "InCB=Consonant", "InCB=Linker", "InCB=Extend"]
    pools = [property_members(k) for k in kinds]
    pools += [["\u200d"], ["\u200d", "\u200c"], ["\r", "\n"], ["a", " ", "\u4e00"], ["\ufe0f"]]
    rng = random.Random(2)
    with open(path, "w", encoding="ascii") as out:
        for _ in range(1500):
            few = rng.sample(pools, rng.randint(1, 5))
            text = "".join(rng.choice(rng.choice(few)) for _ in range(rng.randint(1, 9)))
            out.write("|".join(code_points(c) for c in CLUSTER.findall(text)) + "\n")


def main():
    assert hf_version == "0.23.3", hf_version
    assert regex.__version__ == "2026.1.15", regex.__version__
    folder = sys.argv[1]
    write_normalization(f"{folder}/normalization.txt")
    write_edits(f"{folder}/edits.txt")
    write_graphemes(f"{folder}/graphemes.txt")
    write_code_points(f"{folder}/code_points.txt")


if __name__ == "__main__":
    main()
