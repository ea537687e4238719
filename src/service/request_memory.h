// SPDX-License-Identifier: Apache-2.0
// How requests share the memory that they are given together: who may take how much of the account
// (docs/decisions/0027-request-memory.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/memory_account.h"
#include "nestvec/error.h"
#include "service/error_style.h"

namespace nestvec {

struct RequestMemory {
  // Bodies and answers up to this size may take the last of the account, so that short calls are
  // served whatever long ones hold.
  static constexpr std::size_t kSmall = std::size_t{64} << 10;
  // Measured, see the decision: for each byte of a body while it is parsed, and as long as its call
  // lives; and for each byte of a text while it becomes tokens, or is cut into chunks.
  static constexpr std::size_t kReading = 16;
  static constexpr std::size_t kLiving = 8;
  static constexpr std::size_t kTokenizing = 40;
  static constexpr std::size_t kCutting = 96;
  // What a connection and the head of a request under way take.
  static constexpr std::size_t kConnection = std::size_t{4} << 10;
  static constexpr std::size_t kTls = std::size_t{32} << 10;
  static constexpr std::size_t kHttp2 = std::size_t{16} << 10;
  static constexpr std::size_t kHead = std::size_t{32} << 10;
  // A connection, and the head of a request on it.
  static constexpr std::size_t kOverhead = kConnection + kTls + kHead;
  // Beside the account, for probes from addresses that have no room in it.
  static constexpr std::size_t kReserve = std::size_t{4} << 20;
  // So long something waits for memory before it is refused.
  static constexpr std::chrono::seconds kPatience{5};

  // Takes so many bytes more for a body that then has `whole` of them; false, without a refusal
  // that counts, where there are none now. Of `account`, a client's as a rule, long bodies fill a
  // quarter at most, and of what all have five eighths, so that what is there whole finds memory to
  // be worked on.
  static bool grow_body(MemoryShare& share, std::size_t bytes, std::size_t whole);
  // More for a connection or a head: beyond its client's share, too, while an eighth of the account
  // stays free, since a probe may come from a busy client's address.
  static bool grow_head(MemoryShare& share, std::size_t bytes);
  // What must stay free beside the work on a body of so many.
  static std::size_t free_beside_work(const MemoryAccount& account, std::size_t bytes);
  // More for an answer, which then has so many in all; `share` is of the account's part. False
  // where there is no room: long answers, which slow readers leave here, fill the part at most.
  static bool grow_answer(const MemoryAccount& account, MemoryShare& share, std::size_t bytes);

  // Whether a body of so many bytes could be read and worked on, be nobody else there.
  static bool could_serve(const MemoryAccount& account, std::uint64_t body_bytes);
  // The longest body that could.
  static std::uint64_t longest_body(const MemoryAccount& account);
  // What a request with a body of so many bytes has while that is read, and while its call lives.
  static constexpr std::size_t held_reading(std::size_t body) {
    return kOverhead + body * (1 + kReading);
  }
  static constexpr std::size_t held_living(std::size_t body) {
    return kOverhead + body * (1 + kLiving);
  }

  // Much is taken, and of that by somebody so many bytes: who moves little has to go. Those who
  // hold little may stay, but for clients that have more than their share.
  static bool pressed(const MemoryAccount& account, std::size_t held);
  // Whether a client has so much that its streams should not take more at a time: an eighth of what
  // the others leave.
  static bool has_enough(const MemoryAccount& account);
};

// Refuse a body that could never be served, with the numbers (413), and one for which there is no
// memory now, with a time to come again: HTTP tells it as kUnavailable, gRPC as kResourceExhausted.
RequestError body_never_fits(const MemoryAccount& account, std::uint64_t body_bytes);
Error no_memory_now(const MemoryAccount& account, ErrorCode code);

// Bytes of the longest text, or of all where they are read `together`.
std::size_t bytes_at_once(std::span<const std::string> texts, bool together);

// `each` bytes for each of the longest text, or of all where they are read `together`, for as long
// as it lives: of work on a request thread. Throws Error kUnavailable, or RequestError with
// Fault::kTooLarge where it could never fit beside the `held` bytes that the request has already.
// Nothing without an account.
MemoryShare memory_for_texts(const std::shared_ptr<MemoryAccount>& account,
                             std::span<const std::string> texts, std::size_t each,
                             bool together = false, std::size_t held = 0);
// The same for so many bytes of text.
MemoryShare memory_for_bytes(const std::shared_ptr<MemoryAccount>& account, std::size_t length,
                             std::size_t each, std::size_t held = 0);

// What a request has of its account already.
struct HeldMemory {
  std::size_t work = 0;
  std::size_t answer = 0;  // of its answer so far
};

// An answer's memory, a share of the account's part, before it is rendered: `bytes` is the most
// that it may take. The transport keeps it until the answer is sent, and gives back what it does
// not need. Throws Error kResourceExhausted, with a time to come again where it could ever fit.
// Nothing without an account.
std::shared_ptr<MemoryShare> memory_for_answer(const std::shared_ptr<MemoryAccount>& account,
                                               std::size_t bytes, const HeldMemory& held = {});

// Of so many numbers in JSON.
std::shared_ptr<MemoryShare> memory_for_numbers(const std::shared_ptr<MemoryAccount>& account,
                                                std::size_t count, const HeldMemory& held = {});

}  // namespace nestvec
