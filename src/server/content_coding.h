// SPDX-License-Identifier: Apache-2.0
// Content-Encoding of requests and answers: gzip and deflate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http_fault.h"

namespace nestvec {

// Replaces `body` by what it encodes. `coding` is the header's value: gzip, x-gzip, deflate (with
// or without zlib's wrapper), identity or empty. Returns a fault for another coding (415), bytes
// that are not in it (400), and more than `limit` decoded bytes (413; at most that much is held).
// Blocks for the decoding, some 5 ms a MB. Safe for concurrent use.
std::optional<HttpFault> decode_content(std::string_view coding, std::uint64_t limit,
                                        std::string& body);

// Whether an Accept-Encoding header allows gzip ("gzip;q=0" does not).
bool accepts_gzip(std::string_view accept_encoding);

// `text` as gzip, at the quickest level. Safe for concurrent use.
std::string encode_gzip(std::string_view text);

}  // namespace nestvec
