// SPDX-License-Identifier: Apache-2.0
// The one table from an Error to a gRPC status.
#pragma once

#include <grpcpp/support/status.h>

#include "nestvec/error.h"

namespace nestvec {

// ErrorCode has gRPC's own numbers, so the code stays; the message goes as one line.
grpc::Status grpc_status(const Error& error);

// The same as text-embeddings-inference tells it: its clients know a failure of the model or of the
// tokenizer (kInternal, kDataLoss, kUnknown) as FAILED_PRECONDITION.
grpc::Status tei_status(const Error& error);

}  // namespace nestvec
