// SPDX-License-Identifier: Apache-2.0
#include "service/request_path.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/excerpt.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

std::string with_single_slashes(std::string_view path) {
  std::string single;
  single.reserve(path.size());
  for (const char c : path) {
    if (c != '/' || !single.ends_with('/')) single += c;
  }
  if (single.size() > 1 && single.ends_with('/')) single.pop_back();
  return single;
}

// Whether a path is `front`, or goes on below it.
bool begins_with(std::string_view path, std::string_view front) {
  return path.starts_with(front) && (path.size() == front.size() || path[front.size()] == '/');
}

bool is_plain(char c) {
  constexpr std::string_view kOthers = "/-._~";
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || kOthers.find(c) != kOthers.npos;
}

}  // namespace

std::string parse_path_prefix(std::string_view text) {
  if (text.empty()) return "";
  if (!std::ranges::all_of(text, is_plain)) {
    throw Error(ErrorCode::kInvalidArgument,
                "server.path_prefix: expected a path such as /nestvec, of letters, digits and "
                "-._~, found \"" +
                    excerpt(text) + "\"");
  }
  std::string prefix = with_single_slashes("/" + std::string(text));
  if (prefix == "/") prefix.clear();
  return prefix;
}

std::string route_path(std::string_view path, std::string_view prefix) {
  const std::string single = with_single_slashes(path);
  std::string_view rest = single;
  if (!prefix.empty() && begins_with(rest, prefix)) rest.remove_prefix(prefix.size());
  for (const std::string_view base : {"/v1", "/api"}) {
    while (begins_with(rest, base) && begins_with(rest.substr(base.size()), base)) {
      rest.remove_prefix(base.size());
    }
  }
  return rest.empty() && !path.empty() ? "/" : std::string(rest);
}

}  // namespace nestvec
