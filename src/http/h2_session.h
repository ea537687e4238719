// SPDX-License-Identifier: Apache-2.0
// The part of HTTP/2 that nghttp2 does: frames, header compression, windows.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "service/http_message.h"

namespace nestvec {

struct H2SessionDeleter {
  void operator()(nghttp2_session* session) const noexcept { nghttp2_session_del(session); }
};
using H2SessionPtr = std::unique_ptr<nghttp2_session, H2SessionDeleter>;

struct H2Limits {
  // Streams of a connection that are open or still worked on.
  static constexpr std::uint32_t kStreams = 128;
  static constexpr std::size_t kHeadBytes = std::size_t{32} << 10;  // RFC 9113's count
  static constexpr std::size_t kHeaders = 128;
  static constexpr std::size_t kContinuations = 8;  // frames of a head behind its first
  // A stream may have sent so much that nobody has taken; more where it is in the middle of much.
  static constexpr std::int32_t kWindow = 65'535;
  static constexpr std::int32_t kWideWindow = 256 << 10;
  static constexpr std::int32_t kConnectionWindow = 1 << 20;
  // Bodies of a connection over which only the longest of them grows.
  static constexpr std::size_t kBodies = std::size_t{8} << 20;
  // Unsent answers of a connection over which no more of its requests are begun.
  static constexpr std::size_t kUnsent = std::size_t{8} << 20;
};

// A server's session with this program's limits, its settings on their way. Throws std::bad_alloc.
H2SessionPtr make_h2_session(const nghttp2_session_callbacks& callbacks, void* connection);

// Fields as nghttp2 wants them. What is added must live as long as this; `values` are made fit to
// be sent: no line breaks.
class H2Fields {
 public:
  void add(std::string_view name, std::string_view value);
  // Names in lower case; those of the transport and of connections are left out.
  void add_all(const Headers& headers);
  const nghttp2_nv* data() const { return fields_.data(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<nghttp2_nv> fields_;
};

// The head of an answer of a status that may have a body.
struct H2AnswerHead {
  H2AnswerHead(const HttpResponse& response, std::string_view date, std::string_view request_id);

  Headers text;  // what `fields` points to
  H2Fields fields;
};

}  // namespace nestvec
