// SPDX-License-Identifier: Apache-2.0
#include "service/error_style.h"

#include <algorithm>
#include <chrono>

namespace nestvec {

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
    case ErrorCode::kFailedPrecondition:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kResourceExhausted:
      return 429;
    case ErrorCode::kCancelled:
      return 499;
    case ErrorCode::kUnimplemented:
      return 501;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

int http_status(const Error& error) {
  const auto* request_error = dynamic_cast<const RequestError*>(&error);
  switch (request_error == nullptr ? Fault::kNone : request_error->fault()) {
    case Fault::kMalformed:
    case Fault::kEmpty:
    case Fault::kBadRequest:
      return 400;
    case Fault::kTooLarge:
      return 413;
    case Fault::kMediaType:
      return 415;
    case Fault::kMethod:
      return 405;
    case Fault::kUnprocessable:
      return 422;
    case Fault::kNone:
    case Fault::kNoKey:
    case Fault::kNoRoute:
      break;
  }
  return http_status(error.code());
}

bool is_too_long(const Error& error) { return error.code() == ErrorCode::kOutOfRange; }

void add_retry_after(const Error& error, HttpResponse& response) {
  const auto wait = error.detail().retry_after;
  if (wait.count() <= 0) return;
  const auto seconds = std::max<std::int64_t>(1, (wait.count() + 999) / 1000);
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  response.headers.emplace_back("retry-after-ms", std::to_string(wait.count()));
}

}  // namespace nestvec
