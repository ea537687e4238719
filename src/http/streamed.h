// SPDX-License-Identifier: Apache-2.0
// Requests whose bodies and answers come and go in pieces, as those of gRPC do.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/memory_account.h"
#include "service/http_message.h"

namespace nestvec {

// A piece of an answer, whose status is 200. The first has a head; an answer of one piece may have
// trailers alone, which are its head then.
struct AnswerPiece {
  std::optional<Headers> head = {};      // names in lower case, as in the trailers
  std::string bytes = {};                // of the body
  std::optional<Headers> trailers = {};  // of the last piece
  MemoryShare memory = {};               // what `bytes` are charged until they are sent
};

// The way of an answer back to its connection. Safe for concurrent use and at any time; what is
// sent after the last piece, or once the client is gone, is dropped. Does not block.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  virtual void send(AnswerPiece piece) noexcept = 0;
  // So many bytes of the body have found their place: the client may send as many more.
  virtual void consumed(std::size_t bytes) noexcept = 0;
  // There is no memory for the answer: the connection ends.
  virtual void give_up() noexcept = 0;
};

// A request on its way. The calls come on the loop's thread; they must not block or throw. None
// comes after on_gone().
class StreamedRequest {
 public:
  using Clock = std::chrono::steady_clock;
  // A part of a body that has begun and is not whole.
  struct Upload {
    Clock::time_point begun;
    std::size_t bytes = 0;
  };

  virtual ~StreamedRequest() = default;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_end() = 0;   // of the body
  virtual void on_sent() = 0;  // all pieces so far have left
  virtual void on_gone() = 0;  // the answer is sent whole, or the client has given it up
  virtual void on_tick(Clock::time_point now) = 0;  // some times a second
  virtual void on_grace_over() = 0;                 // the server ends: so does the answer, at once
  // What the client is expected to go on with at once.
  virtual std::optional<Upload> upload() const = 0;
  virtual std::size_t buffered() const = 0;  // bytes of the body that are held
  // Whether the server has something to do for it; else its client is to go on.
  virtual bool is_working() const = 0;
};

// Takes a request, of which `head` has all but the body. `client` is the peer's name for the log.
// Nothing for a request that is none of its own.
using StreamedService = std::function<std::shared_ptr<StreamedRequest>(
    std::shared_ptr<const HttpRequest> head, const std::string& client,
    std::shared_ptr<AnswerWriter> writer)>;

}  // namespace nestvec
