# SPDX-License-Identifier: Apache-2.0
"""The matrix itself: tokenizer.json contents, each a small change to one of two bases."""

import base64
import pathlib
import tempfile

TEXTS = [
    "", " ", "Hello, world!", "  hello   world  ", "the cat's hat, (no. 42)...", "h\u00e9llo \u00c5ngstr\u00f6m W\u00d6RLD",
    "e\u0301 a\u030a\u0323 n\u0303", "a\tb\nc\r\nd\u00a0e\u3000f\u2028g", "aaaaaaa aaaa aaa", "\u4f60\u597d\u4e16\u754cab\u6f22c",
    "\uc548\ub155 \u110b\u1161\u11ab", "\u05e9\u05b8\u05c1 \u0645\u0651", "\U0001f44d\U0001f3fd\u200d\U0001f680x\ufe0f", "a\u0000b\ufffdc\u200bd\u00ade\ufefff",
    "\ufb01 \u2460 \u00bd \uff21\uff22 \uff76\uff9e", "\u2581a \u2581 b\u2581", "--a--b!?c", "x\ue000y\U000f0000z", "\u0130I\u0131i \u03a3\u03c3\u03c2 \u1e9e",
    "$1+2=3^`~<>|", "\u00bf\u00a1\u2026\u3002\u300c\u060c", "hellohellohelloworldworld",
]

SPECIAL_TEXTS = [
    "<s>", "a<mask>b", " a  <mask>  b ", "<mask><mask>", "<s> hello </s>", "hello<s>world", "<MASK> <S>",
    "[CLS] a [SEP]", "a[MASK]b", " [MASK] [mask] ", "<mask", "\u3000<mask>\u00a0", "\t<mask>\n",
]

NO_ADDED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def added(token_id: int, content: str, **flags: bool) -> dict:
    return {"id": token_id, "content": content, **NO_ADDED, **flags}


def pieces() -> list[list]:
    """A small Unigram vocabulary with ties, runs and several scripts."""
    words = ("\u2581the \u2581hello \u2581world hello world \u2581h he ll llo wor ld \u2581cat \u2581ha at 's . ... , ! ( ) "
             "\u2581a \u2581aa aa aaa aaaa \u2581b \u2581Hello \u2581no \u258142 42 2 4 \u2581\u2581 Hello -- - <s \u2581< ask "
             "\u4f60\u597d \u4e16\u754c \u4f60 \u597d \u6f22 \uc548\ub155 \uc548 \ub155 \u1100 \u1161 \u11ab \u05e9 \u05b8 \u0645 \u0651 \U0001f44d \U0001f3fd \U0001f680 \u200d "
             "\u00e9 \u00c5 \u00f6 h\u00e9 \u0301 \u030a \u0323 \ufb01 fi 1 \u00bd \uff21 \u30ab \u30ac \u3099 \u0131 i\u0307 \u03c3 \u03c2 ss \u1e9e _ _a G \u0120 \u0120a").split(" ")
    words += list("abcdefghijlmnorstuvwxyzABCDEFGHILMNORSTW0356?$+=^`~|>\u2581")
    words += [" ", " a", "  ", "a ", " hello", "\t", "\n", "hello world"]
    result = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    for index, word in enumerate(words):
        length = len(word)
        # Ties on purpose: runs of "a" score the same per letter however they are cut.
        score = -2.0 * length if set(word) == {"a"} else -round(3.0 + 0.05 * (index % 90) + 1.1 * length, 4)
        result.append([word, score])
    unique = {}
    for word, score in result:
        unique.setdefault(word, score)
    return [[word, score] for word, score in unique.items()] + [["<mask>", 0.0]]


def byte_pieces() -> list[list]:
    return pieces()[:-1] + [[f"<0x{byte:02X}>", -12.5] for byte in range(256)] + [["<mask>", 0.0]]


def words() -> dict[str, int]:
    whole = ("[PAD] [UNK] [CLS] [SEP] [MASK] hello world the cat ' s hat , ( no . 42 ) ! ? - aaa a b c d e f h i x y z "
             "Hello he angstrom \u00e5ngstr\u00f6m W wor \u4f60 \u597d \u4e16 \u754c \u6f22 ab \uc548\ub155 \u110b\u1161\u11ab fi \ufb01 $ 1 + 2 = 3 ^ ` ~ < > | mask cls "
             "\u00bf \u00a1 \u2026 \u3002 \u300c \u060c \u03c3 \u03c2 \u0130 \u0131 \u2581 \u2581a ... .. -- e\u0301 h\u00e9 a\u030a\u0323 \u05e9 \u0645 \U0001f44d [ ]").split(" ")
    parts = ("##llo ##hello ##world ##a ##aa ##b ##c ##ld ##d ##s ##o ##l ##at ##\u00e5 ##\u00e9 ##e ##\u0301 ##\u597d ##\u4e16\u754c ##ab ##ngstrom ##2 "
             "##wor ##\u110b ##. ##, ##! ##x ##i ##o\u0308 ##rld ##RLD ##\u00d6RLD @@llo @@a @@hello llo").split(" ")
    result: dict[str, int] = {}
    for word in whole + parts:
        result.setdefault(word, len(result))
    return result


def metaspace(scheme: str = "always", split: bool = True, replacement: str = "\u2581") -> dict:
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": split}


def template(first: str, first_id: int, last: str, last_id: int) -> dict:
    def token(name: str) -> dict:
        return {"SpecialToken": {"id": name, "type_id": 0}}

    def sequence(name: str) -> dict:
        return {"Sequence": {"id": name, "type_id": 0}}
    return {"type": "TemplateProcessing",
            "single": [token(first), sequence("A"), token(last)],
            "pair": [token(first), sequence("A"), token(last), token(last), sequence("B"), token(last)],
            "special_tokens": {first: {"id": first, "ids": [first_id], "tokens": [first]},
                               last: {"id": last, "ids": [last_id], "tokens": [last]}}}


def unigram(**changes) -> dict:
    vocabulary = changes.pop("vocabulary", None) or pieces()
    last = len(vocabulary) - 1
    base = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(0, "<s>"), added(1, "<pad>"), added(2, "</s>"), added(3, "<unk>"),
                         added(last, "<mask>", lstrip=True)],
        "normalizer": None, "pre_tokenizer": metaspace(),
        "post_processor": template("<s>", 0, "</s>", 2), "decoder": metaspace(),
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": False},
    }
    return {**base, **changes}


def bert_normalizer(clean: bool, chinese: bool, accents: bool | None, lower: bool) -> dict:
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
            "strip_accents": accents, "lowercase": lower}


def wordpiece(**changes) -> dict:
    vocabulary = words()
    base = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(index, name) for index, name in
                         enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])],
        "normalizer": bert_normalizer(True, True, None, True),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": template("[CLS]", 2, "[SEP]", 3),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    }
    return {**base, **changes}


def sequence_of(kind: str, *parts: dict) -> dict:
    return {"type": "Sequence", kind: list(parts)}


def charsmap(rules: list[tuple[str, str]]) -> str:
    """A precompiled charsmap of our own rules, compiled by sentencepiece."""
    import io

    import sentencepiece
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "rules.tsv"
        table.write_text("".join(
            " ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n"
            for source, target in rules), encoding="utf-8")
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["abcdefgh"] * 20), model_writer=model, vocab_size=12,
            normalization_rule_tsv=str(table), hard_vocab_limit=False, minloglevel=2)
    return base64.b64encode(protobuf_bytes(protobuf_bytes(model.getvalue(), 3), 2)).decode()


def protobuf_bytes(message: bytes, field: int) -> bytes:
    """The first length-delimited field of that number."""
    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (message[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 0x80:
                return value, at
    position = 0
    while position < len(message):
        key, position = varint(position)
        if key & 7 == 2:
            size, position = varint(position)
            if key >> 3 == field:
                return message[position:position + size]
            position += size
        elif key & 7 == 0:
            _, position = varint(position)
        else:
            position += 4 if key & 7 == 5 else 8
    raise ValueError(f"no field {field}")


CHARSMAP_RULES = [
    ("A", "a"), ("\u00e9", "e"), ("e\u0301", "E"), ("\u0301", ""), ("fi", "F"), ("\ufb01", "fi"), ("\u00bd", "1\u20442"),
    ("\u3000", " "), ("\t", " "), ("\n", " "), ("\r", " "), ("\u200b", ""), ("\uff76\uff9e", "\u30ac"), ("\uff76", "\u30ab"),
    ("\U0001f44d", "like"), ("\U0001f44d\U0001f3fd", "LIKE"), ("\U0001f3fd", ""), ("hello", "H"), ("he", "X"), ("\u00a0", " "),
    ("a\u030a\u0323", "R"), ("a\u030a", "Q"), ("\uc548", "\u110b\u1161\u11ab"), ("\r\n", "N"),
]


def normalizer_cases() -> list[dict]:
    cases = []

    def both(name: str, normalizer: dict) -> None:
        cases.append({"name": f"norm_{name}_u", "file": unigram(normalizer=normalizer)})
        cases.append({"name": f"norm_{name}_w", "file": wordpiece(normalizer=normalizer)})

    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        both(form.lower(), {"type": form})
    both("lowercase", {"type": "Lowercase"})
    both("strip_accents", {"type": "StripAccents"})
    both("nfd_lower_accents", sequence_of("normalizers", {"type": "NFD"}, {"type": "Lowercase"},
                                          {"type": "StripAccents"}))
    both("empty_sequence", sequence_of("normalizers"))
    for left, right in ((True, True), (True, False), (False, True), (False, False)):
        both(f"strip_{int(left)}{int(right)}", {"type": "Strip", "strip_left": left, "strip_right": right})
    both("prepend", {"type": "Prepend", "prepend": "\u2581"})
    both("prepend_word", {"type": "Prepend", "prepend": "hello "})
    both("replace_string", {"type": "Replace", "pattern": {"String": "l"}, "content": "aa"})
    both("replace_delete", {"type": "Replace", "pattern": {"String": "hello"}, "content": ""})
    both("replace_space", {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})
    both("replace_spaces", {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    both("replace_regex_class", {"type": "Replace", "pattern": {"Regex": "[a-c0-9]+"}, "content": "x"})
    both("replace_regex_white", {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "})
    both("llama_like", sequence_of("normalizers", {"type": "Prepend", "prepend": "\u2581"},
                                   {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}))
    own_map = charsmap(CHARSMAP_RULES)
    both("charsmap", {"type": "Precompiled", "precompiled_charsmap": own_map})
    both("charsmap_strip_spaces", sequence_of(
        "normalizers", {"type": "Precompiled", "precompiled_charsmap": own_map},
        {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}))
    for clean in (True, False):
        for chinese in (True, False):
            for accents in (None, True, False):
                for lower in (True, False):
                    name = f"bert_{int(clean)}{int(chinese)}{'n' if accents is None else int(accents)}{int(lower)}"
                    cases.append({"name": f"norm_{name}",
                                  "file": wordpiece(normalizer=bert_normalizer(clean, chinese, accents, lower))})
    cases.append({"name": "norm_none_w", "file": wordpiece(normalizer=None)})
    return cases


def pre_tokenizer_cases() -> list[dict]:
    cases = []

    def both(name: str, pre: dict | None, **case) -> None:
        cases.append({"name": f"pre_{name}_u", "file": unigram(pre_tokenizer=pre), **case})
        cases.append({"name": f"pre_{name}_w", "file": wordpiece(pre_tokenizer=pre, normalizer=None), **case})

    for scheme in ("always", "first", "never"):
        for split in (True, False):
            both(f"metaspace_{scheme}_{'split' if split else 'whole'}", metaspace(scheme, split), specials=True)
    both("metaspace_underscore", metaspace("always", True, "_"))
    both("metaspace_old_true", {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True})
    both("metaspace_old_false", {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": False,
                                 "prepend_scheme": "never"})
    both("metaspace_str_rep", {"type": "Metaspace", "str_rep": "\u2581", "replacement": "\u2581",
                               "add_prefix_space": True, "prepend_scheme": "first"})
    for kind in ("WhitespaceSplit", "Whitespace", "BertPreTokenizer"):
        both(kind.lower(), {"type": kind}, specials=True)
    both("punctuation_default", {"type": "Punctuation"})
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        both(f"punctuation_{behavior.lower()}", {"type": "Punctuation", "behavior": behavior})
    both("none", None, specials=True)
    both("empty_sequence", sequence_of("pretokenizers"))
    both("split_then_metaspace", sequence_of("pretokenizers", {"type": "WhitespaceSplit"}, metaspace()), specials=True)
    both("split_then_metaspace_first", sequence_of("pretokenizers", {"type": "WhitespaceSplit"}, metaspace("first")))
    both("metaspace_then_punctuation", sequence_of(
        "pretokenizers", metaspace(), {"type": "Punctuation", "behavior": "MergedWithPrevious"}))
    both("whitespace_then_punctuation", sequence_of(
        "pretokenizers", {"type": "Whitespace"}, {"type": "Punctuation", "behavior": "Isolated"}))
    both("old_xlmr", sequence_of("pretokenizers", {"type": "WhitespaceSplit"},
                                 {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}))
    return cases


def post_processor_cases() -> list[dict]:
    roberta = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}
    spaced = {"pre_tokenizer": None, "decoder": None}
    cases = [{"name": "post_none_u", "file": unigram(post_processor=None), "specials": True},
             {"name": "post_bert_u", "file": unigram(post_processor={
                 "type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}), "specials": True},
             {"name": "post_bert_w", "file": wordpiece(post_processor={
                 "type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}), "specials": True}]
    for trim in (True, False):
        for prefix in (True, False):
            post = {**roberta, "trim_offsets": trim, "add_prefix_space": prefix}
            name = f"post_roberta_{int(trim)}{int(prefix)}"
            cases.append({"name": name + "_spaces", "file": unigram(post_processor=post, **spaced),
                          "texts": ["hello world", " hello", "a b  a", "\u0120a \u0120", " \t\na "]})
            cases.append({"name": name + "_meta", "file": unigram(post_processor=post), "specials": True})
    many = template("<s>", 0, "</s>", 2)
    many["single"] = [{"SpecialToken": {"id": "two", "type_id": 1}}, {"Sequence": {"id": "A", "type_id": 1}}]
    many["special_tokens"]["two"] = {"id": "two", "ids": [0, 3], "tokens": ["<s>", "<unk>"]}
    cases.append({"name": "post_template_two_ids", "file": unigram(post_processor=many), "truncation": [4]})
    only_first = template("<s>", 0, "</s>", 2)
    only_first["single"] = only_first["single"][:2]
    cases.append({"name": "post_template_no_end", "file": unigram(post_processor=only_first), "truncation": [3]})
    bare = template("<s>", 0, "</s>", 2)
    bare["single"] = [bare["single"][1]]
    cases.append({"name": "post_template_bare", "file": unigram(post_processor=bare), "truncation": [3]})
    return cases


def added_token_cases() -> list[dict]:
    vocabulary = pieces()
    size = len(vocabulary)
    specials = [added(0, "<s>"), added(2, "</s>"), added(3, "<unk>")]
    cases = []
    for left in (False, True):
        for right in (False, True):
            for single in (False, True):
                name = f"added_l{int(left)}r{int(right)}w{int(single)}"
                token = added(size - 1, "<mask>", lstrip=left, rstrip=right, single_word=single)
                own = added(size, "hat", lstrip=left, rstrip=right, single_word=single, special=False)
                cases.append({"name": name, "file": unigram(added_tokens=specials + [token, own]),
                              "specials": True,
                              "texts": ["hat", "hats", "a hat b", "_hat", "hat.hat", "  hat  hat  ", "\u00e9hat hat\u0301 1hat",
                                        "a<mask>1", "<mask>.<mask>", "hat<mask>hat"]})
    shouts = ["HELLO hello Hello", "say HeLLo there", "\u00c9T\u00c9 \u00e9t\u00e9 e\u0301te\u0301", "new  tok", "New Tok new tok"]
    for normalized in (False, True):
        for special in (False, True):
            tokens = specials + [
                added(size, "Hello", normalized=normalized, special=special),
                added(size + 1, "\u00c9t\u00e9", normalized=normalized, special=special, lstrip=True),
                added(size + 2, "new tok", normalized=normalized, special=special, rstrip=True)]
            normalizer = sequence_of("normalizers", {"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"})
            cases.append({"name": f"added_normalized{int(normalized)}_special{int(special)}",
                          "file": unigram(added_tokens=tokens, normalizer=normalizer), "texts": shouts, "specials": True})
    overlap = specials + [added(size, "aa", special=False), added(size + 1, "aaa", special=False),
                          added(size + 2, "ab", special=False, normalized=True), added(size + 3, "baa", special=False),
                          added(size + 4, "cat's", special=True), added(size + 5, "cat", special=False),
                          added(size + 6, " ", special=False, normalized=True)]
    cases.append({"name": "added_overlap", "file": unigram(added_tokens=overlap), "specials": True,
                  "texts": ["aaaaa", "abaab", "baaab", "cat's cat", "cats aab a a"]})
    cases.append({"name": "added_none", "file": unigram(added_tokens=[]), "specials": True})
    prefix = specials + [added(size, "hello", normalized=True, special=False)]
    for scheme in ("first", "always"):
        cases.append({"name": f"added_metaspace_{scheme}", "specials": True, "file": unigram(
            added_tokens=prefix, pre_tokenizer=metaspace(scheme)), "texts": ["hello", "hellohello a hello", "a hello"]})
    llama = sequence_of("normalizers", {"type": "Prepend", "prepend": "\u2581"},
                        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})
    cases.append({"name": "added_prepend", "specials": True,
                  "file": unigram(added_tokens=prefix, normalizer=llama, pre_tokenizer=None)})
    return cases


def truncation_cases() -> list[dict]:
    cases = []
    for direction in ("Right", "Left"):
        for strategy in ("LongestFirst", "OnlyFirst"):
            entry = {"max_length": 7, "strategy": strategy, "stride": 0 if strategy == "LongestFirst" else 2,
                     "direction": direction}
            cases.append({"name": f"truncation_{direction.lower()}_{strategy.lower()}_u",
                          "file": unigram(truncation=entry), "truncation": [2, 5]})
    old = {"max_length": 6, "strategy": "LongestFirst", "stride": 0}
    padding = {"strategy": {"Fixed": 12}, "direction": "Right", "pad_to_multiple_of": 8, "pad_id": 0,
               "pad_type_id": 0, "pad_token": "[PAD]"}
    cases.append({"name": "truncation_old_padded_w", "file": wordpiece(truncation=old, padding=padding), "truncation": [3]})
    cases.append({"name": "truncation_no_specials", "file": unigram(
        truncation={**old, "direction": "Left", "max_length": 4}, post_processor=None), "truncation": [1, 3]})
    return cases


def decoder_cases() -> list[dict]:
    cases = []

    def add(name: str, decoder: dict | None, base=unigram, **changes) -> None:
        cases.append({"name": f"dec_{name}", "file": base(decoder=decoder, **changes), "specials": True})

    for scheme in ("always", "first", "never"):
        add(f"metaspace_{scheme}", metaspace(scheme))
    add("metaspace_old_false", {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": False,
                                "prepend_scheme": "never"})
    for cleanup in (True, False):
        add(f"wordpiece_{int(cleanup)}", {"type": "WordPiece", "prefix": "##", "cleanup": cleanup}, wordpiece)
    add("wordpiece_prefix", {"type": "WordPiece", "prefix": "h", "cleanup": False}, wordpiece)
    replace = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    add("replace", replace)
    add("fuse", {"type": "Fuse"})
    add("strip", {"type": "Strip", "content": "a", "start": 1, "stop": 1})
    add("llama", sequence_of("decoders", replace, {"type": "ByteFallback"}, {"type": "Fuse"},
                             {"type": "Strip", "content": " ", "start": 1, "stop": 0}),
        vocabulary=byte_pieces(), model=byte_model())
    add("byte_fallback", {"type": "ByteFallback"}, model=byte_model())
    return cases


def byte_model(**changes) -> dict:
    return {"type": "Unigram", "unk_id": 3, "vocab": byte_pieces(), "byte_fallback": True, **changes}


def model_cases() -> list[dict]:
    old = {"type": "Unigram", "unk_id": 3, "vocab": pieces()}
    flat = [[piece, 0.0 if index < 4 else -1.0] for index, (piece, _) in enumerate(pieces())]
    wide = [[piece, score * 40.0] for piece, score in pieces()]
    short = words()

    def model(**changes) -> dict:
        return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": short, **changes}
    mask_last = [added(0, "<s>"), added(2, "</s>"), added(3, "<unk>")]
    return [
        {"name": "model_unigram_plain", "file": unigram(), "specials": True, "truncation": [4, 9]},
        {"name": "model_unigram_no_byte_key", "file": unigram(model=old)},
        {"name": "model_unigram_equal_scores", "file": unigram(model={**old, "vocab": flat}),
         "texts": ["aaaaaaaaaaaaa", "hellohello worldworld", "aabaab"]},
        {"name": "model_unigram_wide_scores", "file": unigram(model={**old, "vocab": wide})},
        {"name": "model_unigram_unk_runs", "file": unigram(),
         "texts": ["\u0416\u0416\u0416 \u0416a\u0416", "\u0416\u0416hello\u0416", "\U0001f9ff\U0001f9ff"]},
        {"name": "model_byte_fallback", "file": unigram(model=byte_model(), added_tokens=mask_last), "specials": True},
        {"name": "model_byte_fallback_incomplete", "file": unigram(added_tokens=mask_last, model=byte_model(
            vocab=[pair for pair in byte_pieces() if pair[0] != "<0xD0>"])), "texts": ["\u0416a\u0416", "a\u0440\u0440b"]},
        {"name": "model_byte_fallback_no_vocab", "file": unigram(model={**old, "byte_fallback": True})},
        {"name": "model_wordpiece_plain", "file": wordpiece(), "specials": True, "truncation": [3, 6]},
        {"name": "model_wordpiece_short_words", "file": wordpiece(model=model(max_input_chars_per_word=5)),
         "texts": ["hello hellos \u00e9\u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"]},
        {"name": "model_wordpiece_at_prefix", "file": wordpiece(model=model(continuing_subword_prefix="@@")),
         "texts": ["hello aaaa hehello"]},
        {"name": "model_wordpiece_empty_prefix", "file": wordpiece(model=model(continuing_subword_prefix="")),
         "texts": ["hellohello", "aabb"]},
        {"name": "model_wordpiece_other_unk", "file": wordpiece(model=model(unk_token="mask"))},
    ]


def all_cases() -> list[dict]:
    cases = (normalizer_cases() + pre_tokenizer_cases() + post_processor_cases() + added_token_cases() +
             truncation_cases() + decoder_cases() + model_cases())
    names = [case["name"] for case in cases]
    if len(set(names)) != len(names):
        raise ValueError("two cases share a name")
    return cases
