// SPDX-License-Identifier: Apache-2.0
// Names for calls that come without one.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace nestvec {

// Safe for concurrent use.
class IdMaker {
 public:
  IdMaker();

  // 32 hexadecimal digits that nothing else made here has, and hardly anything made elsewhere.
  std::string next();
  // 16 of them, not all zero.
  std::string next_short();

 private:
  const std::uint64_t first_seed_;
  const std::uint64_t second_seed_;
  std::atomic<std::uint64_t> made_{0};
};

// Whether a client's own id may go into logs and answers: visible ASCII, not too long.
bool is_sane_id(std::string_view id);

}  // namespace nestvec
