// SPDX-License-Identifier: Apache-2.0
#include "base/run_control.h"

#include "nestvec/error.h"

namespace nestvec {

void RunControl::check() const {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "cancelled by the caller");
  if (deadline && std::chrono::steady_clock::now() >= *deadline) {
    throw Error(ErrorCode::kDeadlineExceeded, "the deadline passed before the work was done");
  }
}

}  // namespace nestvec
