// SPDX-License-Identifier: Apache-2.0
// A body of any bytes is a request of text-embeddings-inference's, or a mistake of the client.
#include "dialects/tei/tei_request.h"
#include "made_up_model.h"

namespace {

// The first error must not keep the other readers from the body.
template <typename Read>
void attempt(Read read) {
  try {
    read();
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument) std::abort();
    expect_one_line_of_utf8(error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_body(data, size, [](const nestvec::JsonValue& body) {
    const nestvec::InputRules rules = made_up_rules();
    attempt([&] {
      nestvec::TeiInputs inputs = nestvec::read_tei_inputs(body, rules);
      inputs.call.options = nestvec::read_tei_options(body, rules);
      expect_valid(inputs.call);
    });
    attempt([&] { expect_valid(nestvec::read_similarity(body, rules)); });
    attempt([&] {
      if (nestvec::read_tokenize(body, rules).texts.size() > rules.max_inputs) std::abort();
    });
    attempt([&] {
      if (nestvec::read_decode(body, rules).ids.size() > rules.max_inputs) std::abort();
    });
  });
}
