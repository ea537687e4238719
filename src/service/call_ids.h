// SPDX-License-Identifier: Apache-2.0
// Names for calls that come without one.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace nestvec {

// Safe for concurrent use.
class CallIds {
 public:
  CallIds();

  // 32 hexadecimal digits that no other call of this process has, and hardly one of another.
  std::string next();

 private:
  const std::uint64_t process_;
  std::atomic<std::uint64_t> last_;
};

// Whether a client's own id may go into logs and answers: visible ASCII, not too long.
bool is_sane_id(std::string_view id);

}  // namespace nestvec
