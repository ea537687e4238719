// SPDX-License-Identifier: Apache-2.0
// The way of an answer from the thread that has it back to its connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "http/content_coding.h"
#include "service/http_message.h"

namespace nestvec {

class IoLoop;

// Of a connection: the number of the last exchange whose answer cannot be brought to it.
using LostExchange = std::shared_ptr<std::atomic<std::uint64_t>>;

// A connection, on its loop's thread.
class ReplyTarget {
 public:
  virtual ~ReplyTarget() = default;
  // The answer to a request by its number; ignored when that one is not awaited any more.
  virtual void answer(std::uint64_t exchange, HttpResponse response) = 0;
  LostExchange lost_exchange() const { return lost_; }

 protected:
  const LostExchange lost_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

// Takes one answer, from any thread and at any time, also after the connection or the server is
// gone. One that is destroyed without an answer answers 500: no client waits for ever. Where there
// is no memory for the way back, the connection finds the exchange's number in its LostExchange.
class HttpReply {
 public:
  // Answers that gain from it are sent in `coding`. `alive` is kept as long as this.
  HttpReply(std::shared_ptr<IoLoop> loop, const std::shared_ptr<ReplyTarget>& connection,
            std::uint64_t exchange, ContentCoding coding, std::shared_ptr<const void> alive = {});
  HttpReply(const HttpReply&) = delete;
  HttpReply& operator=(const HttpReply&) = delete;
  ~HttpReply();

  // Ignored but for the first time.
  void send(HttpResponse response) noexcept;

 private:
  const std::shared_ptr<IoLoop> loop_;
  const std::weak_ptr<ReplyTarget> connection_;
  const LostExchange lost_;
  const std::uint64_t exchange_;
  const ContentCoding coding_;
  const std::shared_ptr<const void> alive_;
  std::atomic<bool> sent_{false};
};

}  // namespace nestvec
