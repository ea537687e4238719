// SPDX-License-Identifier: Apache-2.0
// A body of any bytes is a request of Ollama's, or a mistake of the client.
#include "dialects/ollama/ollama.h"
#include "made_up_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_body(data, size, [](const nestvec::JsonValue& body) {
    const nestvec::InputRules rules = made_up_rules();
    expect_valid(nestvec::read_ollama_embeddings(body, rules));
    expect_valid(nestvec::read_ollama_embed(body, rules));
  });
}
