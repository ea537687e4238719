// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_status.h"

#include "base/excerpt.h"

namespace nestvec {

grpc::Status grpc_status(const Error& error) {
  return {static_cast<grpc::StatusCode>(error.code()), one_line(error.what())};
}

grpc::Status tei_status(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInternal:
    case ErrorCode::kDataLoss:
    case ErrorCode::kUnknown:
      return {grpc::StatusCode::FAILED_PRECONDITION, one_line(error.what())};
    default:
      return grpc_status(error);
  }
}

}  // namespace nestvec
