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
#include <string>
#include <utility>

#include "grpc/grpc_call.h"
#include "grpc/stream_progress.h"

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

  // `context`, `method` and `cost` must outlive the server. A drain ends the stream once what has
  // been read is answered. `path` is the method's own.
  GrpcStream(GrpcContext& context, std::string path, const grpc::CallbackServerContext& call,
             const Method& method, const Cost& cost)
      : context_(context), trace_(context, call, std::move(path)), method_(method), cost_(cost) {}

  void start(const grpc::CallbackServerContext& call, ToStatus to_status) {
    to_status_ = to_status;
    call_.id = trace_.id();
    call_.stop = stop_.get_token();
    call_.waits = true;
    try {
      admit(call, context_.keys, call_);
      service_ = &serving(context_);
    } catch (const Error& error) {
      refused_ = true;
      trace_.set_error(error);
      this->Finish(to_status_(error));
      return;
    }
    drain_.emplace(context_.drain.get_token(), [this] { tell([this] { progress_.drain(); }); });
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
    if (!refused_) tell([this] { progress_.abandon(); });
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
    if (progress_.take_write()) write(messages_.front().response);
    // With a message open, its answer is the event that asks again.
    if (progress_.may_read() && (progress_.open() == 0 || has_room(*service_))) {
      if (progress_.take_read()) this->StartRead(&incoming_);
    }
    if (progress_.take_finish()) {
      if (progress_.error()) trace_.set_error(*progress_.error());
      this->Finish(progress_.error() ? to_status_(*progress_.error()) : grpc::Status::OK);
    }
    lock.unlock();
    // Last, on a copy and without the lock: it ends calls of the model on this thread.
    if (stops) stop.request_stop();
  }

  void write(const Response& response) {
    if (context_.access_log) trace_.add_answer(response.ByteSizeLong());
    this->StartWrite(&response);
  }

  // With the lock held: a message has been read into incoming_.
  void open() {
    const std::size_t bytes = cost_(incoming_);
    if (context_.access_log) trace_.add_request(incoming_.ByteSizeLong());
    const std::optional<std::uint64_t> number = progress_.opened(bytes);
    if (!number) return;
    Message& message = messages_.emplace_back();
    message.request.Swap(&incoming_);
    GrpcCall call = call_;
    call.received = std::chrono::steady_clock::now();
    call.crowded = progress_.open() > 1;
    service_->post([this, &message, number = *number, call = std::move(call)] {
      method_(call, message.request, &message.response, [this, number](GrpcOutcome outcome) {
        tell([&] {
          if (outcome.tokens > 0) trace_.add_tokens(outcome.tokens);
          progress_.answered(number, std::move(outcome.error));
        });
      });
      tell([this] { progress_.handed_over(); });
    });
  }

  GrpcContext& context_;
  GrpcTrace trace_;
  const Service* service_ = nullptr;
  ToStatus to_status_ = nullptr;
  const Method& method_;
  const Cost& cost_;
  GrpcCall call_;
  std::stop_source stop_;
  bool refused_ = false;  // finished before it began; gRPC may still tell of a cancellation

  std::mutex mutex_;  // guards what follows
  StreamProgress progress_;
  std::deque<Message> messages_;  // those that are open; do not move in memory
  Request incoming_;              // belongs to gRPC between StartRead and OnReadDone

  std::optional<std::stop_callback<std::function<void()>>> drain_;  // last: it may run at once
};

}  // namespace nestvec
