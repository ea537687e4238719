// SPDX-License-Identifier: Apache-2.0
// How a gRPC listener proves who it is.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

namespace nestvec {

// Plain text for two empty paths, else TLS with those PEM files, which are watched: a change counts
// for connections made ten seconds later. Blocks on file I/O. Throws Error: kNotFound,
// kInvalidArgument for files that are no certificate and key, or not of each other.
std::shared_ptr<grpc::ServerCredentials> make_credentials(const std::string& certificate,
                                                          const std::string& key);

}  // namespace nestvec
