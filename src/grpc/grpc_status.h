// SPDX-License-Identifier: Apache-2.0
// The one table from an Error to a gRPC status, and how an answer tells it.
#pragma once

#include "grpc/grpc_framing.h"
#include "nestvec/error.h"
#include "service/http_message.h"

namespace nestvec {

// ErrorCode has gRPC's own numbers, so the code stays; the message goes as one line.
GrpcStatus grpc_status(const Error& error);

// The same as text-embeddings-inference tells it: its clients know a failure of the model or of the
// tokenizer (kInternal, kDataLoss, kUnknown) as FAILED_PRECONDITION.
GrpcStatus tei_status(const Error& error);

// What an answer begins with.
Headers grpc_head();

// What it ends with: the status and `more`. Alone they are the whole answer.
Headers grpc_trailers(const GrpcStatus& status, Headers more = {});
Headers grpc_trailers_alone(const GrpcStatus& status, Headers more = {});

// When a client may come again, as gRPC's own retry policies obey it (gRFC A6); empty where the
// error has no such time.
Headers grpc_pushback(const Error& error);

}  // namespace nestvec
