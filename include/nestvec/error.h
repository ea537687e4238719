// SPDX-License-Identifier: Apache-2.0
// The one error type of the library and the value form that crosses threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace nestvec {

// What went wrong, in the canonical gRPC vocabulary
// (https://grpc.io/docs/guides/status-codes/, same numbers).
enum class ErrorCode {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The code's canonical name, "INVALID_ARGUMENT" for kInvalidArgument.
std::string_view error_code_name(ErrorCode code);

// What a caller that answers in a protocol of its own needs besides the message.
struct ErrorDetail {
  std::optional<std::size_t> text;  // index of the text at fault, among those of the call
  // kResourceExhausted: when the queue is expected to have room again; 0 = not known.
  std::chrono::milliseconds retry_after{0};
};

// Thrown by every function of the library that can fail. what() is one line that says what is
// wrong, where (file, line, index), what was expected, and what to do. It never holds a whole input
// text.
//
// Each Error owns its text. std::runtime_error would share one between copies, which two threads
// may then read and free without an order that a tool can see.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, const ErrorDetail& detail = {})
      : message_(std::move(message)), code_(code), detail_(detail) {}

  const char* what() const noexcept override { return message_.c_str(); }
  ErrorCode code() const noexcept { return code_; }
  const ErrorDetail& detail() const noexcept { return detail_; }

 private:
  std::string message_;
  ErrorCode code_;
  ErrorDetail detail_;
};

// A value or the Error that stands in its place: how an error travels between threads.
template <typename T>
class Result {
 public:
  // NOLINTBEGIN(google-explicit-constructor): a function returns the value or the error as it is.
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  bool ok() const noexcept { return state_.index() == 0; }

  // The value. Throws the stored Error when there is none.
  T& value() & {
    if (!ok()) throw std::get<1>(state_);
    return std::get<0>(state_);
  }
  T&& value() && {
    if (!ok()) throw std::get<1>(state_);
    return std::get<0>(std::move(state_));
  }

  // The error. Precondition: !ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace nestvec
