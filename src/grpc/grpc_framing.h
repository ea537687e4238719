// SPDX-License-Identifier: Apache-2.0
// What gRPC adds to HTTP/2: messages with a prefix, times, statuses. No sockets here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/memory_account.h"
#include "http/body_memory.h"
#include "nestvec/error.h"

namespace nestvec {

// Bytes of a body to messages. Not thread-safe.
class GrpcMessageReader {
 public:
  using Clock = std::chrono::steady_clock;
  struct Message {
    bool compressed = false;
    std::string bytes;
    MemoryShare memory = {};  // what they are charged
  };

  // A message over `limit` bytes, as sent, is an error. Bytes are charged to `account`, those of a
  // message all at once when its length is known; where there is no memory, that is the error.
  explicit GrpcMessageReader(std::uint64_t limit, std::shared_ptr<MemoryAccount> account = nullptr)
      : limit_(limit), account_(std::move(account)), memory_(account_) {}

  // What comes from now on is charged to another. Precondition: nothing has come.
  void charge_to(std::shared_ptr<MemoryAccount> account) {
    account_ = std::move(account);
    memory_ = BodyMemory(account_);
  }

  // Precondition: no error().
  void feed(std::string_view bytes);

  // A message is whole.
  bool ready() const { return !error_ && missing() == 0; }
  // The next whole message; nothing before it is there.
  std::optional<Message> take();

  // kResourceExhausted for a message that is too long or has no memory, kInternal for bytes that
  // are none.
  const std::optional<Error>& error() const { return error_; }
  std::size_t buffered() const { return buffer_.size() - begin_; }
  // When the message that has begun and is not whole did so.
  std::optional<Clock::time_point> partial_since() const;

 private:
  // Bytes that the next message lacks, or its prefix does.
  std::size_t missing() const;
  void check_prefix();
  void take_memory(std::size_t bytes);

  const std::uint64_t limit_;
  std::shared_ptr<MemoryAccount> account_;
  BodyMemory memory_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not taken yet
  Clock::time_point since_;
  std::optional<Error> error_;
};

// The prefix of a message that is not compressed.
std::string grpc_prefix(std::size_t size);

// "10S", "100m" (RFC of gRPC: eight digits at most and H, M, S, m, u or n); nullopt for another.
std::optional<std::chrono::nanoseconds> parse_grpc_timeout(std::string_view text);

// A text as grpc-message has it: visible ASCII, the rest as %XX.
std::string grpc_percent_encode(std::string_view text);

// How a call ends; 0 is success.
struct GrpcStatus {
  int code = 0;
  std::string message = {};

  bool ok() const { return code == 0; }
};

// Undoes grpc-encoding; `encoding` is its value, empty where there is none. Throws Error:
// kUnimplemented (another encoding), kInternal (bytes that are not in it), kResourceExhausted
// (longer than `limit`, no memory). Blocks for the decoding.
GrpcMessageReader::Message grpc_decode(GrpcMessageReader::Message message,
                                       std::string_view encoding, std::uint64_t limit);

// What a client may compress its messages with.
inline constexpr std::string_view kGrpcEncodings = "identity, deflate, gzip";

}  // namespace nestvec
