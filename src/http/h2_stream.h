// SPDX-License-Identifier: Apache-2.0
// What a connection of HTTP/2 knows of one of its streams.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/memory_account.h"
#include "http/body_memory.h"
#include "http/http_fault.h"
#include "http/streamed.h"
#include "observe/log.h"
#include "service/http_message.h"

namespace nestvec {

struct H2Stream {
  using Clock = std::chrono::steady_clock;

  std::int32_t id = 0;

  // The request.
  std::shared_ptr<HttpRequest> request = std::make_shared<HttpRequest>();
  std::string target;              // :path
  std::size_t head_bytes = 0;      // as RFC 9113 counts them
  std::optional<HttpFault> fault;  // of the head
  bool head_only = false;          // a HEAD; the request then says GET
  bool body_ended = false;
  bool drops_body = false;                    // it was answered before its body was there
  std::shared_ptr<StreamedRequest> streamed;  // or else the request is whole before it is handled
  Clock::time_point begun;                    // the body, when its head was there
  Clock::time_point last_body;                // when a piece of it came last
  std::uint64_t body_bytes = 0;
  std::size_t owed = 0;  // bytes for which the window is not opened again
  bool wide = false;     // its window is larger than it was at first
  MemoryShare head_memory;
  BodyMemory body_memory;
  std::optional<std::uint64_t> promised;        // by content-length
  std::optional<AwaitedMemory> awaited_memory;  // while a promised body has none
  std::optional<std::stop_source> stop;
  bool answering = false;  // of a request that is whole
  AccessRecord record;

  // The answer.
  bool head_sent = false;
  std::string out;  // of its body, to be sent
  MemoryShare out_memory;
  std::size_t out_at = 0;
  std::optional<Headers> trailers;
  bool last = false;                          // nothing comes behind `out` and the trailers
  bool sends = false;                         // a piece is on its way, or an end
  bool deferred = false;                      // the session asks for nothing until it is told
  Clock::time_point out_since;                // when `out` was begun
  Clock::time_point out_last;                 // when some of it left
  std::uint64_t out_sent = 0;                 // since then
  std::uint64_t wire_out = 0;                 // bytes of all frames
  std::optional<Clock::time_point> answered;  // when the last of it left before the body's end

  std::size_t unsent() const { return out.size() - out_at; }
  std::size_t buffered() const { return streamed ? streamed->buffered() : request->body.size(); }
};

}  // namespace nestvec
