// SPDX-License-Identifier: Apache-2.0
// One request, one answer, and no thread that waits in between.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/grpc_route.h"
#include "http/streamed.h"

namespace nestvec {

// What gRPC knows of a call before its first message.
struct GrpcHead {
  std::shared_ptr<const HttpRequest> request;
  std::string client;  // the peer's name, for the log
  std::shared_ptr<AnswerWriter> writer;
};

// A call of a route that does not stream. Its message, or where the route collects its messages,
// are worked on, on a request thread, when all is there; the key is checked before. Kept by its
// stream and by what works on it.
class GrpcUnary final : public StreamedRequest, public std::enable_shared_from_this<GrpcUnary> {
 public:
  // Makes and starts one. `context` and `route` must outlive the server.
  static std::shared_ptr<GrpcUnary> start(GrpcContext& context, const GrpcRoute& route,
                                          GrpcHead head);

  GrpcUnary(GrpcContext& context, const GrpcRoute& route, GrpcHead head);

  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_sent() override {}
  void on_gone() override;
  void on_tick(Clock::time_point now) override;
  void on_grace_over() override;
  std::optional<Upload> upload() const override;
  std::size_t buffered() const override { return reader_.buffered() + collected_bytes_; }
  bool is_working() const override { return begun_ && !finished_; }

 private:
  using Messages = std::vector<GrpcMessageReader::Message>;

  void admit_call();
  // Takes what is whole. False where that ends the call.
  bool take_messages();
  void run(Messages messages);
  // Makes request_ of them. Their bytes, decoded.
  std::size_t read(Messages messages);
  // Whichever comes first ends the call.
  void finish(const GrpcOutcome& outcome) noexcept;
  // Faults of the message itself are told by the status, whatever the dialect does with its own.
  void fail(const Error& error, GrpcRefuse how) noexcept;
  void answer(const GrpcOutcome& outcome);
  void refuse(const Error& error, GrpcRefuse how);

  GrpcContext& context_;
  const GrpcRoute& route_;
  const GrpcHead head_;
  std::optional<GrpcTrace> trace_;  // of a route that is not open
  GrpcCall call_;
  GrpcMessageReader reader_;  // of the loop's thread
  std::size_t owed_ = 0;      // bytes that are not told to the writer yet
  Messages messages_;         // that are whole; one, but for a route that collects
  std::size_t collected_bytes_ = 0;
  bool begun_ = false;  // they are being worked on
  std::unique_ptr<GrpcMessage> request_;
  MemoryShare memory_;  // of it, while it is answered
  std::unique_ptr<GrpcMessage> response_;
  std::stop_source stop_;
  std::atomic<bool> finished_{false};  // by whoever was first
};

}  // namespace nestvec
