// SPDX-License-Identifier: Apache-2.0
// What the methods of gRPC work with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "base/ids.h"
#include "base/live_count.h"
#include "base/set_once.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trace.h"
#include "service/keys.h"
#include "service/request_metrics.h"
#include "service/request_threads.h"
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
  // Runs a call that has just come on a request thread; false where too many wait. Set likewise.
  std::function<bool(std::function<void()>, RequestTurn)> begin;
  std::function<void(std::function<void()>, RequestTurn)> go_on;  // the same for a stream's message
  SetOnce<std::reference_wrapper<const Service>> service;         // once the model is loaded
  std::stop_source drain;  // requested when the server begins to shut down
  LiveCount calls;         // that are open
  IdMaker ids;
};

}  // namespace nestvec
