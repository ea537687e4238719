// SPDX-License-Identifier: Apache-2.0
#include "service/request_memory.h"

#include <algorithm>

#include "service/error_style.h"

namespace nestvec {
namespace {

constexpr std::chrono::milliseconds kAgain{2000};

std::string beside_request(std::size_t held) {
  return held > 0 ? " beside the " + std::to_string(held) + " of their request" : "";
}

std::string allowance(const MemoryAccount& account) {
  return account.option() + " allows " + std::to_string(account.limit()) + " bytes";
}

// So many bytes, of work on texts of that length.
template <typename Describe>
MemoryShare take_or_refuse(const std::shared_ptr<MemoryAccount>& account, std::size_t bytes,
                           std::size_t length, std::size_t held, const Describe& describe) {
  if (!account) return {};
  const std::size_t beside = RequestMemory::free_beside_work(*account, length);
  std::optional<MemoryShare> share = MemoryShare::take(account, bytes, beside);
  if (share) return std::move(*share);
  if (account->could_hold(held + bytes, beside)) {
    throw Error(no_memory_now(*account, ErrorCode::kUnavailable));
  }
  throw RequestError(ErrorCode::kInvalidArgument,
                     describe() + beside_request(held) + ", and " + allowance(*account) +
                         " in all; send less, or raise " + account->option(),
                     "", Fault::kTooLarge);
}

}  // namespace

bool RequestMemory::grow_body(MemoryShare& share, std::size_t bytes, std::size_t whole) {
  const auto& account = share.account();
  if (!account || account->limit() == 0) return share.try_grow(bytes);
  const std::size_t limit = account->limit();
  const bool is_long = whole > kSmall;
  if (is_long && account->used() + bytes > limit / 4) return false;
  const std::size_t beside = is_long ? limit / 8 * 3 : limit / 16;
  return account->has_room(bytes, beside) && share.try_grow(bytes, beside);
}

bool RequestMemory::grow_head(MemoryShare& share, std::size_t bytes) {
  const auto& account = share.account();
  if (!account || account->limit() == 0) return share.try_grow(bytes);
  const std::size_t limit = account->limit();
  if (account->used_by_all() + bytes > limit / 8 * 7) return share.try_grow(bytes, limit / 16);
  share.grow(bytes);
  return true;
}

std::size_t RequestMemory::free_beside_work(const MemoryAccount& account, std::size_t bytes) {
  return bytes > kSmall ? account.limit() / 8 : 0;
}

bool RequestMemory::grow_answer(const MemoryAccount& account, MemoryShare& share,
                                std::size_t bytes) {
  if (bytes <= share.bytes()) return true;
  const std::size_t more = bytes - share.bytes();
  if (bytes > kSmall || !account.has_room(more)) return share.try_grow(more, account.limit() / 8);
  share.grow(more);
  return true;
}

bool RequestMemory::could_serve(const MemoryAccount& account, std::uint64_t body_bytes) {
  return account.limit() == 0 || body_bytes <= longest_body(account);
}

std::uint64_t RequestMemory::longest_body(const MemoryAccount& account) {
  const std::size_t limit = account.limit();
  const std::size_t most = account.most(free_beside_work(account, limit));
  const std::size_t worked_on = (most - std::min(most, kOverhead)) / (1 + kReading);
  return std::max(kSmall, std::min(limit / 4, worked_on));
}

bool RequestMemory::pressed(const MemoryAccount& account, std::size_t held) {
  if (account.limit() == 0 || account.used_by_all() <= account.limit() / 8) return false;
  return held > kSmall || !account.has_room(1);
}

bool RequestMemory::has_enough(const MemoryAccount& account) {
  const std::size_t limit = account.limit();
  const std::size_t others =
      account.used_by_all() - std::min(account.used(), account.used_by_all());
  return limit > 0 && account.used() > (limit - std::min(limit, others)) / 8;
}

RequestError body_never_fits(const MemoryAccount& account, std::uint64_t body_bytes) {
  return RequestError(ErrorCode::kInvalidArgument,
                      "the body has " + std::to_string(body_bytes) + " bytes, which take up to " +
                          std::to_string(RequestMemory::kReading + 1) +
                          " times as much while they are read, and " + allowance(account) +
                          " in all: at most " +
                          std::to_string(RequestMemory::longest_body(account)) +
                          " are accepted; send less at once, or raise " + account.option(),
                      "", Fault::kTooLarge);
}

Error no_memory_now(const MemoryAccount& account, ErrorCode code) {
  return {code,
          "there is no memory for this request now: " + allowance(account) +
              " for all requests together, and " + std::to_string(account.used_by_all()) +
              " are in use, " + std::to_string(account.used()) + " by this client; try again in " +
              std::to_string(kAgain.count() / 1000) + " s",
          {.text = {}, .retry_after = kAgain}};
}

std::size_t bytes_at_once(std::span<const std::string> texts, bool together) {
  std::size_t length = 0;
  for (const std::string& text : texts) {
    length = together ? length + text.size() : std::max(length, text.size());
  }
  return length;
}

MemoryShare memory_for_texts(const std::shared_ptr<MemoryAccount>& account,
                             std::span<const std::string> texts, std::size_t each, bool together,
                             std::size_t held) {
  return memory_for_bytes(account, bytes_at_once(texts, together), each, held);
}

MemoryShare memory_for_bytes(const std::shared_ptr<MemoryAccount>& account, std::size_t length,
                             std::size_t each, std::size_t held) {
  return take_or_refuse(account, length * each, length, held, [&] {
    return std::to_string(length) + " bytes of text take up to " + std::to_string(length * each) +
           " while they become tokens";
  });
}

std::shared_ptr<MemoryShare> memory_for_answer(const std::shared_ptr<MemoryAccount>& account,
                                               std::size_t bytes, const HeldMemory& held) {
  if (!account) return nullptr;
  const auto part = MemoryAccount::part_of(account);
  auto share = std::make_shared<MemoryShare>(part);
  if (RequestMemory::grow_answer(*account, *share, bytes)) return share;
  const std::size_t all = held.answer + bytes;
  if (part->could_hold(all) && account->could_hold(held.work + all, account->limit() / 8)) {
    throw Error(no_memory_now(*account, ErrorCode::kResourceExhausted));
  }
  throw Error(ErrorCode::kResourceExhausted,
              "the answer takes up to " + std::to_string(all) + " bytes" +
                  beside_request(held.work) + ", and answers may take " +
                  std::to_string(part->most()) + " of the " + std::to_string(account->limit()) +
                  " that " + account->option() + " allows; ask for less in one call, or raise " +
                  account->option());
}

std::shared_ptr<MemoryShare> memory_for_numbers(const std::shared_ptr<MemoryAccount>& account,
                                                std::size_t count, const HeldMemory& held) {
  constexpr std::size_t kLongest = 16;  // "-1.2345678e-05,"
  return memory_for_answer(account, count * kLongest, held);
}

}  // namespace nestvec
