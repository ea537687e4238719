// SPDX-License-Identifier: Apache-2.0
#include "http/http_shared.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <new>
#include <utility>

#include "base/free_buffer.h"
#include "base/ids.h"
#include "http/content_coding.h"
#include "http/head_memory.h"
#include "http/http_fault.h"
#include "nestvec/error.h"
#include "service/caller.h"
#include "service/error_style.h"
#include "service/request_memory.h"

namespace nestvec {

namespace {

// Undoes the body's Content-Encoding.
std::optional<HttpFault> decode(const HttpShared& shared, HttpRequest& request) {
  const auto coding = request.header("content-encoding");
  if (!coding) return std::nullopt;
  return decode_content(*coding, shared.options.max_body_bytes, request.body,
                        {.stop = request.stop, .deadline = {}}, request.memory.get());
}

// Whose memory the answer to a probe takes.
std::shared_ptr<MemoryAccount> account_of_probe(const HttpShared& shared,
                                                const HttpRequest& request) {
  if (!request.account) return nullptr;
  constexpr std::size_t kLongest = 4 * RequestMemory::kSmall;  // the metrics
  const auto answers = MemoryAccount::part_of(request.account);
  if (answers->has_room(kLongest, request.account->limit() / 8)) return request.account;
  return MemoryAccount::of_client(shared.reserve, client_number({}, request));
}

RequestTurn turn_of(const HttpRequest& request) {
  const bool packed = request.header("content-encoding").value_or("") != "";
  return nestvec::turn_of(request.account, request.body.size(), packed);
}

std::size_t work_bytes(const HttpRequest& request) {
  return request.body.size() * RequestMemory::kReading;
}

bool has_room(const HttpRequest& request) {
  const MemoryAccount& account = *request.account;
  return account.has_room(work_bytes(request),
                          RequestMemory::free_beside_work(account, request.body.size()));
}

// Takes the memory that reading the body takes; false where there is none now.
bool take_memory(HttpRequest& request) {
  if (!request.account || request.body.empty()) return true;
  if (!request.memory) request.memory = std::make_shared<MemoryShare>(request.account);
  return has_room(request) &&
         request.memory->try_grow(work_bytes(request), RequestMemory::free_beside_work(
                                                           *request.account, request.body.size()));
}

// A body that came in pieces has up to twice the room that it needs.
void fit_body(HttpRequest& request) {
  std::string& body = request.body;
  const std::size_t spare = body.capacity() - body.size();
  if (!request.memory || body.size() <= RequestMemory::kSmall || spare <= body.size() / 8) return;
  const std::size_t held = request.memory->bytes();
  if (!RequestMemory::grow_body(*request.memory, body.size(), body.size())) return;
  std::string fitting;
  fitting.reserve(body.size());
  fitting.append(body);
  body.swap(fitting);
  free_buffer(fitting);
  request.memory->shrink(held - spare);
}

// Charges an answer, which is there already, until it is sent; what its maker took for it counts.
bool charge(const std::shared_ptr<MemoryAccount>& account, HttpResponse& response) {
  if (!account || response.no_memory) return true;
  const std::size_t bytes = response.body.size();  // what lies behind has never been touched
  if (!response.memory || !response.memory->account()) {
    response.memory = std::make_shared<MemoryShare>(MemoryAccount::part_of(account));
  }
  response.memory->shrink(bytes);
  return RequestMemory::grow_answer(*account, *response.memory, bytes);
}

Error no_memory_yet(const HttpRequest& request) {
  return no_memory_now(*request.account, ErrorCode::kUnavailable);
}

void respond(const HttpShared& shared, const HttpRequest& request, HttpReply& reply,
             HttpResponse response) {
  try {
    if (!charge(request.account, response)) {
      response = refuse_request(shared, request, no_memory_yet(request));
    }
  } catch (const std::exception&) {
    response = no_memory_answer();
  }
  reply.send(std::move(response));
}

void handle(const std::shared_ptr<HttpShared>& shared, const std::shared_ptr<HttpRequest>& request,
            const std::shared_ptr<HttpReply>& reply) {
  shared->handler(request, [shared, request, reply](HttpResponse response) {
    respond(*shared, *request, *reply, std::move(response));
  });
  // The request is read: what it was needed for is gone.
  if (request->memory) request->memory->shrink(request->body.size() * RequestMemory::kLiving);
}

// `work` on a request thread: what it throws is the answer.
template <class Work>
void or_fault(HttpReply& reply, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    reply.send(fault_response({http_status(error), error.what()}));
  } catch (const std::bad_alloc&) {
    reply.send(no_memory_answer());
  } catch (const std::exception&) {
    // Its text may hold anything, so it stays here.
    reply.send(fault_response({500, "internal error; the request was not answered"}));
  }
}

void begin(const std::shared_ptr<HttpShared>& shared, const std::shared_ptr<HttpRequest>& request,
           const std::shared_ptr<HttpReply>& reply) {
  if (const auto fault = decode(*shared, *request)) {
    constexpr int kUnavailable = 503;
    if (fault->status != kUnavailable) {
      return reply->send(refuse_fault(*shared, *request, *fault));
    }
    return reply->send(refuse_for_memory(*shared, *request, 0));
  }
  if (take_memory(*request)) return handle(shared, request, reply);
  fit_body(*request);
  if (take_memory(*request)) return handle(shared, request, reply);
  if (!RequestMemory::could_serve(*request->account, request->body.size())) {
    return reply->send(refuse_request(*shared, *request,
                                      body_never_fits(*request->account, request->body.size())));
  }
  shared->waiting.add(
      {request, reply,
       std::make_shared<AwaitedMemory>(WaitingWork::Clock::now() + RequestMemory::kPatience,
                                       request->account)});
}

}  // namespace

void WaitingWork::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
  empty_ = false;
}

std::deque<WaitingWork::Entry> WaitingWork::take_due(Clock::time_point now) {
  std::deque<Entry> due;
  if (empty_) return due;
  const std::lock_guard lock(mutex_);
  std::deque<Entry> left;
  for (Entry& entry : entries_) {
    const bool over = entry.request->stop.stop_requested() || now >= entry.until->deadline;
    (over || has_room(*entry.request) ? due : left).push_back(std::move(entry));
  }
  entries_ = std::move(left);
  empty_ = entries_.empty();
  return due;
}

void resume_waiting(const std::shared_ptr<HttpShared>& shared, WaitingWork::Clock::time_point now) {
  if (!shared->memory) return;
  for (WaitingWork::Entry& entry : shared->waiting.take_due(now)) {
    const auto work = [shared, entry] {
      or_fault(*entry.reply, [&] {
        const auto& [request, reply, until] = entry;
        if (take_memory(*request)) return handle(shared, request, reply);
        if (WaitingWork::Clock::now() < until->deadline) return shared->waiting.add(entry);
        reply->send(refuse_for_memory(*shared, *request, request->body.size()));
      });
    };
    shared->threads.post(work, turn_of(*entry.request));
  }
}

HttpResponse refuse_request(const HttpShared& shared, const HttpRequest& head, const Error& error) {
  return (shared.refusal ? shared.refusal(head, error) : openai_errors().render(error));
}

HttpResponse refuse_fault(const HttpShared& shared, const HttpRequest& head,
                          const HttpFault& fault) {
  constexpr int kTooLarge = 413;
  constexpr int kMediaType = 415;
  const Fault kind = fault.status == kTooLarge    ? Fault::kTooLarge
                     : fault.status == kMediaType ? Fault::kMediaType
                                                  : Fault::kMalformed;
  return refuse_request(shared, head,
                        RequestError(ErrorCode::kInvalidArgument, fault.message, "", kind));
}

HttpResponse refuse_for_memory(const HttpShared& shared, const HttpRequest& head,
                               std::uint64_t bytes) {
  head.account->count_refusal();
  if (auto never = refuse_length(shared, head, bytes)) return *std::move(never);
  return refuse_request(shared, head, no_memory_yet(head));
}

std::shared_ptr<MemoryAccount> account_of(const HttpShared& shared, const HttpRequest& head,
                                          const std::string& key) {
  return MemoryAccount::of_client(shared.memory, client_number(key, head));
}

std::optional<HttpResponse> refuse_length(const HttpShared& shared, const HttpRequest& head,
                                          std::uint64_t bytes) {
  if (!head.account || RequestMemory::could_serve(*head.account, bytes)) return std::nullopt;
  // As sent; what it becomes when it is unpacked counts then.
  return refuse_request(shared, head, body_never_fits(*head.account, bytes));
}

bool post_request(const std::shared_ptr<HttpShared>& shared,
                  const std::shared_ptr<HttpRequest>& request,
                  const std::shared_ptr<HttpReply>& reply) {
  const bool urgent = is_probe(*shared, *request);
  if (urgent) request->account = account_of_probe(*shared, *request);
  RequestThreads& threads = urgent ? *shared->urgent_threads : shared->threads;
  const auto work = [shared, request, reply, urgent] {
    or_fault(*reply,
             [&] { urgent ? handle(shared, request, reply) : begin(shared, request, reply); });
  };
  return threads.try_post(work, turn_of(*request));
}

void begin_request(const HttpShared& shared, HttpRequest& request, std::string fresh_id,
                   AccessRecord& record) {
  const auto id = request.header("x-request-id");
  request.id = id && is_sane_id(*id) ? std::string(*id) : std::move(fresh_id);
  request.received = std::chrono::steady_clock::now();
  record.time = std::chrono::system_clock::now();
  record.id = request.id;
  record.method = request.method;
  record.path = request.path;
  request.sent_path = std::exchange(request.path, route_path(request.path, shared.path_prefix));
  record.routine = shared.is_routine && shared.is_routine(request);
}

std::optional<std::uint64_t> token_count(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (name != "x-nestvec-tokens") continue;
    std::uint64_t count = 0;
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), count);
    if (failed == std::errc{}) return count;
  }
  return std::nullopt;
}

std::chrono::steady_clock::time_point transfer_deadline(const HttpShared& shared,
                                                        const Transfer& transfer) {
  constexpr std::uint64_t kSlowest = 1024;  // bytes a second
  constexpr std::uint64_t kSlowestPressed = std::uint64_t{64} << 10;
  const bool pressed =
      transfer.account != nullptr && RequestMemory::pressed(*transfer.account, transfer.held);
  const std::chrono::seconds idle(shared.options.idle_seconds);
  const std::chrono::seconds pause = pressed ? std::min(idle, RequestMemory::kPatience) : idle;
  const std::chrono::seconds needed(transfer.bytes / (pressed ? kSlowestPressed : kSlowest));
  return std::min(transfer.last + pause, transfer.start + pause + needed);
}

}  // namespace nestvec
