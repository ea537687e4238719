// SPDX-License-Identifier: Apache-2.0
// Cross-origin requests of browsers (https://fetch.spec.whatwg.org/#http-cors-protocol).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service/http_message.h"

namespace nestvec {

// Immutable after construction; safe for concurrent use.
class Cors {
 public:
  // "*" for every origin, origins separated by commas, or nothing; a slash at the end of one does
  // not count. Pages of the server itself are always allowed.
  explicit Cors(std::string_view origins);

  // Whether the page that sends a request may; true where no page does.
  bool allows(const HttpRequest& request) const;

  // True for the question that a browser asks before a request that is not a simple one.
  static bool is_preflight(const HttpRequest& request);

  // Headers of any answer: whether the page may read it, and which headers of it.
  void add_headers(const HttpRequest& request, HttpResponse& response) const;

  // Headers of the answer to a pre-flight, beside those: up to 64 headers that the page asks for
  // are allowed, whatever they are, and pages of allowed origins may reach a private network.
  void add_preflight_headers(const HttpRequest& request, std::string_view methods,
                             HttpResponse& response) const;

 private:
  bool lists(std::string_view origin) const;

  bool any_ = false;
  std::vector<std::string> origins_;
};

// The parts of a list that is separated by commas, without blanks and empty parts.
std::vector<std::string> split_list(std::string_view list);

}  // namespace nestvec
