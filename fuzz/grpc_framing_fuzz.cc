// SPDX-License-Identifier: Apache-2.0
// Any bytes are gRPC messages or an error, and the same in pieces of any size; what is held stays
// within the limit and what came.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "expect_one_line.h"
#include "grpc/grpc_framing.h"

namespace {

constexpr std::uint64_t kLimit = 4096;

void expect(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::vector<std::string> messages;
  bool failed = false;
};

Outcome read(std::string_view bytes, std::size_t step) {
  nestvec::GrpcMessageReader reader(kLimit);
  Outcome outcome;
  for (std::size_t i = 0; i < bytes.size() && !reader.error(); i += step) {
    reader.feed(bytes.substr(i, step));
    while (auto message = reader.take()) {
      expect(message->bytes.size() <= kLimit);
      outcome.messages.push_back(message->bytes);
      try {
        expect(nestvec::grpc_decode(std::move(*message), "gzip", kLimit).bytes.size() <= kLimit);
      } catch (const nestvec::Error& error) {
        expect_one_line_of_utf8(error.what());
      }
    }
    expect(reader.buffered() <= bytes.size());
  }
  outcome.failed = reader.error().has_value();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(bytes, size == 0 ? 1 : size);
  for (const std::size_t step : {1u, 7u}) {
    const Outcome pieces = read(bytes, step);
    expect(pieces.messages == whole.messages && pieces.failed == whole.failed);
  }
  if (const auto time = nestvec::parse_grpc_timeout(bytes)) expect(time->count() >= 0);
  for (const char c : nestvec::grpc_percent_encode(bytes)) expect(c >= ' ' && c <= '~');
  return 0;
}
