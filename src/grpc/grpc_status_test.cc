// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_status.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace nestvec {
namespace {

TEST(GrpcStatus, EveryCodeHasItsCanonicalNumber) {
  const std::pair<ErrorCode, int> table[] = {
      {ErrorCode::kCancelled, 1},          {ErrorCode::kUnknown, 2},
      {ErrorCode::kInvalidArgument, 3},    {ErrorCode::kDeadlineExceeded, 4},
      {ErrorCode::kNotFound, 5},           {ErrorCode::kAlreadyExists, 6},
      {ErrorCode::kPermissionDenied, 7},   {ErrorCode::kResourceExhausted, 8},
      {ErrorCode::kFailedPrecondition, 9}, {ErrorCode::kAborted, 10},
      {ErrorCode::kOutOfRange, 11},        {ErrorCode::kUnimplemented, 12},
      {ErrorCode::kInternal, 13},          {ErrorCode::kUnavailable, 14},
      {ErrorCode::kDataLoss, 15},          {ErrorCode::kUnauthenticated, 16},
  };
  for (const auto& [ours, theirs] : table) {
    EXPECT_EQ(grpc_status(Error(ours, "why")).code, theirs) << error_code_name(ours);
  }
}

TEST(GrpcStatus, AFailureOfTheModelIsFailedPreconditionToTeiClients) {
  for (const ErrorCode code : {ErrorCode::kInternal, ErrorCode::kDataLoss, ErrorCode::kUnknown}) {
    EXPECT_EQ(tei_status(Error(code, "why")).code, 9);
  }
  for (const ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kResourceExhausted,
                               ErrorCode::kUnavailable, ErrorCode::kCancelled}) {
    EXPECT_EQ(tei_status(Error(code, "why")).code, static_cast<int>(code));
  }
  EXPECT_EQ(tei_status(Error(ErrorCode::kOutOfRange, "too long")).code, 3);
}

TEST(GrpcStatus, AMessageIsOneShortLineOfUtf8) {
  const GrpcStatus status =
      tei_status(Error(ErrorCode::kInvalidArgument, "two\nlines \xFF" + std::string(5000, 'x')));
  EXPECT_LT(status.message.size(), 1200U);
  EXPECT_EQ(status.message.find('\n'), std::string::npos);
  EXPECT_EQ(status.message.find('\xFF'), std::string::npos);
}

}  // namespace
}  // namespace nestvec
