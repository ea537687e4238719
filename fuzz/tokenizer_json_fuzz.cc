// SPDX-License-Identifier: Apache-2.0
// A tokenizer.json of any bytes is read or refused with the one error type; what is read encodes,
// decodes and joins pairs without a crash. Messages are one line of UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "expect_one_line.h"
#include "nestvec/error.h"
#include "tokenizer/tokenizer.h"

namespace {

constexpr std::string_view kTexts[] = {"", " hello  world <mask> ",
                                       "a\u0301\u00e9 \u4f60\u597d\u2581x",
                                       "\x01\xFF\r\n\u200d\U0001f44d\U0001f3fd"};

// A pair has each text's tokens once, and a type for every token; without a template it is refused.
void join(const nestvec::Tokenizer& tokenizer) {
  const nestvec::Tokens first = tokenizer.encode(kTexts[1], {.add_special = false});
  const nestvec::Tokens second = tokenizer.encode(kTexts[2], {.add_special = false});
  const nestvec::Tokens pair = tokenizer.join_pair(first, second);
  const std::size_t size = first.ids.size() + second.ids.size() + tokenizer.pair_special_count();
  if (!tokenizer.has_pairs() || pair.ids.size() != size) std::abort();
  if (pair.type_ids.size() != size || pair.offsets.size() != size) std::abort();
  if (pair.special.size() != size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer = nestvec::Tokenizer::parse(json, "tokenizer.json");
    for (const std::string_view text : kTexts) {
      const nestvec::Tokens tokens = tokenizer.encode(text, {.file_truncation = true});
      tokenizer.encode(text, {.add_special = false, .parse_special = false, .offsets = false});
      // A template may add ids that the vocabulary lacks; decode says so.
      tokenizer.decode(tokens.ids, true);
    }
    join(tokenizer);
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument) std::abort();
    expect_one_line_of_utf8(error.what());
  }
  return 0;
}
