# SPDX-License-Identifier: Apache-2.0
"""Small BPE and WordLevel tokenizers: what bpe.cc, split.cc, byte_level.cc and regex.cc must do."""

import functools
import itertools

from component_cases import added, sequence_of
from tokenizers import pre_tokenizers

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
QWEN = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

TEXTS = [
    "I'll don't I'LL DON'T you\u2019re he'\u017f we'Ve 's'S", "1234567 12 3\u0664\u0665\u0666\u0667 \u00bd\u2160\u3007\u3021", "a  b   c    ",
    "x\r\n\r\n  \n y\n\n\nz \t\n", "  lead", "trail  ", "\n", " \n ", "\n    x", "\n     ", "\r\r\n", "a\u00a0b\u3000c\u2028d\u0085e", "f(x)=[1,2];\n\n}\r\n",
    "... !!\n?", "a\u0301e\u0301\u0323 o\u0308", "\u212b\u2126", "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0643\u0645", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd",
    "\u0120a \u010a", "na\u00efve caf\u00e9", "hello hello  hello", "a" * 70, " " * 70, "\n" * 9 + " " * 80, "0" * 70, "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "the the the",
    "\U000105c0 \ua7ce\ua7da \U00011de0", "st ff \ufb06", "\ufffd\u0000\ufeff",
]


def alphabet() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())


@functools.cache
def merges() -> list[tuple[str, str]]:
    """Byte pairs of common words, of runs and of some characters, in an order that makes them compete."""
    words = ("the \u0120the hello \u0120hello \u0120a \u0120\u0120 \u0120\u0120\u0120\u0120 aa aaaa aaaaa in ing 'll 've 12 123 00 000 "
             "\u00c3\u00a9 \u00c3\u00af \u00e4\u00bd\u0142 \u00e4\u00bd \u00f0\u0141\u0133 \u00d9\u0127 \u00cc\u0123 a\u00cc \u010a\u010a \u010d\u010a lo \u0120lo oh he").split()
    pairs: dict[tuple[str, str], None] = {}
    for word in words:
        parts = list(word)
        while len(parts) > 1:
            at = next((i for i in range(len(parts) - 1) if (parts[i], parts[i + 1]) in pairs), len(parts) - 2)
            pairs.setdefault((parts[at], parts[at + 1]))
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
    return list(pairs)


def vocabulary(*more: str, without: str = "") -> dict[str, int]:
    tokens = ["<s>", "</s>", "<pad>", "<unk>", "<mask>"] + [c for c in alphabet() if c not in without]
    tokens += [left + right for left, right in merges() if not set(left + right) & set(without)]
    return {token: index for index, token in enumerate(dict.fromkeys([*tokens, *more]))}


def model(vocab: dict[str, int] | None = None, old_spelling: bool = False, **changes) -> dict:
    vocab = vocab or vocabulary()
    pairs = [pair for pair in merges() if pair[0] in vocab and pair[1] in vocab and "".join(pair) in vocab]
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": vocab, "merges": [" ".join(pair) if old_spelling else list(pair) for pair in pairs], **changes}


def byte_level(add_prefix_space: bool = False, use_regex: bool = True, trim_offsets: bool = True) -> dict:
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": trim_offsets,
            "use_regex": use_regex}


def split(pattern: str, behavior: str = "Isolated", invert: bool = False, kind: str = "Regex") -> dict:
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def bpe(**changes) -> dict:
    base = {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(0, "<s>"), added(1, "</s>"), added(2, "<pad>"), added(3, "<unk>"),
                             added(4, "<mask>", lstrip=True)],
            "normalizer": None, "pre_tokenizer": byte_level(), "post_processor": byte_level(),
            "decoder": byte_level(), "model": model()}
    return {**base, **changes}


def characters(*tokens: str) -> dict[str, int]:
    """A vocabulary of characters, not bytes, with a few words."""
    names = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", *"abcdehlnotv .,'123\u2581\u4f60\u597d\u00e9", "he", "ll", "hell", "hello", "\u2581h",
             "\u2581hello", "aa", "\u4f60\u597d", *tokens]
    return {name: index for index, name in enumerate(dict.fromkeys(names))}


CHARACTER_MERGES = [["h", "e"], ["l", "l"], ["he", "ll"], ["hell", "o"], ["\u2581", "h"], ["\u2581", "hello"], ["a", "a"],
                    ["\u4f60", "\u597d"]]


def character_model(vocab: dict[str, int] | None = None, pairs: list | None = None, **changes) -> dict:
    return {**model({"a": 0}), "vocab": vocab or characters(), "merges": CHARACTER_MERGES if pairs is None else pairs,
            **changes}


def plain(**changes) -> dict:
    return bpe(**{"pre_tokenizer": None, "post_processor": None, "decoder": None, "model": character_model(), **changes})


def byte_level_cases() -> list[dict]:
    roberta = {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]}
    cases = [{"name": "bpe_old_spelling", "file": bpe(model=model(old_spelling=True)), "specials": True, "truncation": [3, 7]}]
    for prefix, regex in itertools.product((False, True), repeat=2):
        name = f"bpe_byte_level_p{int(prefix)}x{int(regex)}"
        cases.append({"name": name, "file": bpe(pre_tokenizer=byte_level(prefix, regex)), "specials": True})
    for trim, prefix in itertools.product((False, True), repeat=2):
        post = {**roberta, "trim_offsets": trim, "add_prefix_space": prefix}
        pre = byte_level(prefix)
        cases.append({"name": f"bpe_roberta_t{int(trim)}p{int(prefix)}", "specials": True,
                      "file": bpe(pre_tokenizer=pre, post_processor=post)})
        both = sequence_of("processors", byte_level(prefix, trim_offsets=trim), {**post, "trim_offsets": False})
        cases.append({"name": f"bpe_sequence_t{int(trim)}p{int(prefix)}", "truncation": [6],
                      "file": bpe(pre_tokenizer=pre, post_processor=both)})
        cases.append({"name": f"bpe_trim_t{int(trim)}p{int(prefix)}", "specials": True, "file": bpe(
            pre_tokenizer=byte_level(not prefix), post_processor=byte_level(prefix, trim_offsets=trim))})
    for name, expression in (("qwen", QWEN), ("llama3", LLAMA3), ("gpt2", GPT2)):
        pre = sequence_of("pretokenizers", split(expression), byte_level(use_regex=False))
        nfc = {"type": "NFC"} if name == "qwen" else None
        for ignore in (False, True):
            cases.append({"name": f"bpe_{name}_i{int(ignore)}", "specials": True, "file": bpe(
                normalizer=nfc, pre_tokenizer=pre, model=model(vocabulary("\u0120hel", "llo", "\u0120unreachable"),
                                                              ignore_merges=ignore))})
    spaced = sequence_of("pretokenizers", {"type": "WhitespaceSplit"}, byte_level(True))
    cases.append({"name": "bpe_prefix_each_piece", "file": bpe(pre_tokenizer=spaced), "specials": True})
    twice = sequence_of("pretokenizers", byte_level(), split("\u0120", "MergedWithNext", kind="String"))
    cases.append({"name": "bpe_written_out", "file": bpe(pre_tokenizer=twice), "specials": True})
    for post in (byte_level(True), {**roberta, "trim_offsets": True, "add_prefix_space": True}):
        cases.append({"name": "bpe_written_trim_" + post["type"].lower(), "file": bpe(
            pre_tokenizer=sequence_of("pretokenizers", byte_level(True), sequence_of("pretokenizers")),
            post_processor=post)})
    own = [added(0, "<s>"), added(4, "<mask>", lstrip=True, rstrip=True), added(500, "hello", normalized=True, special=False),
           added(501, "\u00e9", special=False, single_word=True)]
    for prefix in (False, True):
        cases.append({"name": f"bpe_added_p{int(prefix)}", "specials": True, "file": bpe(
            added_tokens=own, pre_tokenizer=byte_level(prefix), normalizer={"type": "NFC"}),
            "texts": ["ahello b", "hello<mask>hello", " \u00e9 e\u0301\u00e9 ", "<mask> a"]})
    return cases


def model_cases() -> list[dict]:
    missing = vocabulary(without="\u00c3\u00a9q\u0120")
    cases = []
    for unk, fuse in ((None, False), ("<unk>", False), ("<unk>", True)):
        name = f"{'none' if unk is None else 'unk'}_f{int(fuse)}"
        changes = {"unk_token": unk, "fuse_unk": fuse}
        cases.append({"name": f"bpe_missing_{name}", "file": bpe(model=model(missing, **changes)),
                      "texts": ["\u00e9\u00e9 q\u00e9a", "qqq", "aqqa qa"]})
        cases.append({"name": f"bpe_characters_{name}", "file": plain(model=character_model(**changes)),
                      "texts": ["hxello", "xxhxx", "\u4f60x\u597d\u4f60\u597d", "\U0001f600a"]})
    bytes_too = characters(*(f"<0x{byte:02X}>" for byte in range(256)))
    some = {token: index for index, token in enumerate(t for t in bytes_too if t != "<0xD0>")}
    texts = ["\u0416a\u0416", "hello\U0001f600", "z\u0416z", "\u00f1z"]
    for name, vocab in (("all", bytes_too), ("some", some)):
        for unk, fuse in ((None, False), ("<unk>", False), ("<unk>", True)):
            cases.append({"name": f"bpe_fallback_{name}_{'none' if unk is None else 'unk'}_f{int(fuse)}", "texts": texts,
                          "file": plain(model=character_model(vocab, byte_fallback=True, unk_token=unk, fuse_unk=fuse))})
    gemma = {"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
             "pre_tokenizer": split(" ", "MergedWithPrevious", kind="String"), "decoder": sequence_of(
                 "decoders", {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                 {"type": "ByteFallback"}, {"type": "Fuse"})}
    cases.append({"name": "bpe_gemma", "texts": texts, "specials": True, "file": plain(
        **gemma, model=character_model(bytes_too, byte_fallback=True, unk_token="<unk>", fuse_unk=True))})
    ends = characters("o</w>", "a</w>", "aa</w>", "hello</w>", "o</w>", "n</w>", "\u00e9</w>")
    pairs = [["h", "e"], ["l", "l"], ["he", "ll"], ["hell", "o</w>"], ["a", "a</w>"], ["a", "a"]]
    cases.append({"name": "bpe_suffix", "file": plain(
        pre_tokenizer={"type": "Whitespace"}, decoder={"type": "BPEDecoder", "suffix": "</w>"},
        model=character_model(ends, pairs, end_of_word_suffix="</w>", unk_token="<unk>")), "texts": ["hello aaa aa a \u00e9 no"]})
    inner = characters("##a", "##e", "##l", "##o", "##ll", "##llo", "hello", "##aa", "##n")
    pairs = [["##l", "##l"], ["##ll", "##o"], ["h", "##e"], ["he", "##llo"], ["##a", "##a"]]
    cases.append({"name": "bpe_prefix", "file": plain(
        pre_tokenizer={"type": "WhitespaceSplit"}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": False},
        model=character_model(inner, pairs, continuing_subword_prefix="##", unk_token="<unk>")),
        "texts": ["hello aaaa aaa a heaan", "nohello"]})
    empty = {"continuing_subword_prefix": "", "end_of_word_suffix": "", "dropout": 0.0}
    cases.append({"name": "bpe_empty_affixes", "file": plain(model=character_model(**empty, unk_token="<unk>")), "texts": ["hello"]})
    again = CHARACTER_MERGES + [["h", "e"], ["l", "l"]]
    cases.append({"name": "bpe_pair_again", "file": plain(model=character_model(pairs=again)), "texts": ["hello hell"]})
    cases.append({"name": "bpe_no_merges", "file": plain(model=character_model(pairs=[]))})
    cases.append({"name": "bpe_ignore_merges", "file": plain(model=character_model(ignore_merges=True, pairs=[])),
                  "texts": ["hello", "aa"]})
    words = {"type": "WordLevel", "vocab": {"<unk>": 0, "hello": 1, "world": 2, "the": 3, ",": 4, "caf\u00e9": 5}, "unk_token": "<unk>"}
    cases.append({"name": "word_level", "specials": True, "file": bpe(
        model=words, pre_tokenizer={"type": "Whitespace"}, added_tokens=[added(0, "<unk>")], post_processor=None, decoder=None)})
    cases.append({"name": "word_level_byte_level", "file": bpe(
        model={**words, "vocab": {**words["vocab"], "\u0120hello": 6, "caf\u00c3\u00a9": 7}}, added_tokens=[], pre_tokenizer=byte_level(True)),
        "texts": ["caf\u00e9 hello"]})
    return cases


def split_cases() -> list[dict]:
    """Over characters: what is cut off vanishes or stands alone, which the offsets show."""
    level = character_model(unk_token="<unk>", pairs=[])
    cases = []

    def add(name: str, pre: dict, *texts: str) -> None:
        cases.append({"name": f"split_{name}", "file": plain(pre_tokenizer=pre, model=level), "texts": [
            "--a--b-", "12a345b", "a,b,,c", "''a'' b", "hello,, 12", *texts, *TEXTS[:14]]})

    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            name = f"{behavior.lower()}_{int(invert)}"
            add(f"regex_{name}", split(r"\p{N}+|,| ", behavior, invert))
            add(f"string_{name}", split("a", behavior, invert, "String"))
    for index, expression in enumerate((
            r"a|aa|aaa", r"aaa|aa|a", r"(a|b)+c?", r"(?:ab|a)(?=b)", r"a+b", r"[^\S\r\n]+", r"\S+",
            r"[\p{L}\p{N}']+", r"\P{L}+", r"\p{^N}{2,3}", r"(?i:k|s)+", r"'(?i:[sdmt]|ll|ve|re)", r".", r"\n{2,}", r"[a-c0-9.\-]{2}",
            r"(?:a(?!a)|b)+", r" ?\S+|\s+(?=\S)", r"\s*[\r\n]+", r"\.\.\.", r"x*a", r"a{2}|a{4}")):
        add(f"expression_{index:02}", split(expression, "Isolated"), "kK\u212asS\u017f", "aaaaaaa aab", "xxxxa xxx", "a" * 200 + "c")
    add("digits_each", {"type": "Digits", "individual_digits": True})
    add("digits_runs", {"type": "Digits", "individual_digits": False})
    add("delimiter", {"type": "CharDelimiterSplit", "delimiter": ","})
    add("delimiter_wide", {"type": "CharDelimiterSplit", "delimiter": "\u3002"}, "a\u3002\u3002b")
    add("after_split", sequence_of("pretokenizers", {"type": "Digits", "individual_digits": True},
                                   split(r"\s+(?!\S)|\s+")), "a  1  b")
    return cases


def all_cases() -> list[dict]:
    cases = byte_level_cases() + model_cases() + split_cases()
    for case in cases:
        case["texts"] = case.get("texts", []) + (TEXTS if not case["name"].startswith("split_") else [])
    return cases
