// SPDX-License-Identifier: Apache-2.0
#include "http/request_target.h"

#include <charconv>
#include <cstdint>

#include "base/utf8.h"

namespace nestvec {
namespace {

// nullopt where a "%" is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    std::uint8_t byte = 0;
    const auto [end, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (failed != std::errc{} || end != digits.data() + 2) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

// What follows "http://host" in an absolute form; the target itself otherwise.
std::string_view without_origin(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t end = target.find_first_of("/?", scheme.size());
    return end == std::string_view::npos ? "/" : target.substr(end);
  }
  return target;
}

}  // namespace

std::optional<RequestTarget> parse_request_target(std::string_view target, HttpFault& fault) {
  const std::string_view local = without_origin(target);
  const bool is_absolute = local.data() != target.data();
  target = local;
  const std::size_t mark = target.find('?');
  const std::string_view raw_path = target.substr(0, mark);
  if (raw_path != "*" && !raw_path.starts_with('/') && !is_absolute) {
    fault = {400, "the request target does not begin with \"/\""};
    return std::nullopt;
  }
  std::optional<std::string> path = percent_decode(raw_path);
  if (!path) {
    fault = {400, "the path holds a \"%\" that two hexadecimal digits do not follow"};
    return std::nullopt;
  }
  if (has_control_character(*path) || !is_valid_utf8(*path)) {
    fault = {400, "the path is not UTF-8 text without control characters"};
    return std::nullopt;
  }
  RequestTarget result;
  result.path = path->empty() ? "/" : std::move(*path);
  if (mark != std::string_view::npos) result.query = target.substr(mark + 1);
  return result;
}

}  // namespace nestvec
