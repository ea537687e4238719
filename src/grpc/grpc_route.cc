// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_route.h"

#include <cstdint>

namespace nestvec {

GrpcIncoming read_message(const GrpcRoute& route, const HttpRequest& head,
                          GrpcMessageReader::Message raw, std::uint64_t limit) {
  const std::string bytes =
      grpc_decode(std::move(raw), head.header("grpc-encoding").value_or(""), limit);
  GrpcIncoming incoming{.message = route.new_request(), .bytes = bytes.size()};
  if (!incoming.message->ParseFromString(bytes)) {
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

}  // namespace nestvec
