// SPDX-License-Identifier: Apache-2.0
// What all connections of a server share, whatever their version of HTTP.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/live_count.h"
#include "base/memory_account.h"
#include "config/server_config.h"
#include "http/body_memory.h"
#include "http/connection_seats.h"
#include "http/http_reply.h"
#include "http/streamed.h"
#include "http/transport.h"
#include "observe/log.h"
#include "service/head_guard.h"
#include "service/http_message.h"
#include "service/request_path.h"
#include "service/request_threads.h"

namespace nestvec {

// How long to wait for a client to take note of the end of its connection, and how much longer
// while it still sends at this rate.
inline constexpr std::chrono::seconds kLinger{2};
inline constexpr std::chrono::seconds kLongestLinger{30};
inline constexpr std::size_t kLingerBytesPerSecond = std::size_t{256} << 10;
// So much of what a client still sends is read and dropped meanwhile, or once it is not listened
// to.
inline constexpr std::size_t kMostDropped = std::size_t{64} << 20;

// What a client sends that is not looked at any more.
struct Dropped {
  using Clock = std::chrono::steady_clock;

  // Until when to wait for its end.
  Clock::time_point deadline() const {
    if (bytes >= kMostDropped) return Clock::now() + kLinger;
    const std::chrono::milliseconds more(bytes * 1000 / kLingerBytesPerSecond);
    return start + std::min<std::chrono::milliseconds>(kLinger + more, kLongestLinger);
  }

  Clock::time_point start;
  std::size_t bytes = 0;
};

// A drain waits so long for what clients may just have sent.
inline constexpr std::chrono::milliseconds kDrainGrace{250};

// Whole requests for whose work there is no memory yet. Safe for concurrent use.
class WaitingWork {
 public:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::shared_ptr<HttpRequest> request;
    std::shared_ptr<HttpReply> reply;
    std::shared_ptr<const AwaitedMemory> until;
  };

  void add(Entry entry);
  // Takes out what there is memory for by now, or has waited for too long, or whose client is gone.
  std::deque<Entry> take_due(Clock::time_point now);

 private:
  std::mutex mutex_;  // guards entries_
  std::deque<Entry> entries_;
  std::atomic<bool> empty_{true};
};

struct HttpShared {
  HttpShared(ServerOptions server_options, HttpHandler http_handler, RequestThreads& pool)
      : options(std::move(server_options)),
        path_prefix(parse_path_prefix(options.path_prefix)),
        handler(std::move(http_handler)),
        threads(pool),
        seats(options.max_connections) {}

  const ServerOptions options;
  const std::string path_prefix;
  const HttpHandler handler;
  RequestThreads& threads;
  RequestThreads* urgent_threads = nullptr;  // for what is_urgent says; lives as long as the loops
  std::function<bool(const HttpRequest&)> is_urgent;
  std::function<bool(const HttpRequest&)> is_routine;  // may be empty
  AccessLog access_log;                                // may be empty
  HeadGuard guard;                                     // may be empty
  HeadRefusal refusal;                                 // may be empty: OpenAI's form then
  std::shared_ptr<MemoryAccount> memory;               // of all clients; none = nothing is counted
  std::shared_ptr<MemoryAccount> reserve;              // beside it, for probes; see head_memory.h
  StreamedService streamed;                            // of HTTP/2; may be empty
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> last_connection{0};
  std::atomic<std::uint64_t> refused{0};  // connections over the limit
  ConnectionSeats seats;
  LiveCount unfinished;  // connections that may still have something to be answered
  WaitingWork waiting;   // for memory
};

// What the acceptor hands on. The shares count it from then on.
struct NewConnection {
  std::unique_ptr<Transport> transport;
  std::string client;  // for the log
  std::uint64_t number = 0;
  std::uint64_t address = 0;  // as a client's number; the connection's where there is no address
  std::shared_ptr<MemoryAccount> account;  // of the address
  ConnectionSeats::Seat seat;
  LiveCount::Share unfinished;
  MemoryShare memory;
};

// Has a request thread do what is left before the handler, and then the handler; one that is urgent
// goes to the thread in reserve. False when too many wait already.
bool post_request(const std::shared_ptr<HttpShared>& shared,
                  const std::shared_ptr<HttpRequest>& request,
                  const std::shared_ptr<HttpReply>& reply);

// Goes on with requests that waited for memory. To be called some times a second.
void resume_waiting(const std::shared_ptr<HttpShared>& shared, WaitingWork::Clock::time_point now);

// The answer to a request for which there is no memory, or never will be.
HttpResponse refuse_request(const HttpShared& shared, const HttpRequest& head, const Error& error);
// The same for what the transport finds wrong with a request whose head it has read: in the form of
// its route, and with what an allowed web page needs to read it.
HttpResponse refuse_fault(const HttpShared& shared, const HttpRequest& head,
                          const HttpFault& fault);
// The same, counted, to a body of which so many bytes have come.
HttpResponse refuse_for_memory(const HttpShared& shared, const HttpRequest& head,
                               std::uint64_t bytes);
// The account of the request's client, who has used a key of that name or none.
std::shared_ptr<MemoryAccount> account_of(const HttpShared& shared, const HttpRequest& head,
                                          const std::string& key);
// As far as the promised length of a body tells: what is to be said to one that can never be
// served.
std::optional<HttpResponse> refuse_length(const HttpShared& shared, const HttpRequest& head,
                                          std::uint64_t bytes);

// A request whose head is there: x-request-id of the client or `fresh_id`, its path as routes know
// it, and what the log is to have.
void begin_request(const HttpShared& shared, HttpRequest& request, std::string fresh_id,
                   AccessRecord& record);

// x-nestvec-tokens of an answer.
std::optional<std::uint64_t> token_count(const HttpResponse& response);

// A body or an answer on its way.
struct Transfer {
  std::chrono::steady_clock::time_point start;
  std::chrono::steady_clock::time_point last;         // when some of it moved
  std::uint64_t bytes = 0;                            // that have moved so far
  std::size_t held = 0;                               // that it makes the server hold
  std::shared_ptr<const MemoryAccount> account = {};  // who pays for it, if anybody does
};

// Slow is allowed, but not for ever: besides the pause that is allowed at any time a transfer has
// so long as a slow line needs. While memory is short, one that holds much of it has less of both.
std::chrono::steady_clock::time_point transfer_deadline(const HttpShared& shared,
                                                        const Transfer& transfer);

}  // namespace nestvec
