// SPDX-License-Identifier: Apache-2.0
// The services of a gRPC server, one factory a dialect, and what they work with.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/service_type.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/live_count.h"
#include "base/set_once.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trace.h"
#include "service/call_ids.h"
#include "service/keys.h"
#include "service/request_metrics.h"
#include "service/service.h"

namespace nestvec {

class Clarifai;

// One a server; outlives its services and their calls.
struct GrpcContext {
  // All but the log are to outlive it; that may be empty.
  GrpcContext(const ServerOptions& server, Metrics& counters, const KeyStore& key_store,
              const Clarifai& methods, AccessLog log)
      : options(server),
        metrics(counters),
        requests(counters),
        keys(key_store),
        clarifai(methods),
        access_log(std::move(log)) {}

  const ServerOptions& options;
  Metrics& metrics;
  const RequestMetrics requests;
  const KeyStore& keys;
  const Clarifai& clarifai;
  const AccessLog access_log;
  SpanSink spans = {};  // told each call that is over; set before the server starts
  SetOnce<std::reference_wrapper<const Service>> service;  // once the model is loaded
  std::stop_source drain;  // requested when the server begins to shut down
  LiveCount calls;         // that are open
  CallIds ids;
};

// A dialect's services, to be registered and kept as long as the server runs.
using GrpcServices = std::vector<std::unique_ptr<grpc::Service>>;

// tei.v1: Info, Embed, Tokenize.
GrpcServices make_tei_services(GrpcContext& context);

// clarifai.api.V2.
GrpcServices make_clarifai_services(GrpcContext& context);

// Every other method, whatever its service: UNIMPLEMENTED, naming what this model is and what it
// answers.
std::unique_ptr<grpc::CallbackGenericService> make_other_methods(GrpcContext& context);

}  // namespace nestvec
