// SPDX-License-Identifier: Apache-2.0
// What every dialect works with: the model, the options, and somewhere to run work.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/server_config.h"
#include "nestvec/model.h"
#include "observe/metrics.h"
#include "observe/trace.h"
#include "service/alarm.h"

namespace nestvec {

// Runs a piece of work on a request thread, soon. Does not block.
using Executor = std::function<void(std::function<void()>)>;

class ServedModels;
struct Exchange;

// One a model, which outlives the requests for it; and one of the server, which has no model that
// may be used: those are in `models`. Safe for concurrent use.
struct Service {
  const Model& model;
  const ServerOptions& options;
  Metrics& metrics;
  Executor post;
  std::string version;                    // "0.1.0"
  Timer after = {};                       // empty = deadlines are met by the model alone
  SpanSink spans = {};                    // told each answered request; empty = nobody asks
  bool local = false;                     // it listens on loopback addresses alone
  const ServedModels* models = nullptr;   // all of them; null = there is no other
  std::vector<std::string> aliases = {};  // other names of the model
  std::string metric_labels = {};         // of what is counted of the model; empty = it is alone
  std::uint64_t loaded = 0;               // the models loaded before it
  // Answers a request to load or unload a model; empty = they stay.
  std::function<void(Exchange)> change_models = {};
  // Of the server.
  std::atomic<bool> ready{false};  // a real text has been embedded
  std::atomic<bool> draining{false};
};

}  // namespace nestvec
