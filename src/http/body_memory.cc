// SPDX-License-Identifier: Apache-2.0
#include "http/body_memory.h"

#include <algorithm>

#include "service/request_memory.h"

namespace nestvec {

// Both copies are there for a moment.
bool BodyMemory::move_to(std::string& body, std::size_t capacity) {
  if (!RequestMemory::grow_body(share_, capacity, capacity)) return false;
  std::string moved;  // body.reserve() might take more than it is asked for
  moved.reserve(capacity);
  moved.append(body);
  body.swap(moved);
  share_.shrink(body.capacity());
  return true;
}

bool BodyMemory::reserve(std::string& body, std::size_t bytes) {
  return bytes <= body.capacity() || move_to(body, bytes);
}

bool BodyMemory::make_room(std::string& body, std::size_t bytes) {
  constexpr std::size_t kLeast = std::size_t{4} << 10;
  const std::size_t needed = body.size() + bytes;
  if (needed <= body.capacity()) return true;
  std::size_t capacity = std::max({needed, 2 * body.capacity(), kLeast});
  // One that is short stays short: it finds room where long ones find none.
  if (needed <= RequestMemory::kSmall) capacity = std::min(capacity, RequestMemory::kSmall);
  return move_to(body, capacity);
}

}  // namespace nestvec
