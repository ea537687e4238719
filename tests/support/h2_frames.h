// SPDX-License-Identifier: Apache-2.0
// For tests: frames of HTTP/2 by hand, also such as no client sends.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "http/h2_connection.h"
#include "support/test_client.h"

namespace nestvec {

// Types of frames.
enum H2Type : std::uint8_t {
  kH2Data = 0,
  kH2Headers = 1,
  kH2Reset = 3,
  kH2Settings = 4,
  kH2Ping = 6,
  kH2Goaway = 7,
  kH2Window = 8,
  kH2Continuation = 9,
};
constexpr std::uint8_t kH2Ack = 1;
constexpr std::uint8_t kH2EndStream = 1;
constexpr std::uint8_t kH2EndHeaders = 4;

inline std::string h2_number(std::uint32_t number, int bytes = 4) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>((number >> (8 * i)) & 0xff);
  return text;
}

inline std::string h2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                            std::string_view payload = {}) {
  return h2_number(static_cast<std::uint32_t>(payload.size()), 3) + static_cast<char>(type) +
         static_cast<char>(flags) + h2_number(stream) + std::string(payload);
}

// A field as a literal without a table.
inline std::string h2_field(std::string_view name, std::string_view value) {
  constexpr std::size_t kShort = 127;
  std::string text(1, '\0');
  for (const std::string_view part : {name, value}) {
    if (part.size() < kShort) {
      text += static_cast<char>(part.size());
    } else {  // HPACK's long form, RFC 7541, 5.1
      text += static_cast<char>(kShort);
      std::size_t rest = part.size() - kShort;
      for (; rest >= 128; rest /= 128) text += static_cast<char>(rest % 128 + 128);
      text += static_cast<char>(rest);
    }
    text += part;
  }
  return text;
}

inline std::string h2_head(std::string_view method, std::string_view path,
                           std::string_view more = {}) {
  return h2_field(":method", method) + h2_field(":scheme", "http") + h2_field(":path", path) +
         h2_field(":authority", "x") + std::string(more);
}

inline std::string h2_grpc_head(std::string_view path, std::string_view more = {}) {
  return h2_head("POST", path,
                 h2_field("content-type", "application/grpc") + h2_field("te", "trailers") +
                     std::string(more));
}

struct H2Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  // The last number of a RST_STREAM, or the second of a GOAWAY: why.
  std::uint32_t error() const {
    std::uint32_t code = 0;
    for (const char c : payload.substr(type == kH2Goaway ? 4 : 0, 4)) {
      code = code << 8 | static_cast<unsigned char>(c);
    }
    return code;
  }
};

// The next frame; nullopt when the connection ends before it does.
inline std::optional<H2Frame> read_h2_frame(TestClient& client) {
  const std::optional<std::string> head = client.bytes(9);
  if (!head) return std::nullopt;
  const auto at = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>((*head)[i]));
  };
  H2Frame frame;
  frame.type = static_cast<std::uint8_t>(at(3));
  frame.flags = static_cast<std::uint8_t>(at(4));
  frame.stream = at(5) << 24 | at(6) << 16 | at(7) << 8 | at(8);
  auto payload = client.bytes(at(0) << 16 | at(1) << 8 | at(2));
  if (!payload) return std::nullopt;
  frame.payload = *std::move(payload);
  return frame;
}

// The next frame of a type; what comes before it is passed over.
inline std::optional<H2Frame> await_h2_frame(TestClient& client, std::uint8_t type,
                                             std::uint8_t flags = 0) {
  for (;;) {
    auto frame = read_h2_frame(client);
    if (!frame || (frame->type == type && (frame->flags & flags) == flags)) return frame;
  }
}

// Reads the heads of a connection's answers, all of them in their order.
class H2Heads {
 public:
  H2Heads() { nghttp2_hd_inflate_new(&inflater_); }
  H2Heads(const H2Heads&) = delete;
  H2Heads& operator=(const H2Heads&) = delete;
  ~H2Heads() { nghttp2_hd_inflate_del(inflater_); }

  std::map<std::string, std::string> read(const std::string& block) {
    std::map<std::string, std::string> fields;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv field{};
      const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
      if (used < 0) throw std::runtime_error("a head that cannot be read");
      at += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields[std::string(reinterpret_cast<char*>(field.name), field.namelen)] =
            std::string(reinterpret_cast<char*>(field.value), field.valuelen);
      }
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return fields;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

// What a client begins with.
inline std::string h2_hello() { return std::string(kHttp2Preface) + h2_frame(kH2Settings, 0, 0); }

}  // namespace nestvec
