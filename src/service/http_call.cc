// SPDX-License-Identifier: Apache-2.0
#include "service/http_call.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "service/request_memory.h"

namespace nestvec {
namespace {

constexpr std::int64_t kLongestTimeout = 24LL * 60 * 60 * 1000;  // a day, in milliseconds

std::chrono::milliseconds read_timeout(std::string_view value) {
  std::int64_t milliseconds = 0;
  const char* const begin = value.data();
  const char* const end = begin + value.size();
  const auto [parsed, failure] = std::from_chars(begin, end, milliseconds);
  if (failure != std::errc() || parsed != end || milliseconds < 1 ||
      milliseconds > kLongestTimeout) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "x-request-timeout-ms: expected a whole number from 1 to " +
                           std::to_string(kLongestTimeout),
                       "x-request-timeout-ms");
  }
  return std::chrono::milliseconds(milliseconds);
}

Priority read_priority(std::string_view value) {
  if (const auto priority = parse_priority(value)) return *priority;
  throw RequestError(ErrorCode::kInvalidArgument,
                     "x-nestvec-priority: expected \"interactive\" or \"bulk\"",
                     "x-nestvec-priority");
}

std::string milliseconds(double seconds) {
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), seconds * 1e3,
                                    std::chars_format::fixed, 3);
  return {buffer.data(), result.ptr};
}

// {"index":250001,"value":0.12345678},
constexpr std::size_t kNumbersOfEntry = 3;

std::size_t numbers_of(std::span<const CallRows> calls) {
  std::size_t count = 0;
  for (const CallRows& call : calls) {
    count += call.rows.values.size();
    for (const TokenEmbeddings& text : call.tokens) count += text.values.size();
    count += call.rows.sparse.weights.size() * kNumbersOfEntry;
    count += call.rows.multi.values.size();
  }
  return count;
}

// What server.overlong_status makes of a text that is too long.
Fault overlong_fault(std::string_view status) {
  if (status == "400") return Fault::kBadRequest;
  if (status == "413") return Fault::kTooLarge;
  if (status == "422") return Fault::kUnprocessable;
  return Fault::kNone;
}

// A fault of a text names the member of the request.
void fail(const Exchange& exchange, const std::string& param, const Error& error) {
  const ErrorDetail& detail = error.detail();
  const bool too_long = is_too_long(error);
  const bool wrong_text = detail.text && error.code() == ErrorCode::kInvalidArgument;
  if (!too_long && !wrong_text) return exchange.fail(error);
  const Fault fault =
      too_long ? overlong_fault(exchange.service.options.overlong_status) : Fault::kNone;
  const std::string member = detail.text ? param + "[" + std::to_string(*detail.text) + "]" : param;
  exchange.fail(RequestError(error.code(), error.what(), member, fault, detail));
}

// The memory of an answer before it is rendered.
using Reserve = std::function<std::shared_ptr<MemoryShare>(std::span<const CallRows> rows)>;

// What a ModelCall needs to answer an exchange.
struct Ending {
  ModelCall::Render render;
  ModelCall::Done done;
};

Ending answer_with(Exchange exchange, std::string param, Reserve reserve, RenderCalls render) {
  const auto request = exchange.request;
  const auto response = std::make_shared<HttpResponse>();
  Ending ending;
  ending.render = [response, request, reserve = std::move(reserve), render = std::move(render)](
                      std::span<const CallRows> rows, Pace& pace) {
    auto memory = reserve(rows);
    *response = render(rows, pace);
    response->memory = std::move(memory);
    add_call_headers(*request, taken_by(rows), *response);
  };
  ending.done = [response, exchange = std::move(exchange),
                 param = std::move(param)](const Error* error) {
    if (error == nullptr) return exchange.respond(std::move(*response));
    exchange.attempt([&] { fail(exchange, param, *error); });
  };
  return ending;
}

}  // namespace

Caller caller_of(const Exchange& exchange) {
  const HttpRequest& request = *exchange.request;
  Caller caller{.key = exchange.client,
                .client = client_number(exchange.client, request),
                .memory = request.account,
                .held = RequestMemory::held_reading(request.body.size()),
                .received = request.received,
                .stop = request.stop};
  if (const auto timeout = request.header("x-request-timeout-ms")) {
    caller.deadline = request.received + read_timeout(*timeout);
  }
  if (const auto priority = request.header("x-nestvec-priority")) {
    caller.priority = read_priority(*priority);
  }
  return caller;
}

RunControl control_of(const Exchange& exchange) {
  return control_of(caller_of(exchange), exchange.service.options);
}

void apply_exchange(const Exchange& exchange, EmbedOptions& options) {
  apply_caller(caller_of(exchange), exchange.service, options);
}

void add_call_headers(const HttpRequest& request, const Embeddings& rows, HttpResponse& response) {
  std::uint64_t tokens = 0;
  for (const std::uint32_t count : rows.tokens) tokens += count;
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - request.received;
  response.headers.emplace_back("x-nestvec-tokens", std::to_string(tokens));
  response.headers.emplace_back("x-nestvec-tokenize-ms", milliseconds(rows.timing.tokenize));
  response.headers.emplace_back("x-nestvec-queue-ms", milliseconds(rows.timing.queue));
  response.headers.emplace_back("x-nestvec-compute-ms", milliseconds(rows.timing.compute));
  response.headers.emplace_back("x-nestvec-total-ms", milliseconds(total.count()));
  if (rows.truncated.empty()) return;
  // Clients and proxies refuse a header of some kilobytes.
  constexpr std::size_t kMostIndices = 100;
  std::string indices;
  for (const std::uint32_t index :
       std::span(rows.truncated).first(std::min(rows.truncated.size(), kMostIndices))) {
    if (!indices.empty()) indices += ',';
    indices += std::to_string(index);
  }
  response.headers.emplace_back("x-truncated-inputs", std::move(indices));
  response.headers.emplace_back("x-truncated-count", std::to_string(rows.truncated.size()));
}

void run_calls(Exchange exchange, std::vector<EmbedCall> calls, RenderCalls render) {
  const Caller caller = caller_of(exchange);
  const Service& service = exchange.service;
  std::string param = calls.front().param;
  Reserve reserve = [request = exchange.request](std::span<const CallRows> rows) {
    const std::size_t numbers = numbers_of(rows);
    const std::size_t held = RequestMemory::held_living(request->body.size());
    return memory_for_numbers(request->account, numbers, {.work = held + numbers * sizeof(float)});
  };
  Ending ending =
      answer_with(std::move(exchange), std::move(param), std::move(reserve), std::move(render));
  ModelCall::start(service, caller, std::move(calls), std::move(ending.render),
                   std::move(ending.done));
}

void run_scores(Exchange exchange, ScoreCall call, std::size_t most, RenderScores render) {
  const Caller caller = caller_of(exchange);
  const Service& service = exchange.service;
  std::string param = call.param;
  Reserve reserve = [request = exchange.request, most](std::span<const CallRows>) {
    const std::size_t held = RequestMemory::held_living(request->body.size());
    return memory_for_answer(request->account, most, {.work = held});
  };
  RenderCalls one = [render = std::move(render)](std::span<const CallRows> rows, Pace& pace) {
    return render(rows.front(), pace);
  };
  Ending ending =
      answer_with(std::move(exchange), std::move(param), std::move(reserve), std::move(one));
  ModelCall::start(service, caller, std::move(call), std::move(ending.render),
                   std::move(ending.done));
}

void run_embed(Exchange exchange, EmbedCall call, RenderRows render) {
  std::vector<EmbedCall> calls;
  calls.push_back(std::move(call));
  run_calls(std::move(exchange), std::move(calls),
            [render = std::move(render)](std::span<const CallRows> rows, Pace& pace) {
              return render(rows.front().rows, pace);
            });
}

}  // namespace nestvec
