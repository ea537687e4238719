// SPDX-License-Identifier: Apache-2.0
#include "service/router.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <new>
#include <optional>

#include "base/excerpt.h"
#include "base/out_of_memory.h"
#include "base/seconds.h"
#include "service/no_route.h"
#include "service/request_span.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// The first segment of a path, which then is behind it.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

// How many segments two paths begin with in common.
std::size_t common_segments(std::string_view a, std::string_view b) {
  std::size_t count = 0;
  while (!a.empty() && !b.empty() && b.front() == '/') {
    if (next_segment(a) != next_segment(b)) break;
    ++count;
  }
  return count;
}

bool same_method(std::string_view of_route, std::string_view of_request) {
  return of_route == of_request || (of_route == "GET" && of_request == "HEAD");
}

std::string allowed_methods(const std::vector<const Route*>& paths) {
  std::string methods;
  for (const Route* route : paths) {
    methods.append(route->method).append(route->method == "GET" ? ", HEAD, " : ", ");
  }
  return methods + "OPTIONS";
}

bool has_header(const HttpResponse& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [name](const auto& header) { return header.first == name; });
}

}  // namespace

std::optional<std::vector<std::string>> match_path(std::string_view pattern,
                                                   std::string_view path) {
  std::vector<std::string> parameters;
  if (!path.starts_with('/')) return std::nullopt;
  while (!pattern.empty() && !path.empty()) {
    if (pattern == "/{}") {
      path.remove_prefix(1);
      if (path.empty()) return std::nullopt;
      parameters.emplace_back(path);
      return parameters;
    }
    const std::string_view expected = next_segment(pattern);
    const std::string_view segment = next_segment(path);
    if ((expected == "{}" || expected == "{one}") && !segment.empty()) {
      parameters.emplace_back(segment);
    } else if (expected != segment) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return parameters;
}

std::string require_key(const HttpRequest& request, const KeyStore& keys) {
  if (keys.empty()) return "";
  std::optional<std::string_view> key;
  if (const auto header = request.header("authorization")) {
    key = KeyStore::from_authorization(*header);
  }
  for (const std::string_view name : {"x-api-key", "api-key"}) {
    if (!key) key = request.header(name);
  }
  if (!key) {
    throw RequestError(ErrorCode::kUnauthenticated,
                       "no API key; send it as \"Authorization: Bearer KEY\", \"x-api-key: KEY\" "
                       "or \"api-key: KEY\"",
                       "", Fault::kNoKey);
  }
  std::optional<std::string> name = keys.find(*key);
  if (!name) {
    throw RequestError(ErrorCode::kUnauthenticated, "invalid API key");
  }
  return *name;
}

void Exchange::fail(const Error& error) const {
  if (on_error) on_error(error);
  respond((errors == nullptr ? openai_errors() : *errors).render(error));
}

void Exchange::fail_with_current_exception() const noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      fail(error);
    } catch (const std::bad_alloc&) {
      fail(out_of_memory());
    } catch (...) {
      // Its text may hold anything, so it stays here.
      fail(Error(ErrorCode::kInternal, "internal error; the request was not answered"));
    }
  } catch (...) {
    respond(no_memory_answer());
  }
}

// The one answer of a request: the first that comes goes out. Where the last way to it is gone
// without one, memory was short somewhere on that way.
class Router::Answer {
 public:
  Answer(const Router& router, std::shared_ptr<const HttpRequest> request)
      : router_(router), request_(std::move(request)) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { give(no_memory_answer()); }

  void give_to(Respond respond, std::string_view route) noexcept {
    respond_ = std::move(respond);
    route_ = route;
  }

  void give(HttpResponse response) noexcept {
    if (!respond_ || given_.exchange(true)) return;
    try {
      router_.finish(*request_, route_, response);
    } catch (...) {
      response = no_memory_answer();
    }
    respond_(std::move(response));
  }

 private:
  const Router& router_;
  const std::shared_ptr<const HttpRequest> request_;
  Respond respond_;
  std::string_view route_;
  std::atomic<bool> given_{false};
};

Router::Router(const Service& service, const KeyStore& keys, std::vector<Route> routes)
    : service_(service),
      keys_(keys),
      cors_(service.options.cors_origins),
      guard_(cors_, service.options.hosts, service.local),
      routes_(std::move(routes)),
      metrics_(service.metrics) {}

Router::Match Router::match(const HttpRequest& request) const {
  Match found;
  for (const Route& route : routes_) {
    auto parameters = match_path(route.path, request.path);
    if (!parameters) continue;
    found.paths.push_back(&route);
    if (found.route == nullptr && same_method(route.method, request.method)) {
      found.route = &route;
      found.parameters = std::move(*parameters);
    }
  }
  return found;
}

const ErrorStyle& Router::style_of(const Match& match, std::string_view path) const {
  const bool own = match.route != nullptr && match.route->errors != nullptr;
  return own ? *match.route->errors : nearest_style(path);
}

// As metrics and spans know the route.
std::string_view Router::name_of(const Match& match) {
  return match.paths.empty() ? "other" : match.paths.front()->path;
}

const ErrorStyle& Router::nearest_style(std::string_view path) const {
  const ErrorStyle* style = &openai_errors();
  std::size_t longest = 0;
  for (const Route& route : routes_) {
    const std::size_t common = common_segments(route.path, path);
    if (common > longest && route.errors != nullptr) {
      longest = common;
      style = route.errors;
    }
  }
  return *style;
}

void Router::trace(const HttpRequest& request, std::string_view route,
                   HttpResponse& response) const {
  const std::optional<std::string_view> header = request.header("traceparent");
  std::optional<TraceContext> parent = header ? parse_traceparent(*header) : std::nullopt;
  if (parent) response.headers.emplace_back("traceparent", *header);
  if (wants_span(service_.spans, parent)) {
    service_.spans(request_span(request, route, response, std::move(parent)));
  }
}

void Router::finish(const HttpRequest& request, std::string_view route,
                    HttpResponse& response) const {
  metrics_.count(route, response.status, seconds_since(request.received));
  if (response.no_memory) return;
  cors_.add_headers(request, response);
  if (!request.id.empty() && !has_header(response, "x-request-id")) {
    response.headers.emplace_back("x-request-id", request.id);
  }
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  trace(request, route, response);
}

std::optional<HttpResponse> Router::answer_head(const Match& match, const HttpRequest& head,
                                                std::string& client) const {
  // A pre-flight does nothing, so it is answered; without Access-Control-Allow-Origin the browser
  // says to its user what is missing, which it does not for a status of 403.
  guard_.check(head, !keys_.empty() || Cors::is_preflight(head));
  if (head.method == "OPTIONS" && head.path == "*") {
    return HttpResponse{204, "", {{"Allow", "GET, HEAD, POST, OPTIONS"}}, ""};
  }
  if (match.paths.empty()) {
    throw RequestError(ErrorCode::kNotFound, no_route_message(head.method, head.path, routes_), "",
                       Fault::kNoRoute);
  }
  if (match.route != nullptr) {
    if (!match.route->open) client = require_key(head, keys_);
    return std::nullopt;
  }
  const std::string allowed = allowed_methods(match.paths);
  HttpResponse response;
  if (head.method == "OPTIONS") {
    response.status = 204;
    response.content_type = "";
    response.headers.emplace_back("Allow", allowed);
    if (Cors::is_preflight(head)) cors_.add_preflight_headers(head, allowed, response);
    return response;
  }
  response = style_of(match, head.path)
                 .render(RequestError(
                     ErrorCode::kUnimplemented,
                     excerpt(head.method) + " is not allowed for this path; it answers " + allowed,
                     "", Fault::kMethod));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

void Router::dispatch(const Match& match, Exchange exchange) const {
  if (auto response = answer_head(match, *exchange.request, exchange.client)) {
    return exchange.respond(*std::move(response));
  }
  exchange.parameters = match.parameters;
  match.route->handle(std::move(exchange));
}

HeadVerdict Router::judge(const HttpRequest& head) const {
  const Match found = match(head);
  HeadVerdict verdict;
  try {
    verdict.refusal = answer_head(found, head, verdict.key);
  } catch (const Error& error) {
    verdict.refusal = style_of(found, head.path).render(error);
  }
  if (verdict.refusal) finish(head, name_of(found), *verdict.refusal);
  return verdict;
}

HttpResponse Router::refuse(const HttpRequest& head, const Error& error) const {
  const Match found = match(head);
  HttpResponse response = style_of(found, head.path).render(error);
  finish(head, name_of(found), response);
  return response;
}

void Router::handle(std::shared_ptr<const HttpRequest> request, Respond respond) const noexcept {
  try {
    const Match found = match(*request);
    const auto answer = std::make_shared<Answer>(*this, request);
    ServedModels::Lease lease = default_model(service_);
    Exchange exchange{
        .service = *lease,
        .request = std::move(request),
        .respond = [answer](HttpResponse response) { answer->give(std::move(response)); },
        .lease = std::move(lease)};
    exchange.errors = &style_of(found, exchange.request->path);
    // Nothing throws from here on.
    answer->give_to(std::move(respond), name_of(found));
    exchange.attempt([&] { dispatch(found, exchange); });
  } catch (...) {
    respond(no_memory_answer());
  }
}

}  // namespace nestvec
