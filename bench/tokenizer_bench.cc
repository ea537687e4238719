// SPDX-License-Identifier: Apache-2.0
// Tokens per second of the tokenizer on one thread, one line of JSON a pass:
//   tokenizer_bench TOKENIZER.json TEXTS.jsonl [PASSES] [offsets]
// TEXTS.jsonl has a "text" in each line. scripts/bench_tokenizers.py sets it beside others.
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "tokenizer/tokenizer.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::string> read_texts(const std::string& path) {
  std::vector<std::string> texts;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto document = nestvec::JsonDocument::parse(line, path);
    const nestvec::JsonValue root = document.root();
    texts.emplace_back(root.at("text").string());
  }
  return texts;
}

void run(const std::string& tokenizer_path, const std::string& texts_path, int passes,
         bool offsets) {
  const Clock::time_point before_load = Clock::now();
  const auto tokenizer = nestvec::Tokenizer::load(tokenizer_path);
  const double load_seconds = seconds_since(before_load);
  const std::vector<std::string> texts = read_texts(texts_path);
  nestvec::EncodeOptions options;
  options.offsets = offsets;
  nestvec::Tokens tokens;
  for (int pass = 0; pass < passes; ++pass) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    const Clock::time_point start = Clock::now();
    for (const std::string& text : texts) {
      tokenizer.encode(text, options, tokens);
      count += tokens.ids.size();
      bytes += text.size();
    }
    std::printf("{\"tokens\":%zu,\"bytes\":%zu,\"seconds\":%.9f,\"load_seconds\":%.6f}\n", count,
                bytes, seconds_since(start), load_seconds);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s TOKENIZER.json TEXTS.jsonl [PASSES] [offsets]\n", argv[0]);
    return 2;
  }
  try {
    run(argv[1], argv[2], argc > 3 ? std::stoi(argv[3]) : 10,
        argc > 4 && std::string(argv[4]) == "offsets");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
