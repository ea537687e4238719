// SPDX-License-Identifier: Apache-2.0
// A stream of requests and, in their order, of answers, and no thread that waits in between.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "grpc/grpc_unary.h"
#include "grpc/stream_progress.h"

namespace nestvec {

// A call of a route that streams. A drain ends it once what has been read is answered. A message
// that waits for its turn stays with the client, but for a window of HTTP/2. Kept by its stream and
// by what works on it.
class GrpcStream final : public StreamedRequest, public std::enable_shared_from_this<GrpcStream> {
 public:
  // Makes and starts one. `context` and `route` must outlive the server.
  static std::shared_ptr<GrpcStream> start(GrpcContext& context, const GrpcRoute& route,
                                           GrpcHead head);

  GrpcStream(GrpcContext& context, const GrpcRoute& route, GrpcHead head);

  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_sent() override;
  void on_gone() override;
  void on_tick(Clock::time_point now) override;
  void on_grace_over() override;
  std::optional<Upload> upload() const override;
  std::size_t buffered() const override;
  bool is_working() const override;

 private:
  struct Message {
    std::unique_ptr<GrpcMessage> request;
    std::unique_ptr<GrpcMessage> response;
    std::shared_ptr<MemoryShare> memory;  // of the request
    FramedMessage answer;
  };

  void begin();
  void refuse(const Error& error);
  void end_at_once(const Error& error);
  template <typename Event>
  void tell(const Event& event);
  // The parts of tell(), with the lock held.
  void read_next();
  void pay();
  void write(std::size_t messages);
  void finish();
  void add_fault(Error error);
  bool has_room_for_more() const;
  // On a request thread.
  void open(GrpcMessageReader::Message raw);
  void work(const GrpcCall& call, Message& message, std::uint64_t number);
  void answer(Message& message, std::uint64_t number, const GrpcOutcome& outcome) noexcept;

  GrpcContext& context_;
  const GrpcRoute& route_;
  const GrpcHead head_;
  std::optional<GrpcTrace> trace_;    // of a route that is not open
  const Service* service_ = nullptr;  // of a route that has a model
  GrpcCall call_;
  std::stop_source stop_;
  bool refused_ = false;  // finished before it began

  mutable std::mutex mutex_;  // guards what follows
  StreamProgress progress_;
  std::deque<Message> messages_;  // those that are open; do not move in memory
  GrpcMessageReader reader_;
  std::size_t fed_ = 0;    // bytes that have come
  std::size_t taken_ = 0;  // of these, those of messages that are being worked on
  std::size_t paid_ = 0;   // of these, those that the client may send anew
  bool body_ended_ = false;
  bool faulty_ = false;  // the body has an error, and progress_ knows
  bool head_sent_ = false;
  std::size_t writing_ = 0;  // messages
  bool over_ = false;        // it has ended before its messages

  std::optional<std::stop_callback<std::function<void()>>> drain_;  // last: it may run at once
};

}  // namespace nestvec
