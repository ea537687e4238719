// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_status.h"

#include <iterator>
#include <string>
#include <utility>

#include "base/excerpt.h"

namespace nestvec {

GrpcStatus grpc_status(const Error& error) {
  return {static_cast<int>(error.code()), one_line(error.what())};
}

GrpcStatus tei_status(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInternal:
    case ErrorCode::kDataLoss:
    case ErrorCode::kUnknown:
      return {static_cast<int>(ErrorCode::kFailedPrecondition), one_line(error.what())};
    case ErrorCode::kOutOfRange:
      return {static_cast<int>(ErrorCode::kInvalidArgument), one_line(error.what())};
    default:
      return grpc_status(error);
  }
}

Headers grpc_head() {
  return {{"content-type", "application/grpc"},
          {"grpc-accept-encoding", std::string(kGrpcEncodings)}};
}

Headers grpc_trailers(const GrpcStatus& status, Headers more) {
  Headers trailers{{"grpc-status", std::to_string(status.code)}};
  if (!status.message.empty()) {
    trailers.emplace_back("grpc-message", grpc_percent_encode(status.message));
  }
  std::move(more.begin(), more.end(), std::back_inserter(trailers));
  return trailers;
}

Headers grpc_trailers_alone(const GrpcStatus& status, Headers more) {
  Headers all = grpc_head();
  Headers trailers = grpc_trailers(status, std::move(more));
  std::move(trailers.begin(), trailers.end(), std::back_inserter(all));
  return all;
}

Headers grpc_pushback(const Error& error) {
  const auto pause = error.detail().retry_after.count();
  if (pause <= 0) return {};
  return {{"grpc-retry-pushback-ms", std::to_string(pause)}};
}

}  // namespace nestvec
