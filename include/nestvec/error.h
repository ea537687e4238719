// SPDX-License-Identifier: Apache-2.0
// The error type of the library, and Result, which carries an error between threads.
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

// Details for callers that translate an error into their own protocol.
struct ErrorDetail {
  std::optional<std::size_t> text;  // index of the text at fault, among those of the call
  // kResourceExhausted: time until the queue should have room again; 0 = not known.
  std::chrono::milliseconds retry_after{0};
};

// Thrown by every function of the library that can fail. what() is one line: what is wrong, where
// (file, line, index), what was expected, and what to do. It never contains a whole input text.
//
// Each Error owns its message. Copies of a std::runtime_error share theirs, and thread sanitizers
// cannot see the order in which two threads read and free it.
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

// A value, or the Error that explains why there is none.
template <typename T>
class Result {
 public:
  // NOLINTBEGIN(google-explicit-constructor): so that functions can return either one directly.
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  bool ok() const noexcept { return state_.index() == 0; }

  // The value. Throws the stored Error if there is none.
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
