// SPDX-License-Identifier: Apache-2.0
// grpc.health.v1: whether the server and its services are there for calls.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "grpc/grpc_unary.h"

namespace nestvec {

// Not serving at first. Safe for concurrent use; outlives its calls.
class GrpcHealth {
 public:
  GrpcHealth();

  void set_serving();
  // Not serving any more, and whoever watches is told so and let go.
  void shut_down();

  const GrpcRoute& check() const { return check_; }
  // Watch: lasts as long as its client, or the server.
  std::shared_ptr<StreamedRequest> watch(GrpcHead head);

 private:
  class Watcher;
  enum class State { kLoading, kServing, kDown };

  // nestvec's own services and the server as a whole.
  static bool is_known(std::string_view service);
  int status() const;  // with the lock held
  void tell(State state);

  GrpcRoute check_;
  std::mutex mutex_;  // guards what follows
  State state_ = State::kLoading;
  std::list<std::weak_ptr<Watcher>> watchers_;
};

}  // namespace nestvec
