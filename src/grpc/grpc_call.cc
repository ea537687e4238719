// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_call.h"

#include <algorithm>
#include <string_view>

#include "base/excerpt.h"
#include "base/seconds.h"
#include "grpc/grpc_framing.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::string_view kSdkHeader = "x-clarifai-request-id-prefix";

std::string check_key(const HttpRequest& head, const KeyStore& keys) {
  if (keys.empty()) return "";
  const std::optional<std::string_view> header = head.header("authorization");
  const auto key = header ? KeyStore::from_authorization(*header) : std::nullopt;
  if (!key) {
    throw RequestError(ErrorCode::kUnauthenticated,
                       header ? "the metadata \"authorization\" is not \"Bearer KEY\""
                              : "an API key is required: send the metadata \"authorization: "
                                "Bearer KEY\"",
                       "authorization", Fault::kNoKey);
  }
  std::optional<std::string> name = keys.find(*key);
  if (!name) throw Error(ErrorCode::kUnauthenticated, "invalid API key");
  return *std::move(name);
}

std::optional<Priority> read_priority(const HttpRequest& head) {
  const std::optional<std::string_view> text = head.header("x-nestvec-priority");
  if (!text) return std::nullopt;
  if (const auto priority = parse_priority(*text)) return priority;
  throw Error(ErrorCode::kInvalidArgument, "the metadata \"x-nestvec-priority\" is " +
                                               excerpt(*text) + ": expected interactive or bulk");
}

std::optional<steady_clock::time_point> read_deadline(const HttpRequest& head) {
  const std::optional<std::string_view> text = head.header("grpc-timeout");
  if (!text) return std::nullopt;
  const auto left = parse_grpc_timeout(*text);
  if (!left) {
    throw Error(ErrorCode::kInvalidArgument,
                "grpc-timeout is " + excerpt(*text) +
                    ": expected at most eight digits and then H, M, S, m, u or n");
  }
  return steady_clock::now() + *left;
}

// Clarifai's SDK sends a prefix, others an id; where neither is fit to be repeated, one of ours.
std::string call_id(const HttpRequest& head, IdMaker& ids) {
  const std::string_view own = head.header("x-request-id").value_or("");
  if (is_sane_id(own)) return std::string(own);
  const std::string_view prefix = head.header(kSdkHeader).value_or("");
  if (is_sane_id(prefix)) return std::string(prefix) + "-" + ids.next();
  return ids.next();
}

}  // namespace

void admit(const HttpRequest& head, const KeyStore& keys, GrpcCall& call) {
  call.received = steady_clock::now();
  call.deadline = read_deadline(head);
  constexpr std::size_t kLongestName = 64;
  call.sdk = head.header(kSdkHeader).value_or("").substr(0, kLongestName);
  call.key = check_key(head, keys);
  call.client = client_number(call.key, head);
  call.memory = MemoryAccount::of_client(head.account, call.client);
  call.priority = read_priority(head);
  call.has_paid = true;  // read_message
}

const Service& serving(const GrpcContext& context) {
  if (context.drain.stop_requested()) throw shutting_down();
  if (const auto* there = context.service.get()) return there->get();
  throw still_loading();
}

GrpcTrace::GrpcTrace(GrpcContext& context, const HttpRequest& head, const std::string& client,
                     std::string_view route)
    : context_(context), route_(route), open_(context.calls) {
  constexpr int kOk = 200;
  record_.time = system_clock::now();
  record_.id = call_id(head, context.ids);
  record_.client = client;
  record_.method = "GRPC";
  record_.path = head.path;
  record_.status = kOk;
  if (const auto header = head.header("traceparent")) parent_ = parse_traceparent(*header);
}

RequestSpan GrpcTrace::span() const {
  RequestSpan span;
  span.parent = parent_;
  span.rpc = true;
  span.route = route();
  span.request_id = record_.id;
  span.status = record_.status;
  span.start = record_.time;
  span.end = system_clock::now();
  if (record_.tokens) span.figures.emplace_back("nestvec.tokens", std::to_string(*record_.tokens));
  return span;
}

GrpcTrace::~GrpcTrace() {
  const double seconds = seconds_since(begin_);
  record_.milliseconds = seconds * 1e3;
  context_.requests.count(route(), record_.status, seconds);
  if (wants_span(context_.spans, parent_)) context_.spans(span());
  if (context_.access_log) context_.access_log(record_);
}

void GrpcTrace::set_error(const Error& error) { record_.status = http_status(error); }

}  // namespace nestvec
