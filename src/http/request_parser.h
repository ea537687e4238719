// SPDX-License-Identifier: Apache-2.0
// Bytes of a connection to one HTTP/1 request. No sockets here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/memory_account.h"
#include "http/http_fault.h"
#include "service/http_message.h"

namespace nestvec {

// Reads one request; the next one needs a new parser. Not thread-safe. Does not throw but for
// memory that is not to be had.
class RequestParser {
 public:
  struct Limits {
    std::size_t head_bytes = std::size_t{16}
                             << 10;  // request line and headers together, 431 over it
    std::size_t headers = 128;       // 431 over it
    std::uint64_t body_bytes = 0;    // as sent, before any Content-Encoding; 413
  };
  enum class State {
    kStart,  // no byte of a request yet
    kHead,
    kBody,    // the head is whole
    kDone,    // take_request() has it
    kFailed,  // fault() says why; how the bytes go on is not known
  };

  explicit RequestParser(const Limits& limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;
  ~RequestParser();

  // Takes what it can of `bytes`, but no more than up to the end of the head where that is among
  // them, and returns how many that were. The rest is to be given again, with what comes behind it;
  // in kDone it belongs to the next request. Precondition: neither kDone nor kFailed.
  std::size_t feed(std::string_view bytes);

  State state() const noexcept;
  // Precondition: kFailed.
  const HttpFault& fault() const;

  // From kBody on: what is known before the body, and is to be had again from take_request().
  HttpRequest& request();
  // Who pays for the body; nobody so far. Precondition: kBody, and nothing of it was fed.
  void charge_to(std::shared_ptr<MemoryAccount> memory);
  // As Content-Length says; nothing of a body in chunks.
  std::optional<std::uint64_t> promised_bytes() const;
  // Makes room for a body of promised length; false where there is no memory now. Others grow as
  // they come, and fail with 503 where they cannot.
  bool reserve_body();
  // What comes of the body is counted and not kept.
  void drop_body();
  bool expects_continue() const noexcept;
  bool keep_alive() const noexcept;  // what the client's version and headers ask for
  bool is_http10() const noexcept;
  bool is_head() const noexcept;              // a HEAD; the request then says GET
  std::uint64_t body_bytes() const noexcept;  // of the body so far
  std::size_t held_bytes() const noexcept;    // what it takes
  std::size_t head_bytes() const noexcept;    // so far, about
  // In kFailed: a body that came in chunks found no memory.
  bool out_of_memory() const noexcept;

  // Fills method, path, query, headers, body (still with its Content-Encoding) and its memory.
  // Precondition: kDone, once.
  HttpRequest take_request();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nestvec
