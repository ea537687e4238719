// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_status.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace nestvec {
namespace {

TEST(GrpcStatus, EveryCodeHasItsCanonicalNumber) {
  const std::pair<ErrorCode, grpc::StatusCode> table[] = {
      {ErrorCode::kCancelled, grpc::StatusCode::CANCELLED},
      {ErrorCode::kUnknown, grpc::StatusCode::UNKNOWN},
      {ErrorCode::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT},
      {ErrorCode::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED},
      {ErrorCode::kNotFound, grpc::StatusCode::NOT_FOUND},
      {ErrorCode::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS},
      {ErrorCode::kPermissionDenied, grpc::StatusCode::PERMISSION_DENIED},
      {ErrorCode::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED},
      {ErrorCode::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION},
      {ErrorCode::kAborted, grpc::StatusCode::ABORTED},
      {ErrorCode::kOutOfRange, grpc::StatusCode::OUT_OF_RANGE},
      {ErrorCode::kUnimplemented, grpc::StatusCode::UNIMPLEMENTED},
      {ErrorCode::kInternal, grpc::StatusCode::INTERNAL},
      {ErrorCode::kUnavailable, grpc::StatusCode::UNAVAILABLE},
      {ErrorCode::kDataLoss, grpc::StatusCode::DATA_LOSS},
      {ErrorCode::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED},
  };
  for (const auto& [ours, theirs] : table) {
    EXPECT_EQ(grpc_status(Error(ours, "why")).error_code(), theirs) << error_code_name(ours);
  }
}

TEST(GrpcStatus, AFailureOfTheModelIsFailedPreconditionToTeiClients) {
  for (const ErrorCode code : {ErrorCode::kInternal, ErrorCode::kDataLoss, ErrorCode::kUnknown}) {
    EXPECT_EQ(tei_status(Error(code, "why")).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  }
  for (const ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kResourceExhausted,
                               ErrorCode::kUnavailable, ErrorCode::kCancelled}) {
    EXPECT_EQ(tei_status(Error(code, "why")).error_code(),
              grpc_status(Error(code, "")).error_code());
  }
}

TEST(GrpcStatus, AMessageIsOneShortLineOfUtf8) {
  const grpc::Status status =
      tei_status(Error(ErrorCode::kInvalidArgument, "two\nlines \xFF" + std::string(5000, 'x')));
  EXPECT_LT(status.error_message().size(), 1200U);
  EXPECT_EQ(status.error_message().find('\n'), std::string::npos);
  EXPECT_EQ(status.error_message().find('\xFF'), std::string::npos);
}

}  // namespace
}  // namespace nestvec
