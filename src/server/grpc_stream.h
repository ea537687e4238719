// SPDX-License-Identifier: Apache-2.0
// A stream of requests and, in their order, of answers, and no thread that waits in between.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "server/grpc_call.h"
#include "server/stream_progress.h"

namespace nestvec {

// A stream over a GrpcMethod. Released to itself by the handler of the method; ends when gRPC has
// done with it. Never finishes while a message is being worked on, so that callbacks may
// hold `this`.
template <typename Request, typename Response>
class GrpcStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  using Method = GrpcMethod<Request, Response>;
  using ToStatus = grpc::Status (*)(const Error&);
  // Bytes that a message and its answer may take, at most.
  using Cost = std::function<std::size_t(const Request&)>;

  // `service`, `method` and `cost` must outlive the server. A request on `drain` ends the stream
  // once what has been read is answered.
  GrpcStream(const Service& service, ToStatus to_status, const Method& method, const Cost& cost)
      : service_(service), to_status_(to_status), method_(method), cost_(cost) {}

  void start(const grpc::CallbackServerContext& context, const KeyStore& keys,
             std::stop_token drain) {
    try {
      call_ = admit(context, keys);
    } catch (...) {
      this->Finish(to_status_(current_error()));
      return;
    }
    call_.stop = stop_.get_token();
    call_.waits = true;
    drain_.emplace(std::move(drain), [this] { tell([this] { progress_.drain(); }); });
    tell([] {});
  }

  void OnReadDone(bool ok) override {
    tell([this, ok] { ok ? open() : progress_.ended(); });
  }
  void OnWriteDone(bool ok) override {
    tell([this, ok] {
      progress_.written(ok);
      if (ok) messages_.pop_front();
    });
  }
  void OnCancel() override {
    tell([this] { progress_.abandon(); });
  }
  void OnDone() override {
    {
      const std::lock_guard lock(mutex_);
    }  // whoever called Finish() has left
    const std::unique_ptr<GrpcStream> self(this);
  }

 private:
  struct Message {
    Request request;
    Response response;
  };

  // Takes an event in, then does what it allows. gRPC runs no reaction from inside the calls that
  // start something, so the lock may be held around them.
  template <typename Event>
  void tell(const Event& event) {
    std::unique_lock lock(mutex_);
    event();
    std::stop_source stop = stop_;
    const bool stops = progress_.take_stop();
    if (progress_.take_write()) this->StartWrite(&messages_.front().response);
    // With a message open, its answer is the event that asks again.
    if (progress_.may_read() && (progress_.open() == 0 || has_room(service_))) {
      if (progress_.take_read()) this->StartRead(&incoming_);
    }
    if (progress_.take_finish()) {
      this->Finish(progress_.error() ? to_status_(*progress_.error()) : grpc::Status::OK);
    }
    lock.unlock();
    // Last, on a copy and without the lock: it ends calls of the model on this thread.
    if (stops) stop.request_stop();
  }

  // With the lock held: a message has been read into incoming_.
  void open() {
    const std::size_t bytes = cost_(incoming_);
    const std::optional<std::uint64_t> number = progress_.opened(bytes);
    if (!number) return;
    Message& message = messages_.emplace_back();
    message.request.Swap(&incoming_);
    GrpcCall call = call_;
    call.received = std::chrono::steady_clock::now();
    call.crowded = progress_.open() > 1;
    service_.post([this, &message, number = *number, call = std::move(call)] {
      method_(call, message.request, &message.response, [this, number](GrpcOutcome outcome) {
        tell([&] { progress_.answered(number, std::move(outcome.error)); });
      });
      tell([this] { progress_.handed_over(); });
    });
  }

  const Service& service_;
  ToStatus to_status_;
  const Method& method_;
  const Cost& cost_;
  GrpcCall call_;
  std::stop_source stop_;

  std::mutex mutex_;  // guards what follows
  StreamProgress progress_;
  std::deque<Message> messages_;  // those that are open; do not move in memory
  Request incoming_;              // belongs to gRPC between StartRead and OnReadDone

  std::optional<std::stop_callback<std::function<void()>>> drain_;  // last: it may run at once
};

}  // namespace nestvec
