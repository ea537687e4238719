// SPDX-License-Identifier: Apache-2.0
// The way of an answer from the thread that has it back to its connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "http/content_coding.h"
#include "service/http_message.h"

namespace nestvec {

class HttpConnection;
class IoLoop;

// Takes one answer, from any thread and at any time, also after the connection or the server is
// gone. One that is destroyed without an answer answers 500: no client waits for ever. Where there
// is no memory for the way back, the connection finds the exchange's number in its LostExchange. Of
// a connection: the number of the exchange whose answer cannot be brought to it.
using LostExchange = std::shared_ptr<std::atomic<std::uint64_t>>;

class HttpReply {
 public:
  // Answers that gain from it are sent in `coding`.
  HttpReply(std::shared_ptr<IoLoop> loop, const std::shared_ptr<HttpConnection>& connection,
            std::uint64_t exchange, ContentCoding coding);
  HttpReply(const HttpReply&) = delete;
  HttpReply& operator=(const HttpReply&) = delete;
  ~HttpReply();

  // Ignored but for the first time.
  void send(HttpResponse response) noexcept;

 private:
  const std::shared_ptr<IoLoop> loop_;
  const std::weak_ptr<HttpConnection> connection_;
  const LostExchange lost_;
  const std::uint64_t exchange_;
  const ContentCoding coding_;
  std::atomic<bool> sent_{false};
};

}  // namespace nestvec
