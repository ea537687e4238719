# SPDX-License-Identifier: Apache-2.0
"""Texts that tokenizers get wrong: hostile Unicode, runs, specials in odd places. Deterministic."""

import random

SPECIALS = ["<s>", "</s>", "<mask>", "<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "[UNK]"]

PLAIN = [
    "", " ", "   ", "\t", "\n", "\r", "\r\n", "a", "A", ".", "Hello, world!", "hello world",
    " hello", "hello ", "  hello   world  ", "The quick brown fox jumps over the lazy dog.",
    "don't stop -- it's 12,345.67 (or so)...", "snake_case CamelCase kebab-case", "a\tb\nc\rd\r\ne",
    "Stra\u00dfe, \u00c5ngstr\u00f6m, na\u00efve caf\u00e9, \u0130stanbul", "e\u0301e\u0300 o\u0308 A\u030a",
    "HELLO World 42", "one  two   three    four", "http://example.org/a?b=c&d=%20#e",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002abc\u6f22\u5b57def", "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\uff01",
    "\uff8a\uff9d\uff76\uff78\uff76\uff85 \uff26\uff35\uff2c\uff2c \u3392\u3391",
    "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4", "\u110b\u1161\u11ab\u1102\u1167\u11bc",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \ufefb \ufdfa",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0419\u043e\u0434 \u0451\u043b\u043a\u0430",
    "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5 \u03a3\u0391\u03a3 \u1f84",
]

HOSTILE = [
    "\u0000", "a\u0000b", "\ufeffBOM first", "mid\ufeffdle", "\ufffd\ufffd x \ufffd",
    "zero\u200bwidth\u200cnon\u200djoin\u2060er", "soft\u00adhyphen", "nb\u00a0sp\u202fnarrow\u3000wide",
    "line\u2028sep\u2029par\u0085nel\u000bvt\u000cff", "\u001f\u007f\u0080\u009f control",
    "\u202eRTL override\u202c \u200fmark", "\u2066isolate\u2069",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family",
    "\U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f 1\ufe0f\u20e3",
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "\ue000\uf8ff\U000f0000\U0010fffd", "\U0010ffff \uffff \ufdd0",
    "Z\u0351\u036b\u0343a\u0363\u0368l\u0348\u0349g\u0321\u0353o", "x" + "\u0301" * 40 + "y",
    "\u0301leading mark", " \u0308 lone marks \u20dd", "\ufb01ligature \ufb03 \u2126 \u212b \u2460 \u00bd \u00b2",
    "\u1e9b\u0323 \u1e0b\u0323 d\u0323\u0307 d\u0307\u0323", "\u01c4 \u01c5 \u01c6 \u1e9e \u0149 \ufb05",
    "\u2581already\u2581meta\u2581", "\u2581", "\u2581\u2581", " \u2581 ", "\u0120G \u010ac",
    "\U00020000\U0002a6d6\u9fff\u3400\uf900", "\U0001d400\U0001d41a\U0001d7ce", "\u1100\u1100\u1161\u1161\u11a8\u11a8",
    "\u0644\u0627\u0651\u064e\u0640\u0640\u0640", "!!!???...,,,;;;", "\u00bf\u00a1\u2026\u2014\u2013\u300c\u300d\u3001$+<=>^`|~",
    "a" * 64, "ab" * 40, "0" * 33, "\u3042" * 30, " " * 20 + "x" + " " * 20, "aaa aaaa aaaaa aaaaaa",
    "x" * 130, "word" * 30, "-" * 50, "\U0001f600" * 12,
]

SPECIAL_TEXTS = [
    "<s>", "</s>", "<mask>", "<s> hello </s>", "a<mask>b", "a <mask> b", "a  <mask>  b", "<mask><mask>",
    "<mask> <mask>", "hello<s>world", "<S> <MASK>", "<mask", "mask>", "< mask >", "\t<mask>\n",
    "[CLS] hello [SEP]", "a[MASK]b", " [MASK] ", "[mask]", "[UNK]", "hello [PAD] world", "<pad>x<unk>y",
]


def random_texts(count: int, seed: int) -> list[str]:
    """Pieces of all the lists above, glued by odd separators and salted with single code points."""
    rng = random.Random(seed)
    words = [word for text in PLAIN + HOSTILE for word in text.split(" ") if word]
    glue = ["", " ", "  ", "\n", "\t", "\u00a0", "\u3000", "\u200b", "\r", ". ", "-"]
    blocks = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF),
              (0x900, 0xDFF), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F),
              (0x2070, 0x2BFF), (0x3000, 0x33FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF),
              (0xE000, 0xE00F), (0xF900, 0xFAFF), (0xFB00, 0xFFEF), (0x1F300, 0x1F9FF)]
    texts = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 12)):
            kind = rng.random()
            if kind < 0.55:
                parts.append(rng.choice(words))
            elif kind < 0.65:
                parts.append(rng.choice(SPECIALS))
            else:
                low, high = rng.choice(blocks)
                parts.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 5))))
            parts.append(rng.choice(glue))
        texts.append("".join(parts))
    return texts
