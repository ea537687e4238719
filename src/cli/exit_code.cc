// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

namespace nestvec {

ExitCode exit_code_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
    case ErrorCode::kUnimplemented:
      return kExitUsage;
    case ErrorCode::kNotFound:
      return kExitNotFound;
    case ErrorCode::kDataLoss:
      return kExitCorrupt;
    case ErrorCode::kResourceExhausted:
      return kExitOverBudget;
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return kExitUnavailable;
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnauthenticated:
      return kExitDenied;
    case ErrorCode::kCancelled:
      return kExitInterrupted;
    case ErrorCode::kAborted:
      return kExitBrokenPipe;
    default:
      return kExitFailure;
  }
}

}  // namespace nestvec
