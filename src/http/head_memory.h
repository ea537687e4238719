// SPDX-License-Identifier: Apache-2.0
// Memory of connections, and of heads before their clients are known: their address pays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/memory_account.h"
#include "http/http_fault.h"
#include "http/http_shared.h"
#include "service/http_message.h"

namespace nestvec {

// Whether a request is answered whatever its client has: HttpServerOptions::is_urgent.
bool is_probe(const HttpShared& shared, const HttpRequest& request);

// Takes memory for a connection, or for a head that is on its way; `share` is of the account of the
// address and has nothing, or more for what it has. What there is no room for comes out of the
// reserve, where addresses have shares as well: a probe may come from one whose clients hold all
// that they can.
bool take_head(const HttpShared& shared, MemoryShare& share, std::size_t bytes,
               std::uint64_t address);

// The head is whole and came in so many bytes: what is no probe goes from the reserve to the
// account of its client. False where that has no room now.
bool settle_head(const HttpShared& shared, const HttpRequest& head,
                 const std::shared_ptr<MemoryAccount>& address, std::size_t sent,
                 MemoryShare& share);
HttpFault no_room_for_head();

// A connection goes on as one of HTTP/2: with what its head has taken, and out of the reserve where
// that did. False where there is no room.
bool grow_to_http2(MemoryShare& connection, MemoryShare head);

}  // namespace nestvec
