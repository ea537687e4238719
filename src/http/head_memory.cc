// SPDX-License-Identifier: Apache-2.0
#include "http/head_memory.h"

#include <utility>

#include "service/request_memory.h"

namespace nestvec {

bool is_probe(const HttpShared& shared, const HttpRequest& request) {
  return shared.is_urgent && shared.is_urgent(request);
}

bool take_head(const HttpShared& shared, MemoryShare& share, std::size_t bytes,
               std::uint64_t address) {
  if (RequestMemory::grow_head(share, bytes)) return true;
  MemoryShare reserved(MemoryAccount::of_client(shared.reserve, address));
  if (share.bytes() > 0 || !reserved.account() || !reserved.try_grow(bytes)) return false;
  share = std::move(reserved);
  return true;
}

bool settle_head(const HttpShared& shared, const HttpRequest& head,
                 const std::shared_ptr<MemoryAccount>& address, std::size_t sent,
                 MemoryShare& share) {
  const std::size_t bytes = 2 * sent;  // names and values lie apart
  const bool reserved = share.account() != address;
  if (reserved && !is_probe(shared, head)) share = MemoryShare(head.account);
  if (bytes > share.bytes()) return RequestMemory::grow_head(share, bytes - share.bytes());
  share.shrink(bytes);
  return true;
}

HttpFault no_room_for_head() {
  return {503, "there is no memory for more requests of this client now"};
}

bool grow_to_http2(MemoryShare& connection, MemoryShare head) {
  head.shrink(RequestMemory::kHttp2);
  if (head.account() != connection.account()) {
    if (!head.try_grow(connection.bytes())) return false;
    connection = MemoryShare();
  }
  connection.absorb(std::move(head));
  return true;
}

}  // namespace nestvec
