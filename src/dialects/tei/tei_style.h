// SPDX-License-Identifier: Apache-2.0
// Errors of text-embeddings-inference's routes.
#pragma once

#include <cstddef>
#include <string_view>

#include "service/error_style.h"

namespace nestvec {

// {"error","error_type"}.
const ErrorStyle& tei_errors();

// {"message","code","type"} with the HTTP status as code: its OpenAI route, whose errors are not
// nested in "error". Safe for concurrent use.
const ErrorStyle& tei_openai_errors();

// Status and error_type of an error by text-embeddings-inference's table: 400 Empty, 422
// Validation, 424 Backend, 429 Overloaded, 503 Unhealthy. What has no place in it keeps its status
// and gets the type that fits best. A body that is no JSON is 400 there, JSON of other types 422.
struct TeiError {
  int status;
  std::string_view type;
};
TeiError tei_error(const Error& error);

// An error with a place of its own among the failures that text-embeddings-inference counts.
class CountedError : public RequestError {
 public:
  CountedError(std::string_view kind, const RequestError& error)
      : RequestError(error), kind_(kind) {}
  std::string_view kind() const noexcept { return kind_; }

 private:
  std::string_view kind_;
};

// More texts than a request may have.
class BatchSizeError : public CountedError {
 public:
  BatchSizeError(std::size_t size, std::size_t limit, std::string_view param);
};

// The label that an error has in te_request_failure: "validation", "tokenization", "batch_size",
// "model_type", "overloaded", "inference", "dropped". Empty for what text-embeddings-inference does
// not count: requests that it cannot read.
std::string_view te_failure(const Error& error);

}  // namespace nestvec
