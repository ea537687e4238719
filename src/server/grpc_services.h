// SPDX-License-Identifier: Apache-2.0
// The services of a gRPC server, one factory a dialect.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/service_type.h>

#include <memory>
#include <stop_token>
#include <vector>

#include "api/keys.h"
#include "api/service.h"

namespace nestvec {

// What services work with. Both references outlive the server; `drain` is requested when it begins
// to shut down.
struct GrpcContext {
  const Service& service;
  const KeyStore& keys;
  std::stop_token drain;
};

// A dialect's services, to be registered and kept as long as the server runs.
using GrpcServices = std::vector<std::unique_ptr<grpc::Service>>;

// tei.v1: Info, Embed, Tokenize.
GrpcServices make_tei_services(const GrpcContext& context);

// clarifai.api.V2, for the model under the names of `identity`.
GrpcServices make_clarifai_services(const GrpcContext& context, const ModelIdentity& identity);

// Every other method, whatever its service: UNIMPLEMENTED, naming what this model is and what it
// answers.
std::unique_ptr<grpc::CallbackGenericService> make_other_methods(const GrpcContext& context);

}  // namespace nestvec
