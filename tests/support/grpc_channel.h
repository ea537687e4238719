// SPDX-License-Identifier: Apache-2.0
// For tests: a client of gRPC on a connection of its own, of which several threads may make calls.
#pragma once

#include <google/protobuf/message_lite.h>
#include <nghttp2/nghttp2.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/address.h"
#include "base/file.h"
#include "grpc/grpc_framing.h"
#include "service/http_message.h"

namespace nestvec {

class GrpcChannel;

// A call, of one message or many. Blocks for at most a minute; then the test fails.
class GrpcClientCall {
 public:
  GrpcClientCall(std::shared_ptr<GrpcChannel> channel, std::int32_t id);

  // False once the call is over.
  bool write(const google::protobuf::MessageLite& message);
  bool write_bytes(const std::string& body);  // framed, or what a test wants instead
  void writes_done();
  // The next answer; false when there is none any more.
  bool read(google::protobuf::MessageLite* message);
  std::optional<std::string> read_bytes();
  GrpcStatus finish();
  Headers trailers();  // after finish(), and with the head where that is all
  void cancel();

 private:
  const std::shared_ptr<GrpcChannel> channel_;
  const std::int32_t id_;
};

class GrpcChannel : public std::enable_shared_from_this<GrpcChannel> {
 public:
  explicit GrpcChannel(const Address& address);
  ~GrpcChannel();
  static std::shared_ptr<GrpcChannel> connect(std::uint16_t port);

  GrpcClientCall start(const std::string& path, const Headers& metadata = {});
  // A call of one message and one answer.
  GrpcStatus call(const std::string& path, const google::protobuf::MessageLite& request,
                  google::protobuf::MessageLite* response, const Headers& metadata = {},
                  Headers* trailers = nullptr);

 private:
  friend class GrpcClientCall;
  struct Call {
    std::string out;
    bool out_ended = false;
    GrpcMessageReader reader{std::uint64_t{1} << 31};
    std::deque<std::string> messages;
    Headers trailers;
    bool over = false;
    std::uint32_t reset = 0;
  };
  struct Callbacks;

  Call& call_of(std::int32_t id) { return calls_[id]; }
  template <typename Condition>
  void wait(std::unique_lock<std::mutex>& lock, Condition condition);
  void run();
  void wake();
  bool send_all(std::unique_lock<std::mutex>& lock);
  void end(std::unique_lock<std::mutex>& lock);

  FileDescriptor socket_;
  FileDescriptor wake_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Call> calls_;
  std::string out_;
  bool dead_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nestvec
