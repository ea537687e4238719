// SPDX-License-Identifier: Apache-2.0
// Errors of text-embeddings-inference's routes. tei_errors() is declared in error_style.h.
#pragma once

#include <cstddef>
#include <string_view>

#include "api/error_style.h"

namespace nestvec {

// {"message","code","type"} with the HTTP status as code: its OpenAI route, whose errors are not
// nested in "error". Safe for concurrent use.
const ErrorStyle& tei_openai_errors();

// Status and error_type of an error by text-embeddings-inference's table: 400 Empty, 422
// Validation, 424 Backend, 429 Overloaded, 503 Unhealthy. What has no place in it keeps its status
// and gets the type that fits best.
struct TeiError {
  int status;
  std::string_view type;
};
TeiError tei_error(const Error& error);

// More texts than a request may have: a RequestError of its own because it is counted apart.
class BatchSizeError : public RequestError {
 public:
  BatchSizeError(std::size_t size, std::size_t limit, std::string_view param);
};

}  // namespace nestvec
