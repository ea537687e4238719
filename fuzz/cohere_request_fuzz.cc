// SPDX-License-Identifier: Apache-2.0
// A body of any bytes is a request of Cohere's, or a mistake of the client.
#include "dialects/cohere/cohere.h"
#include "made_up_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_body(data, size, [](const nestvec::JsonValue& body) {
    const nestvec::CohereCall request = nestvec::read_cohere(body, 2, made_up_rules());
    expect_valid(request.call);
    if (!request.types || request.call.texts.empty()) std::abort();
  });
}
