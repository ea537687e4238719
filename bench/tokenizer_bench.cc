// SPDX-License-Identifier: Apache-2.0
// Tokens a second on one thread, over texts of some 90 languages and hostile Unicode; loading;
// texts that are meant to be slow. items_per_second is tokens, of a load it is files.
// scripts/bench_tokenizers.py sets it beside other tokenizers.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "support/folders.h"
#include "support/jsonl_gz.h"
#include "support/read_xz.h"
#include "tokenizer/tokenizer.h"

namespace {

using nestvec::EncodeOptions;
using nestvec::Tokenizer;
using nestvec::Tokens;

const std::string& tokenizer_json(const std::string& name) {
  static const std::string kXlmRoberta =
      nestvec::read_xz(nestvec::test_data() + "/tokenizer/xlm-roberta/tokenizer.json.xz");
  static const std::string kWordpiece =
      nestvec::read_xz(nestvec::test_data() + "/tokenizer/wordpiece/tokenizer.json.xz");
  return name == "wordpiece" ? kWordpiece : kXlmRoberta;
}

const std::vector<std::string>& mixed_texts() {
  static const std::vector<std::string> kTexts = [] {
    std::vector<std::string> read;
    nestvec::for_each_record(
        nestvec::test_data() + "/tokenizer/xlm-roberta/goldens.jsonl.gz",
        [&](const nestvec::JsonValue& record) { read.emplace_back(record.at("text").string()); });
    return read;
  }();
  return kTexts;
}

void encode_texts(benchmark::State& state, const std::string& name, bool offsets,
                  const std::vector<std::string>& texts) {
  const Tokenizer tokenizer = Tokenizer::parse(tokenizer_json(name), name);
  EncodeOptions options;
  options.offsets = offsets;
  Tokens tokens;
  std::int64_t count = 0;
  std::int64_t bytes = 0;
  for (auto _ : state) {
    for (const std::string& text : texts) {
      tokenizer.encode(text, options, tokens);
      count += static_cast<std::int64_t>(tokens.ids.size());
      bytes += static_cast<std::int64_t>(text.size());
    }
  }
  state.SetItemsProcessed(count);
  state.SetBytesProcessed(bytes);
}

void encode_mixed(benchmark::State& state, const std::string& name, bool offsets) {
  encode_texts(state, name, offsets, mixed_texts());
}
BENCHMARK_CAPTURE(encode_mixed, xlm_roberta_ids, "xlm-roberta", false);
BENCHMARK_CAPTURE(encode_mixed, xlm_roberta_offsets, "xlm-roberta", true);
BENCHMARK_CAPTURE(encode_mixed, wordpiece_ids, "wordpiece", false);
BENCHMARK_CAPTURE(encode_mixed, wordpiece_offsets, "wordpiece", true);

// A megabyte of one character, without a space.
void encode_megabyte_of(benchmark::State& state, const std::string& character) {
  std::string text;
  while (text.size() < 1000000) text += character;
  encode_texts(state, "xlm-roberta", true, {text});
}
BENCHMARK_CAPTURE(encode_megabyte_of, letter, "a");
BENCHMARK_CAPTURE(encode_megabyte_of, combining_mark, "\u0301");
BENCHMARK_CAPTURE(encode_megabyte_of, ideograph, "\u4f60");

void load(benchmark::State& state, const std::string& name) {
  const std::string& json = tokenizer_json(name);
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::parse(json, name));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(load, xlm_roberta, "xlm-roberta");
BENCHMARK_CAPTURE(load, wordpiece, "wordpiece");

}  // namespace
