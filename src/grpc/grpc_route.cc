// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_route.h"

#include <cstdint>
#include <utility>

#include "service/request_memory.h"

namespace nestvec {
namespace {

// What parsing a message and tokenising its text takes.
void take_reading(MemoryShare& memory, std::size_t bytes) {
  const auto& account = memory.account();
  if (!account) return;
  const std::size_t needed = bytes * (RequestMemory::kReading + RequestMemory::kTokenizing);
  const std::size_t beside = RequestMemory::free_beside_work(*account, bytes);
  if (memory.try_grow(needed, beside)) return;
  const std::size_t held = RequestMemory::kOverhead + memory.bytes();
  if (!account->could_hold(held + needed, beside)) {
    throw Error(ErrorCode::kResourceExhausted,
                "the message has " + std::to_string(bytes) + " bytes, which take up to " +
                    std::to_string(needed) + " while they are read, and " + account->option() +
                    " allows " + std::to_string(account->limit()) +
                    " in all; send less at once, or raise " + account->option());
  }
  throw Error(no_memory_now(*account, ErrorCode::kResourceExhausted));
}

}  // namespace

GrpcIncoming read_message(const GrpcRoute& route, const HttpRequest& head,
                          GrpcMessageReader::Message raw, std::uint64_t limit) {
  GrpcMessageReader::Message decoded =
      grpc_decode(std::move(raw), head.header("grpc-encoding").value_or(""), limit);
  const std::size_t size = decoded.bytes.size();
  take_reading(decoded.memory, size);
  GrpcIncoming incoming{
      .message = route.new_request(), .bytes = size, .memory = std::move(decoded.memory)};
  if (!incoming.message->ParseFromString(decoded.bytes)) {
    throw Error(ErrorCode::kInternal,
                "the message is no " + incoming.message->GetTypeName() + ": it cannot be read");
  }
  return incoming;
}

std::string frame_message(const GrpcMessage& message) {
  const std::size_t size = message.ByteSizeLong();
  std::string framed = grpc_prefix(size);
  framed.reserve(framed.size() + size);
  message.AppendPartialToString(&framed);
  return framed;
}

FramedMessage frame_answer(const GrpcMessage& message,
                           const std::shared_ptr<MemoryAccount>& account) {
  FramedMessage framed;
  if (const auto memory = memory_for_answer(account, message.ByteSizeLong())) {
    framed.memory = std::move(*memory);
  }
  framed.bytes = frame_message(message);
  return framed;
}

}  // namespace nestvec
