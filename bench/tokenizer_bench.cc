// SPDX-License-Identifier: Apache-2.0
// Tokens a second on one thread, over texts of some 90 languages and hostile Unicode; loading;
// texts that are meant to be slow. items_per_second is tokens, of a load it is files.
// scripts/bench_tokenizers.py sets it beside other tokenizers.
#include <benchmark/benchmark.h>

#include <map>
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
  static std::map<std::string, std::string> kept;
  std::string& json = kept[name];
  if (json.empty()) {
    json = nestvec::read_xz(nestvec::test_data() + "/tokenizer/" + name + "/tokenizer.json.xz");
  }
  return json;
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
BENCHMARK_CAPTURE(encode_mixed, qwen3_ids, "qwen3", false);
BENCHMARK_CAPTURE(encode_mixed, qwen3_offsets, "qwen3", true);

// A megabyte of one character, without a space.
void encode_megabyte_of(benchmark::State& state, const std::string& name,
                        const std::string& character) {
  std::string text;
  while (text.size() < 1000000) text += character;
  encode_texts(state, name, true, {text});
}
BENCHMARK_CAPTURE(encode_megabyte_of, letter, "xlm-roberta", "a");
BENCHMARK_CAPTURE(encode_megabyte_of, combining_mark, "xlm-roberta", "\u0301");
BENCHMARK_CAPTURE(encode_megabyte_of, ideograph, "xlm-roberta", "\u4f60");
BENCHMARK_CAPTURE(encode_megabyte_of, letter_qwen3, "qwen3", "a");
BENCHMARK_CAPTURE(encode_megabyte_of, ideograph_qwen3, "qwen3", "\u4f60");
BENCHMARK_CAPTURE(encode_megabyte_of, space_qwen3, "qwen3", " ");

void load(benchmark::State& state, const std::string& name) {
  const std::string& json = tokenizer_json(name);
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::parse(json, name));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(load, xlm_roberta, "xlm-roberta");
BENCHMARK_CAPTURE(load, wordpiece, "wordpiece");
BENCHMARK_CAPTURE(load, qwen3, "qwen3");

}  // namespace
