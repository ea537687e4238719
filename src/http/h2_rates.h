// SPDX-License-Identifier: Apache-2.0
// How much a client of HTTP/2 may send that costs more than it brings.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "http/token_bucket.h"

namespace nestvec {

// Each function says false where it is too much by now. Not thread-safe.
class H2Rates {
 public:
  using Clock = TokenBucket::Clock;

  // A stream that is given up, or refused.
  bool take_reset(Clock::time_point now) { return resets_.take(now); }
  // A frame that carries nothing: pings, settings, windows, empty data.
  bool take_control(Clock::time_point now) { return control_.take(now); }
  // A frame with so many bytes of a body, or of a body of messages.
  bool take_data(Clock::time_point now, std::size_t bytes, bool has_messages) {
    constexpr std::size_t kShort = 64;
    constexpr std::size_t kShortest = 5;  // a message without anything in it
    constexpr double kCost = 1.0 / 16;
    return bytes >= (has_messages ? kShortest : kShort) || control_.take(now, kCost);
  }
  // A frame with data was sent, which may be answered by windows and a ping.
  void add_sent_data() {
    constexpr double kControlForData = 4;
    control_.give(kControlForData);
  }

  // So many bytes have come; those that begin_frame() did not announce are of frames that nobody
  // reads.
  bool take_bytes(Clock::time_point now, std::size_t bytes) {
    received_ += bytes;
    if (received_ <= announced_ + ignored_) return true;
    const std::uint64_t more = received_ - announced_ - ignored_;
    ignored_ += more;
    return unread_.take(now, static_cast<double>(more));
  }
  void begin_frame(std::size_t payload) {
    constexpr std::size_t kFrameHead = 9;
    announced_ += kFrameHead + payload;
  }

 private:
  TokenBucket resets_{1000, 100};
  // A client that reads sends some of them for each frame of ours.
  TokenBucket control_{5000, 500};
  TokenBucket unread_{4 << 20, 256 << 10};  // bytes
  std::uint64_t received_ = 0;
  std::uint64_t announced_ = 0;
  std::uint64_t ignored_ = 0;
};

}  // namespace nestvec
