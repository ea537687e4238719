// SPDX-License-Identifier: Apache-2.0
// What targets that read requests know of a model, without one.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "dialects/inputs.h"
#include "expect_one_line.h"

inline const nestvec::ModelInfo& made_up_model() {
  static const nestvec::ModelInfo model = [] {
    nestvec::ModelInfo info;
    info.id = "made-up";
    info.dimensions = 64;
    info.max_tokens = 128;
    info.vocabulary = 1000;
    info.tasks = {{"retrieval.query", "Query: "}, {"retrieval.passage", ""}, {"separation", ""}};
    return info;
  }();
  return model;
}

inline nestvec::InputRules made_up_rules() {
  return {made_up_model(), 16,
          [](std::span<const std::uint32_t> ids) { return std::string(ids.size(), 'x'); }};
}

// What holds of a call that a reader lets pass.
inline void expect_valid(const nestvec::EmbedCall& call) {
  if (call.texts.size() > 16 || call.options.dimensions > 64) std::abort();
  if (!call.tasks.empty() && call.tasks.size() != call.texts.size()) std::abort();
  for (const std::string& text : call.texts) {
    if (text.empty() || !nestvec::is_valid_utf8(text)) std::abort();
  }
}

// Reads `data` as the body of a request: `read(document root)` may throw the one error type, for
// what the client has done wrong, in one line of UTF-8.
template <typename Read>
int fuzz_body(const std::uint8_t* data, std::size_t size, Read read) {
  nestvec::HttpRequest request;
  request.body.assign(reinterpret_cast<const char*>(data), size);
  try {
    const nestvec::JsonDocument document = nestvec::read_json_body(request);
    read(document.root());
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument) std::abort();
    expect_one_line_of_utf8(error.what());
  }
  return 0;
}
