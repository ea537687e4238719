// SPDX-License-Identifier: Apache-2.0
// Any bytes are a request or a fault, and the same request in pieces of any size. Its path is text,
// and it stays within the limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "expect_one_line.h"
#include "http/content_coding.h"
#include "http/request_parser.h"
#include "http/request_target.h"

namespace {

using State = nestvec::RequestParser::State;

constexpr nestvec::RequestParser::Limits kLimits{
    .head_bytes = 1 << 17, .headers = 16, .body_bytes = 4096};

void expect(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  State state = State::kStart;
  std::optional<nestvec::HttpRequest> request;
};

Outcome read(std::string_view text, std::size_t step) {
  nestvec::RequestParser parser(kLimits);
  std::string held;
  State state = State::kStart;
  for (std::size_t i = 0; i < text.size() && state != State::kDone && state != State::kFailed;
       i += step) {
    held += text.substr(i, step);
    for (std::size_t used = 1; used > 0 && !held.empty();) {
      if (state == State::kDone || state == State::kFailed) break;
      used = parser.feed(held);
      expect(used <= held.size());
      held.erase(0, used);
      state = parser.state();
      expect(parser.body_bytes() <= kLimits.body_bytes);
    }
  }
  if (state == State::kFailed) {
    expect(parser.fault().status >= 400);
    expect_one_line_of_utf8(parser.fault().message);
  }
  Outcome outcome{state, std::nullopt};
  if (state == State::kDone) outcome.request = parser.take_request();
  return outcome;
}

void check_request(nestvec::HttpRequest request) {
  expect(nestvec::is_valid_utf8(request.path) && !request.path.empty());
  expect(request.path.find('\0') == std::string::npos);
  expect(request.headers.size() <= kLimits.headers);
  if (const auto coding = request.header("content-encoding")) {
    const std::string name(*coding);
    const auto fault = nestvec::decode_content(name, kLimits.body_bytes, request.body);
    expect(fault || request.body.size() <= kLimits.body_bytes);
  }
  if (const auto accepted = request.header("accept-encoding")) nestvec::accepted_coding(*accepted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  nestvec::HttpFault fault;
  if (const auto target = nestvec::parse_request_target(text, fault)) {
    expect(nestvec::is_valid_utf8(target->path));
  } else {
    expect_one_line_of_utf8(fault.message);
  }
  const Outcome whole = read(text, std::max<std::size_t>(1, size));
  for (const std::size_t step : {1u, 7u}) {
    const Outcome pieces = read(text, step);
    expect((pieces.state == State::kDone) == (whole.state == State::kDone));
    if (!whole.request) continue;
    expect(pieces.request->path == whole.request->path);
    expect(pieces.request->body == whole.request->body);
    expect(pieces.request->headers == whole.request->headers);
  }
  if (whole.request) check_request(*whole.request);
  return 0;
}
