// SPDX-License-Identifier: Apache-2.0
// How a dialect tells an error. One table from ErrorCode to HTTP status for all of them; a style
// may move a status and gives the body its form.
#pragma once

#include <string>
#include <utility>

#include "nestvec/error.h"
#include "service/http_message.h"

namespace nestvec {

// 400 kInvalidArgument, kOutOfRange and kFailedPrecondition (the model gives something else), 401
// kUnauthenticated, 403 kPermissionDenied, 404 kNotFound, 429 kResourceExhausted, 499 kCancelled,
// 501 kUnimplemented, 503 kUnavailable, 504 kDeadlineExceeded, otherwise 500.
int http_status(ErrorCode code);
// The same for an error that may be a RequestError: its fault goes before the code.
int http_status(const Error& error);

// Whether a text is longer than the model takes, and must not be cut.
bool is_too_long(const Error& error);

// Adds Retry-After (whole seconds, at least one) and retry-after-ms where the error has a time.
void add_retry_after(const Error& error, HttpResponse& response);

// What is wrong with the request itself, before or instead of the model: the transport and the
// router know these, and no ErrorCode is as fine.
enum class Fault {
  kNone,          // see the error's code
  kMalformed,     // the body is no JSON
  kEmpty,         // no input
  kNoKey,         // no API key, or not in a form that is known; 401 as a wrong one
  kNoRoute,       // no such path, 404
  kTooLarge,      // the body, 413
  kMediaType,     // not JSON by its Content-Type, 415
  kMethod,        // 405
  kBadRequest,    // 400 in every dialect
  kUnprocessable  // well-formed, but a value is not allowed, 422 where a dialect tells them apart
};

// An Error with the member of the request that is at fault ("input[22]", "dimensions").
class RequestError : public Error {
 public:
  RequestError(ErrorCode code, const std::string& message, std::string param = "",
               Fault fault = Fault::kNone, const ErrorDetail& detail = {})
      : Error(code, message, detail), param_(std::move(param)), fault_(fault) {}
  const std::string& param() const noexcept { return param_; }
  Fault fault() const noexcept { return fault_; }

 private:
  std::string param_;
  Fault fault_;
};

// Renders errors of one dialect. `error` may be a RequestError, and Error::detail() names the text
// at fault. Adds Retry-After where the error has a time. Stateless, safe for concurrent use.
class ErrorStyle {
 public:
  virtual ~ErrorStyle() = default;
  virtual HttpResponse render(const Error& error) const = 0;
};

// {"error":{"message","type","param","code"},"detail","code"}: OpenAI with what Jina's clients look
// for beside it, and everything without a dialect.
const ErrorStyle& openai_errors();

}  // namespace nestvec
