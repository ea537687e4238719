// SPDX-License-Identifier: Apache-2.0
#include "service/cors.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/trim.h"

namespace nestvec {
namespace {

constexpr std::string_view kExposed =
    "x-request-id, traceparent, retry-after, retry-after-ms, x-truncated-inputs, "
    "x-truncated-count, x-nestvec-tokens, "
    "x-nestvec-tokenize-ms, x-nestvec-queue-ms, x-nestvec-compute-ms, x-nestvec-total-ms";

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Whether the page came from the name and port that the request goes to.
bool is_own_page(std::string_view origin, const HttpRequest& request) {
  constexpr std::string_view kScheme = "://";
  const std::size_t scheme = origin.find(kScheme);
  const auto host = request.header("host");
  return scheme != std::string_view::npos && host &&
         std::ranges::equal(origin.substr(scheme + kScheme.size()), *host, {}, lower, lower);
}

bool is_token_character(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || kMarks.find(c) != kMarks.npos;
}

// A token of RFC 9110, in lower case; nothing that could end a header is one.
bool is_token(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  return name.size() <= kLongest && std::ranges::all_of(name, is_token_character);
}

// The scheme and the name of an origin have no case, and people end it with a slash.
std::string normal_origin(std::string_view text) {
  if (text.ends_with('/')) text.remove_suffix(1);
  std::string origin(text);
  std::ranges::transform(origin, origin.begin(), lower);
  return origin;
}

// The headers that a pre-flight asks for, as a list; some always, and not more than a page needs.
std::string allowed_headers(const HttpRequest& request) {
  constexpr std::size_t kMost = 64;
  std::vector<std::string> names = {"authorization", "content-type", "traceparent", "tracestate"};
  for (std::string name :
       split_list(request.header("access-control-request-headers").value_or(""))) {
    std::ranges::transform(name, name.begin(), lower);
    if (names.size() == kMost) break;
    if (is_token(name) && std::ranges::find(names, name) == names.end()) {
      names.push_back(std::move(name));
    }
  }
  std::string list;
  for (const std::string& name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

}  // namespace

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view part = trim(list.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

Cors::Cors(std::string_view origins) : origins_(split_list(origins)) {
  std::ranges::transform(origins_, origins_.begin(), normal_origin);
  any_ = std::find(origins_.begin(), origins_.end(), "*") != origins_.end();
}

bool Cors::is_preflight(const HttpRequest& request) {
  return request.method == "OPTIONS" && request.header("origin") &&
         request.header("access-control-request-method");
}

bool Cors::allows(const HttpRequest& request) const {
  const auto origin = request.header("origin");
  return !origin || lists(*origin) || is_own_page(*origin, request);
}

bool Cors::lists(std::string_view origin) const {
  return any_ || std::ranges::find(origins_, normal_origin(origin)) != origins_.end();
}

void Cors::add_headers(const HttpRequest& request, HttpResponse& response) const {
  if (origins_.empty()) return;
  if (!any_) response.headers.emplace_back("Vary", "Origin");
  const auto origin = request.header("origin");
  if (!origin || !lists(*origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", any_ ? "*" : std::string(*origin));
  response.headers.emplace_back("Access-Control-Expose-Headers", kExposed);
}

void Cors::add_preflight_headers(const HttpRequest& request, std::string_view methods,
                                 HttpResponse& response) const {
  response.headers.emplace_back("Access-Control-Allow-Methods", methods);
  response.headers.emplace_back("Access-Control-Allow-Headers", allowed_headers(request));
  response.headers.emplace_back("Access-Control-Max-Age", "86400");
  if (allows(request) && request.header("access-control-request-private-network") == "true") {
    response.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
}

}  // namespace nestvec
