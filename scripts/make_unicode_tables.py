#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/tokenizer/unicode_tables.cc, the Unicode data of the tokenizer.

Hugging Face tokenizers carries several versions of the Unicode data at the same time (one for
normalization, one for categories, one for `\\w`, one for grapheme clusters, one for lowercase), so
every code point is put to the library itself:

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.3 regex==2026.1.15
    VENV/bin/python scripts/make_unicode_tables.py src/tokenizer/unicode_tables.cc

Only two things cannot be asked: the values of combining classes (which are non-zero, and their
order, is asked; the value, which Unicode never changes, comes from Python's unicodedata) and the
grapheme properties (from `regex`, whose release 2026.1.15 has Unicode 17 as unicode-segmentation
1.13.3 has; what can be seen through the Precompiled normalizer is checked).
Takes about two minutes.
"""

import collections
import struct
import sys
import unicodedata

import regex
from tokenizers import Regex
from tokenizers import __version__ as hf_version
from tokenizers import normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xD7A4)
COLUMNS = 100

# Bits of UnicodeRecord::flags and ::normalization and of its grapheme byte, as unicode_tables.h
# names them.
FLAGS = ["whitespace", "word", "punctuation", "control", "nonspacing_mark", "combining_mark",
         "letter", "number"]
CANONICAL, COMPATIBILITY, COMPOSES_BACK, NOT_NFC, NOT_NFKC, LOWERCASE, NUMERIC = 1, 2, 4, 8, 16, 32, 64
GRAPHEME_CLASSES = ["Any", "CR", "LF", "Control", "Extend", "ZWJ", "Regional_Indicator", "Prepend",
                    "SpacingMark", "L", "V", "T", "LV", "LVT"]
PICTOGRAPHIC = 14
CONJUNCT_BITS = {"Consonant": 16, "Extend": 32, "Linker": 64}


def is_cut_out(pre_tokenizer, char):
    """Whether it stands alone between two characters of no property."""
    return len(pre_tokenizer.pre_tokenize_str(f"\1{char}\1")) == 3


def probe_flags():
    """The set of code points that have each property, as the library shows it."""
    split_space = pre_tokenizers.WhitespaceSplit()
    split_word = pre_tokenizers.Whitespace()
    split_punctuation = pre_tokenizers.Punctuation()
    split_bert = pre_tokenizers.BertPreTokenizer()
    bert = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False,
            "lowercase": False}
    clean = normalizers.BertNormalizer(**{**bert, "clean_text": True})
    strip_mn = normalizers.BertNormalizer(**{**bert, "strip_accents": True})
    strip_m = normalizers.StripAccents()
    split_letter = pre_tokenizers.Split(Regex(r"\p{L}"), "isolated")
    split_number = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
    split_regex_space = pre_tokenizers.Split(Regex(r"\s"), "isolated")
    found = {name: set() for name in FLAGS}
    for c in CODE_POINTS:
        char = chr(c)
        pieces = len(split_space.pre_tokenize_str(f"a{char}a"))
        if pieces == 2:
            found["whitespace"].add(c)
        words = [piece for piece, _ in split_word.pre_tokenize_str(f"a{char}")]
        if words == [f"a{char}"]:
            found["word"].add(c)
        assert (words == ["a"]) == (pieces == 2), hex(c)  # \s is White_Space
        punctuation = len(split_punctuation.pre_tokenize_str(f"a{char}")) == 2
        if punctuation:
            found["punctuation"].add(c)
        isolated = len(split_bert.pre_tokenize_str(f"a{char}a")) == 3
        assert isolated == (punctuation and pieces == 1), hex(c)
        if clean.normalize_str(char) == "":
            found["control"].add(c)
        if strip_mn.normalize_str(char) == "":
            found["nonspacing_mark"].add(c)
        if strip_m.normalize_str(char) == "":
            found["combining_mark"].add(c)
        if is_cut_out(split_letter, char):
            found["letter"].add(c)
        if is_cut_out(split_number, char):
            found["number"].add(c)
        assert is_cut_out(split_regex_space, char) == (pieces == 2), hex(c)
    return found


def probe_mapping(normalizer):
    """{code point: what the normalizer makes of it} where it is not the code point itself."""
    mapping = {}
    for c in CODE_POINTS:
        result = normalizer.normalize_str(chr(c))
        if result != chr(c):
            mapping[c] = [ord(x) for x in result]
    return mapping


def probe_combining_classes(nfd, decomposable):
    """{code point: combining class}: non-zero where NFD moves it, ordered as NFD orders it."""
    classes = {}
    for c in CODE_POINTS:
        if c in decomposable or c in HANGUL:
            continue
        value = unicodedata.combining(chr(c))
        before = nfd.normalize_str(f"\u0345{chr(c)}")  # U+0345 has the highest class, 240
        if before != f"\u0345{chr(c)}":
            assert value != 0, hex(c)
            classes[c] = value
        elif value == 240:
            classes[c] = value
    one_of_each = {value: chr(c) for c, value in classes.items()}
    for c, value in classes.items():
        for other, char in one_of_each.items():
            moved = nfd.normalize_str(char + chr(c)) != char + chr(c)
            assert moved == (value < other), (hex(c), value, other)
    return classes


def probe_compositions(nfc, nfd_map):
    """[(first, second, composite)] sorted, Hangul left out."""
    pairs = []
    for c, parts in nfd_map.items():
        if c in HANGUL or nfc.normalize_str(chr(c)) != chr(c):
            continue
        first = nfc.normalize_str("".join(map(chr, parts[:-1])))
        assert len(first) == 1, hex(c)
        assert nfc.normalize_str(first + chr(parts[-1])) == chr(c), hex(c)
        pairs.append((ord(first), parts[-1], c))
    return sorted(pairs)


def property_set(expression):
    pattern = regex.compile(rf"\p{{{expression}}}")
    return {c for c in CODE_POINTS if pattern.match(chr(c))}


def grapheme_bytes():
    """[grapheme byte of each code point]."""
    result = [0] * 0x110000
    for number, name in enumerate(GRAPHEME_CLASSES[1:], 1):
        for c in property_set(f"GCB={name}"):
            result[c] = number
    for c in property_set("Extended_Pictographic"):
        assert result[c] == 0, hex(c)
        result[c] = PICTOGRAPHIC
    for name, bit in CONJUNCT_BITS.items():
        for c in property_set(f"InCB={name}"):
            result[c] |= bit
    return result


def cluster_counter():
    """A Precompiled normalizer that writes one Z for each grapheme cluster of at most five bytes.

    Its charsmap maps every byte that a code point may start with to Z, and the library applies the
    shortest match to a whole cluster of less than six bytes.
    """
    root, leaf = 256, 512  # a double array: children of 0 at root ^ byte, their values at leaf
    units = [0] * 1024
    units[0] = root << 10
    for byte in [*range(1, 0x80), *range(0xC2, 0xF5)]:
        node = root ^ byte
        units[node] = ((node ^ leaf) << 10) | 1 << 8 | byte
    units[leaf] = 1 << 31  # value 0: the offset of "Z"
    trie = struct.pack(f"<{len(units)}I", *units)
    return normalizers.Precompiled(struct.pack("<I", len(trie)) + trie + b"Z\0")


def check_graphemes(graphemes):
    """What Hugging Face shows of a code point's class with ASCII and U+0300 as neighbours."""
    count = cluster_counter()
    joining = {GRAPHEME_CLASSES.index(n) for n in ("Extend", "ZWJ", "SpacingMark")}
    breaking = {GRAPHEME_CLASSES.index(n) for n in ("Control", "CR", "LF")}
    prepend = GRAPHEME_CLASSES.index("Prepend")
    for c in CODE_POINTS:
        if c == 0:
            continue
        kind = graphemes[c] & 15
        joins = len(count.normalize_str(f"a{chr(c)}")) == 1
        assert joins == (kind in joining), hex(c)
        joins = len(count.normalize_str(f"{chr(c)}a")) == 1
        assert joins == (kind == prepend), hex(c)
        if c < 0x10000:
            joins = len(count.normalize_str(f"{chr(c)}\u0300")) == 1
            assert joins == (kind not in breaking), hex(c)


def two_stage(values, bits):
    """(stage 1, stage 2): equal blocks of 2**bits values are kept once."""
    size = 1 << bits
    blocks, first, second = {}, [], []
    for start in range(0, len(values), size):
        block = tuple(values[start:start + size])
        block += (0,) * (size - len(block))
        if block not in blocks:
            blocks[block] = len(blocks)
            second.extend(block)
        first.append(blocks[block])
    return first, second


def array(kind, name, values):
    """C++ text of one constant array, in lines of at most COLUMNS characters."""
    items = [v if isinstance(v, str) else str(v) for v in values]
    lines, line = [], " "
    for item in items:
        if len(line) + len(item) + 1 > COLUMNS:
            lines.append(line)
            line = " "
        line += item + ","
    lines.append(line)
    return f"const {kind} {name}[] = {{\n" + "\n".join(lines) + "\n};\n"


def pool_of(mappings):
    """(pool, offset of each sequence): length, then code points; 0 is never an offset."""
    pool, offsets = [0], {}
    for sequence in sorted({tuple(s) for m in mappings for s in m.values()}):
        offsets[sequence] = len(pool)
        pool.extend([len(sequence), *sequence])
    assert len(pool) < 65536
    return pool, offsets


def decomposition_arrays(canonical, compatibility):
    pool, offsets = pool_of([canonical, compatibility])
    text = [array("char32_t", "kDecompositionPool", pool)]
    size = max(*canonical, *compatibility) + 1  # both tables are asked about every mapped one
    for name, mapping in (("Canonical", canonical), ("Compatibility", compatibility)):
        values = [0] * size
        for c, sequence in mapping.items():
            values[c] = offsets[tuple(sequence)]
        first, second = two_stage(values, 6)
        text.append(array("std::uint16_t", f"k{name}Blocks", first))
        text.append(array("std::uint16_t", f"k{name}Offsets", second))
    return text


def lowercase_arrays(lower):
    singles = {c: m[0] - c for c, m in lower.items() if len(m) == 1}
    longer = {c: m for c, m in lower.items() if len(m) > 1}
    assert all(len(m) == 2 for m in longer.values())
    deltas = [0] + sorted(set(singles.values()))
    values = [0] * (max(lower) + 1)
    for c, delta in singles.items():
        values[c] = deltas.index(delta)
    first, second = two_stage(values, 6)
    assert max(second) < 256 and max(first) < 256
    pairs = [f"{{{c},{m[0]},{m[1]}}}" for c, m in sorted(longer.items())]
    return [array("std::uint8_t", "kLowercaseBlocks", first),
            array("std::uint8_t", "kLowercaseIds", second),
            array("std::int32_t", "kLowercaseDeltas", deltas),
            array("LowercasePair", "kLowercasePairs", pairs),
            f"const std::size_t kLowercasePairCount = {len(pairs)};\n"]


def normalization_bytes(maps, compositions):
    result = [0] * 0x110000
    for name, bit in (("nfd", CANONICAL), ("nfc", NOT_NFC), ("nfkc", NOT_NFKC),
                      ("lower", LOWERCASE)):
        for c in maps[name]:
            result[c] |= bit
    for c in maps["nfkd"]:
        result[c] |= COMPATIBILITY
    digits = pre_tokenizers.Digits(individual_digits=True)
    for c in CODE_POINTS:
        if is_cut_out(digits, chr(c)):
            result[c] |= NUMERIC
    seconds = {second for _, second, _ in compositions}
    seconds |= set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # Hangul vowels, finals
    for c in CODE_POINTS:
        if c in seconds:
            result[c] |= COMPOSES_BACK
        # normalized_prefix relies on it: what NFC leaves alone does not begin with such a one.
        if c in maps["nfd"] and c not in maps["nfc"]:
            assert maps["nfd"][c][0] not in seconds, hex(c)
        if c in maps["nfkd"] and c not in maps["nfkc"]:
            assert maps["nfkd"][c][0] not in seconds, hex(c)
    return result


def record_arrays(found, classes, graphemes, normalization):
    flags = [0] * 0x110000
    for bit, name in enumerate(FLAGS):
        for c in found[name]:
            flags[c] |= 1 << bit
    records = [(flags[c], classes.get(c, 0), graphemes[c], normalization[c])
               for c in range(0x110000)]
    # Most frequent first: short numbers make a short file.
    rest = collections.Counter(record for record in records if any(record))
    distinct = [(0, 0, 0, 0), *(r for r, _ in sorted(rest.items(), key=lambda x: (-x[1], x[0])))]
    assert len(distinct) <= 256, len(distinct)
    number = {record: i for i, record in enumerate(distinct)}
    for c in range(0xD800, 0xE000):
        records[c] = (0, 0, 0, 0)
    first, second = two_stage([number[r] for r in records], 7)
    return [array("UnicodeRecord", "kUnicodeRecords",
                  ["{" + ",".join(map(str, r)) + "}" for r in distinct]),
            array("std::uint8_t", "kUnicodeIds", second),
            array("std::uint16_t", "kUnicodeBlocks", first)]


HEADER = """// SPDX-License-Identifier: Apache-2.0
// Unicode data of the tokenizer. Written by scripts/make_unicode_tables.py: do not edit, run
//   python scripts/make_unicode_tables.py src/tokenizer/unicode_tables.cc
// Derived from Unicode data files, copyright Unicode, Inc., under the Unicode License V3 (NOTICE).
// clang-format off
#include "tokenizer/unicode_tables.h"

namespace nestvec {

"""


def main():
    assert hf_version == "0.23.3", hf_version
    assert regex.__version__ == "2026.1.15", regex.__version__
    found = probe_flags()
    forms = {"nfd": normalizers.NFD(), "nfkd": normalizers.NFKD(), "nfc": normalizers.NFC(),
             "nfkc": normalizers.NFKC(), "lower": normalizers.Lowercase()}
    maps = {name: probe_mapping(form) for name, form in forms.items()}
    classes = probe_combining_classes(forms["nfd"], maps["nfd"])
    compositions = probe_compositions(forms["nfc"], maps["nfd"])
    graphemes = grapheme_bytes()
    check_graphemes(graphemes)
    canonical = {c: m for c, m in maps["nfd"].items() if c not in HANGUL}
    compatibility = {c: m for c, m in maps["nfkd"].items()
                     if c not in HANGUL and maps["nfd"].get(c) != m}
    text = record_arrays(found, classes, graphemes, normalization_bytes(maps, compositions))
    text += decomposition_arrays(canonical, compatibility)
    text += [array("CompositionPair", "kCompositionPairs",
                   [f"{{{a},{b},{c}}}" for a, b, c in compositions]),
             f"const std::size_t kCompositionPairCount = {len(compositions)};\n"]
    text += lowercase_arrays(maps["lower"])
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write(HEADER + "\n".join(text) + "\n}  // namespace nestvec\n")


if __name__ == "__main__":
    main()
