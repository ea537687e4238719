// SPDX-License-Identifier: Apache-2.0
// grpc.reflection: what services there are and how their messages are written, for grpcurl and its
// like.
#pragma once

#include <string>
#include <vector>

#include "grpc/grpc_route.h"

namespace nestvec {

// ServerReflectionInfo of v1 and v1alpha, answered out of the descriptors that are linked.
// `services` are the names that are listed.
GrpcRoutes make_reflection_routes(const std::vector<std::string>& services);

}  // namespace nestvec
