// SPDX-License-Identifier: Apache-2.0
#include "service/http_message.h"

namespace nestvec {

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

HttpResponse no_memory_answer() noexcept {
  constexpr int kUnavailable = 503;
  return {.status = kUnavailable,
          .content_type = {},
          .headers = {},
          .body = {},
          .no_memory = true,
          .memory = {}};
}

}  // namespace nestvec
