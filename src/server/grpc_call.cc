// SPDX-License-Identifier: Apache-2.0
#include "server/grpc_call.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "base/excerpt.h"

namespace nestvec {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

std::optional<std::string_view> metadata(const grpc::CallbackServerContext& context,
                                         std::string_view name) {
  const auto found = context.client_metadata().find(grpc::string_ref(name.data(), name.size()));
  if (found == context.client_metadata().end()) return std::nullopt;
  return std::string_view(found->second.data(), found->second.size());
}

std::string check_key(const grpc::CallbackServerContext& context, const KeyStore& keys) {
  if (keys.empty()) return "";
  const std::optional<std::string_view> header = metadata(context, "authorization");
  if (!header) {
    throw Error(ErrorCode::kUnauthenticated,
                "this server wants an API key: send the metadata \"authorization: Bearer KEY\"");
  }
  const std::optional<std::string_view> key = KeyStore::from_authorization(*header);
  std::optional<std::string> name = key ? keys.find(*key) : std::nullopt;
  if (!name) {
    throw Error(ErrorCode::kUnauthenticated,
                key ? "the API key is not known to this server"
                    : "the metadata \"authorization\" is not \"Bearer KEY\"");
  }
  return *std::move(name);
}

std::optional<Priority> read_priority(const grpc::CallbackServerContext& context) {
  const std::optional<std::string_view> text = metadata(context, "x-nestvec-priority");
  if (!text) return std::nullopt;
  if (*text == "interactive") return Priority::kInteractive;
  if (*text == "bulk") return Priority::kBulk;
  throw Error(ErrorCode::kInvalidArgument, "the metadata \"x-nestvec-priority\" is " +
                                               excerpt(*text) + ": expected interactive or bulk");
}

std::optional<steady_clock::time_point> read_deadline(const grpc::CallbackServerContext& context) {
  const system_clock::time_point deadline = context.deadline();
  if (deadline == system_clock::time_point::max()) return std::nullopt;
  // Far enough ahead is never, and must not overflow.
  const auto left = std::min<system_clock::duration>(deadline - system_clock::now(),
                                                     std::chrono::hours(24 * 365));
  return steady_clock::now() + left;
}

}  // namespace

GrpcCall admit(const grpc::CallbackServerContext& context, const KeyStore& keys) {
  GrpcCall call;
  call.received = steady_clock::now();
  call.key = check_key(context, keys);
  // A key counts as one client over all transports; HTTP connections have small even numbers.
  const std::hash<std::string> hash;
  call.client = call.key.empty() ? hash(context.peer()) & ~std::uint64_t{1} : hash(call.key) | 1;
  call.priority = read_priority(context);
  call.deadline = read_deadline(context);
  constexpr std::size_t kLongestName = 64;
  call.sdk = metadata(context, "x-clarifai-request-id-prefix").value_or("").substr(0, kLongestName);
  return call;
}

void apply_call(const GrpcCall& call, const ServerOptions& server, EmbedOptions& options) {
  options.stop = call.stop;
  options.deadline = call.deadline;
  if (server.request_seconds > 0) {
    const auto own = call.received + std::chrono::seconds(server.request_seconds);
    options.deadline = options.deadline ? std::min(*options.deadline, own) : own;
  }
  // A stream that keeps many texts going is somebody's bulk load, however short they are.
  options.queue.priority = call.priority.value_or(call.crowded ? Priority::kBulk : Priority::kAuto);
  options.queue.client = call.client;
  if (call.waits) return;
  options.queue.max_tokens = server.max_queue_tokens;
  options.queue.max_seconds = static_cast<double>(server.max_queue_seconds);
}

bool has_room(const Service& service) {
  const QueueStatus queue = service.model.queue();
  const ServerOptions& limits = service.options;
  std::size_t tokens = 2 * service.model.info().max_batch_tokens;
  if (limits.max_queue_tokens > 0) tokens = std::min(tokens, limits.max_queue_tokens);
  constexpr double kShare = 0.25;
  const double seconds = kShare * static_cast<double>(limits.max_queue_seconds);
  return queue.tokens < tokens && (seconds == 0 || queue.expected_seconds < seconds);
}

void count_failure(const Service& service, const Error& error) {
  service.metrics
      .counter("nestvec_failed_calls_total", "Calls of the model that ended with an error.",
               metric_label("code", error_code_name(error.code())))
      .add();
}

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& exception) {
    return {ErrorCode::kInternal, std::string("unexpected: ") + exception.what()};
  }
}

}  // namespace nestvec
