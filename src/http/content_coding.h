// SPDX-License-Identifier: Apache-2.0
// Content-Encoding of requests and answers: gzip, deflate and zstd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/memory_account.h"
#include "base/run_control.h"
#include "http/http_fault.h"

namespace nestvec {

// Replaces `body` by what it encodes. `coding` is the header's value: gzip, x-gzip, deflate (with
// or without zlib's wrapper), zstd (a window of 8 MiB at most, RFC 9659), identity or empty.
// Returns a fault for another coding (415), bytes that are not in it (400), and more than `limit`
// decoded bytes (413; at most that much is held), and no memory for them (503): they are charged to
// `memory`, if there is one, which has what the body is charged, before and after. Blocks for the
// decoding, some 5 ms a MB, and throws what the control throws, asked for each 64 KiB of them. Safe
// for concurrent use.
std::optional<HttpFault> decode_content(std::string_view coding, std::uint64_t limit,
                                        std::string& body, const RunControl& control = {},
                                        MemoryShare* memory = nullptr);

// What answers may be encoded in.
enum class ContentCoding { kNone, kGzip, kZstd };

// The one that an Accept-Encoding header weighs most ("gzip;q=0" is refused), of equals zstd.
ContentCoding accepted_coding(std::string_view accept_encoding);

// Its name in headers, "gzip"; empty for kNone.
std::string_view coding_name(ContentCoding coding);

// `text` in that coding, at its quickest level. Precondition: not kNone. Throws Error where there
// is no memory for it. Safe for concurrent use.
std::string encode_content(ContentCoding coding, std::string_view text);

}  // namespace nestvec
