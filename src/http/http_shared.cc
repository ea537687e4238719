// SPDX-License-Identifier: Apache-2.0
#include "http/http_shared.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <new>

#include "base/ids.h"
#include "http/content_coding.h"
#include "http/http_fault.h"
#include "nestvec/error.h"
#include "service/error_style.h"

namespace nestvec {

namespace {

void handle(const HttpShared& shared, const std::shared_ptr<HttpRequest>& request,
            const std::shared_ptr<HttpReply>& reply, bool decode) {
  try {
    if (const auto coding = request->header("content-encoding"); coding && decode) {
      const auto fault = decode_content(*coding, shared.options.max_body_bytes, request->body,
                                        {.stop = request->stop, .deadline = {}});
      if (fault) return reply->send(fault_response(*fault));
    }
    shared.handler(request, [reply](HttpResponse response) { reply->send(std::move(response)); });
  } catch (const Error& error) {
    reply->send(fault_response({http_status(error), error.what()}));
  } catch (const std::bad_alloc&) {
    reply->send(no_memory_answer());
  } catch (const std::exception&) {
    // Its text may hold anything, so it stays here.
    reply->send(fault_response({500, "an internal error; the request was not answered"}));
  }
}

}  // namespace

bool post_request(const std::shared_ptr<HttpShared>& shared,
                  const std::shared_ptr<HttpRequest>& request,
                  const std::shared_ptr<HttpReply>& reply) {
  const bool urgent = shared->is_urgent && shared->is_urgent(*request);
  RequestThreads& threads = urgent ? *shared->urgent_threads : shared->threads;
  return threads.try_post(
      [shared, request, reply, urgent] { handle(*shared, request, reply, !urgent); });
}

void begin_request(HttpRequest& request, std::string fresh_id, AccessRecord& record) {
  const auto id = request.header("x-request-id");
  request.id = id && is_sane_id(*id) ? std::string(*id) : std::move(fresh_id);
  request.received = std::chrono::steady_clock::now();
  record.time = std::chrono::system_clock::now();
  record.id = request.id;
  record.method = request.method;
  record.path = request.path;
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

std::chrono::steady_clock::time_point transfer_deadline(const ServerOptions& options,
                                                        std::chrono::steady_clock::time_point start,
                                                        std::chrono::steady_clock::time_point last,
                                                        std::uint64_t bytes) {
  constexpr std::uint64_t kSlowestBytesPerSecond = 1024;
  const std::chrono::seconds pause(options.idle_seconds);
  const std::chrono::seconds needed(bytes / kSlowestBytesPerSecond);
  return std::min(last + pause, start + pause + needed);
}

}  // namespace nestvec
