// SPDX-License-Identifier: Apache-2.0
#include "service/embed_call.h"

#include <algorithm>
#include <charconv>

#include "service/embed_run.h"
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
  if (value == "interactive") return Priority::kInteractive;
  if (value == "bulk") return Priority::kBulk;
  throw RequestError(ErrorCode::kInvalidArgument,
                     "x-nestvec-priority: expected \"interactive\" or \"bulk\"",
                     "x-nestvec-priority");
}

// Keys and connections in one space of numbers.
std::uint64_t fairness_id(const Exchange& exchange) {
  if (exchange.client.empty()) return exchange.request->connection << 1;
  return std::hash<std::string>{}(exchange.client) | 1;
}

}  // namespace

RunControl control_of(const Exchange& exchange) {
  const HttpRequest& request = *exchange.request;
  RunControl control{.stop = request.stop, .deadline = {}};
  if (const std::size_t seconds = exchange.service.options.request_seconds; seconds > 0) {
    control.deadline = request.received + std::chrono::seconds(seconds);
  }
  if (const auto timeout = request.header("x-request-timeout-ms")) {
    const auto deadline = request.received + read_timeout(*timeout);
    control.deadline = std::min(control.deadline.value_or(deadline), deadline);
  }
  return control;
}

void apply_exchange(const Exchange& exchange, EmbedOptions& options) {
  const HttpRequest& request = *exchange.request;
  const ServerOptions& server = exchange.service.options;
  RunControl control = control_of(exchange);
  options.stop = std::move(control.stop);
  options.deadline = control.deadline;
  if (const auto priority = request.header("x-nestvec-priority")) {
    options.queue.priority = read_priority(*priority);
  }
  options.queue.client = fairness_id(exchange);
  options.queue.max_tokens = server.max_queue_tokens;
  options.queue.max_seconds = static_cast<double>(server.max_queue_seconds);
  options.queue.memory = exchange.service.memory;
}

void count_texts(const Service& service, const EmbedCall& call, const Embeddings& rows) {
  const ModelInfo& model = service.model.info();
  const std::string& standard = call.options.task.empty() ? model.default_task : call.options.task;
  struct Share {
    std::string_view task;
    std::uint64_t texts = 0;
    std::uint64_t tokens = 0;
  };
  std::vector<Share> shares;  // few: one a task
  for (std::size_t i = 0; i < call.texts.size(); ++i) {
    const bool own = i < call.tasks.size() && !call.tasks[i].empty();
    std::string_view task = own ? call.tasks[i] : standard;
    if (task.empty()) task = "none";
    auto share = std::find_if(shares.begin(), shares.end(),
                              [task](const Share& known) { return known.task == task; });
    if (share == shares.end()) share = shares.insert(share, {.task = task});
    ++share->texts;
    if (i < rows.tokens.size()) share->tokens += rows.tokens[i];
  }
  for (const Share& share : shares) {
    const std::string label = metric_label("task", share.task);
    service.metrics.counter("nestvec_texts_total", "Texts embedded, by task.", label)
        .add(share.texts);
    service.metrics
        .counter("nestvec_tokens_total",
                 "Tokens embedded, by task, prompts and special tokens included.", label)
        .add(share.tokens);
  }
  service.metrics.counter("nestvec_truncated_total", "Texts that lost tokens to the limit.")
      .add(rows.truncated.size());
  const auto stage = [&](std::string_view name, double seconds) {
    service.metrics
        .histogram("nestvec_stage_seconds", "Where the time of a call went.", Metrics::seconds(),
                   metric_label("stage", name))
        .observe(seconds);
  };
  stage("tokenize", rows.timing.tokenize);
  stage("queue", rows.timing.queue);
  stage("compute", rows.timing.compute);
}

void count_failed_call(const Service& service, const Error& error) {
  service.metrics
      .counter("nestvec_failed_calls_total", "Calls of the model that ended with an error.",
               metric_label("code", error_code_name(error.code())))
      .add();
}

void run_embed(Exchange exchange, EmbedCall call, std::string_view param, RenderRows render) {
  apply_exchange(exchange, call.options);
  const MemoryShare reading = memory_for_texts(
      exchange.service.memory, call.texts, RequestMemory::kTokenizing, call.options.late_chunking);
  const auto run = std::make_shared<EmbedRun>(std::move(exchange), std::move(call),
                                              std::string(param), std::move(render));
  run->start();
}

}  // namespace nestvec
