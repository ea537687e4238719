# SPDX-License-Identifier: Apache-2.0
"""Small vocabularies for the small models: XLM-R-like Unigram, BERT-like WordPiece, and byte-level BPE."""

import collections
import io
import json

import bpe_cases
import component_cases
import jsonl
import sentencepiece
import tokenizer_real
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

UNIGRAM_SIZE = 512
BPE_SIZE = 420
CHARSMAP_RULES = [(chr(0xFF01 + i), chr(0x21 + i)) for i in range(94)] + [
    ("\t", " "), ("\n", " "), ("\r", " "), ("\u00a0", " "), ("\u3000", " "), ("\u200b", ""), ("\u00ad", ""),
    ("\ufb01", "fi"), ("\u2026", "..."), ("\u00bd", "1/2"), ("e\u0301", "\u00e9"), ("a\u0308", "\u00e4"),
]


def corpus() -> list[str]:
    goldens = jsonl.DATA / "tokenizer" / "xlm-roberta" / "goldens.jsonl.gz"
    texts = [record["text"] for record in jsonl.read_jsonl(goldens)[:900]]
    return [text for text in texts if max(map(ord, text), default=0) < 0x250]  # Latin letters


def unigram() -> str:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, model_type="unigram",
        vocab_size=UNIGRAM_SIZE - 2, character_coverage=0.999, num_threads=1, minloglevel=2,
        max_sentence_length=1 << 16, shuffle_input_sentence=False, split_digits=True)
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [[name, 0.0] for name in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces += [[trained.id_to_piece(i), round(trained.get_score(i), 5)]
               for i in range(len(trained)) if not trained.is_control(i) and not trained.is_unknown(i)]
    pieces.append(["<mask>", 0.0])
    if len(pieces) != UNIGRAM_SIZE:
        raise ValueError(f"{len(pieces)} pieces")
    normalizer = {"type": "Precompiled",
                  "precompiled_charsmap": component_cases.charsmap(CHARSMAP_RULES)}
    pre = component_cases.sequence_of("pretokenizers", {"type": "WhitespaceSplit"},
                                      {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True})
    return json.dumps(component_cases.unigram(vocabulary=pieces, normalizer=normalizer, pre_tokenizer=pre))


def wordpiece() -> str:
    counts = collections.Counter(word for text in corpus() for word in text.lower().split()
                                 if word.isascii() and word.isalpha())
    words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:300]]
    letters = [chr(c) for c in range(0x21, 0x7F) if not chr(c).isupper()] + list("\u4f60\u597d\u4e16\u754c\u00df\u0444\u0430")
    ends = ["##" + c for c in letters if c.isalnum()] + ["##ing", "##ed", "##s", "##er", "##tion", "##ly"]
    names = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + ends + words)
    file = component_cases.wordpiece()
    file["model"]["vocab"] = {name: index for index, name in enumerate(names)}
    file["truncation"] = {"direction": "Right", "max_length": 64, "strategy": "LongestFirst", "stride": 0}
    file["padding"] = {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None,
                       "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}
    return json.dumps(file)


def mpnet() -> str:
    """BERT's vocabulary behind RoBERTa's special tokens, as published: [UNK] stands among the words."""
    file = json.loads(wordpiece())
    names = ["<s>", "<pad>", "</s>", "<unk>"] + list(file["model"]["vocab"])[1:] + ["<mask>"]
    names = [name for name in names if name not in ("[CLS]", "[SEP]", "[MASK]")]
    file["model"]["vocab"] = {name: index for index, name in enumerate(names)}
    file["added_tokens"] = [component_cases.added(names.index(name), name)
                            for name in ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")]
    file["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                              "add_prefix_space": False}
    file["padding"] |= {"pad_id": 1, "pad_token": "<pad>"}
    return json.dumps(file)


def bpe_parts(kind: str) -> dict:
    """As published: v5-nano and EuroBERT have Llama 3's, v5-small and Qwen3-Embedding Qwen's."""
    if kind in ("llama3", "modernbert", "roberta"):
        return tokenizer_real.families()[kind]
    level = bpe_cases.byte_level(use_regex=False, trim_offsets=False)
    end = {"type": "TemplateProcessing", "pair": [], "special_tokens": {
        "<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}]}
    return {"specials": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "normalizer": {"type": "NFC"},
            "pre_tokenizer": component_cases.sequence_of(
                "pretokenizers", bpe_cases.split(bpe_cases.QWEN), level),
            "post_processor": end if kind == "qwen3-embedding" else level, "decoder": level}


def byte_level(kind: str) -> str:
    """`kind`: llama3, modernbert, roberta, qwen3 (adds no special token) or qwen3-embedding (one at the end)."""
    parts = bpe_parts(kind)
    shell = json.loads(Tokenizer(models.BPE()).to_str())
    shell["normalizer"], shell["pre_tokenizer"] = parts["normalizer"], parts["pre_tokenizer"]
    tokenizer = Tokenizer.from_str(json.dumps(shell))
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=BPE_SIZE, special_tokens=parts["specials"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    file = json.loads(tokenizer.to_str())
    file["model"].update(parts.get("model", {}))
    file["post_processor"], file["decoder"] = parts["post_processor"], parts["decoder"]
    return json.dumps(file, ensure_ascii=False)
