// SPDX-License-Identifier: Apache-2.0
// From a request to the dialect that answers it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/browser_guard.h"
#include "service/cors.h"
#include "service/error_style.h"
#include "service/head_guard.h"
#include "service/http_message.h"
#include "service/keys.h"
#include "service/request_metrics.h"
#include "service/service.h"

namespace nestvec {

// A request on its way through a dialect. Copies share the request.
struct Exchange {
  const Service& service;
  std::shared_ptr<const HttpRequest> request;
  Respond respond;
  const ErrorStyle* errors = nullptr;
  std::string client = {};                   // name of the API key that was used, or empty
  std::vector<std::string> parameters = {};  // what stood in place of the {} of the path, in order
  std::function<void(const Error&)> on_error = {};  // told each error before it is answered
  std::shared_ptr<const Service> lease = {};        // keeps the service's model, where it may leave

  // Answers with the error in the dialect's form.
  void fail(const Error& error) const;
  // Runs `work`, which answers or throws; what it throws is the answer then. Does not throw, also
  // where there is no memory to say so.
  template <class Work>
  void attempt(const Work& work) const noexcept {
    try {
      work();
    } catch (...) {
      fail_with_current_exception();
    }
  }
  // Answers with what is being thrown, in a catch block.
  void fail_with_current_exception() const noexcept;
};

// What stands in place of each {} and {one} of a route's path; nullopt where the path is another.
std::optional<std::vector<std::string>> match_path(std::string_view pattern, std::string_view path);

// The name of the API key that a request carries ("Authorization: Bearer KEY", "x-api-key: KEY"),
// empty where `keys` has none. Throws RequestError kUnauthenticated, with Fault::kNoKey where there
// is no key.
std::string require_key(const HttpRequest& request, const KeyStore& keys);

// Answers an exchange, now or later. May throw Error until it has started something that answers.
using RouteHandler = std::function<void(Exchange)>;

struct Route {
  std::string_view method;
  // "/v1/embeddings"; "{}" stands for a segment, at the end for the rest, "{one}" for a segment
  // there
  std::string_view path;
  RouteHandler handle;
  const ErrorStyle* errors;
  bool open = false;  // answered without an API key: health, metrics, the page
};

// Immutable after construction; safe for concurrent use.
class Router {
 public:
  // `keys` may be empty of keys: then nobody is asked for one. Both outlive the router. An exchange
  // begins with the default of the service's models, and holds it until its handler has chosen
  // another one or has answered.
  Router(const Service& service, const KeyStore& keys, std::vector<Route> routes);

  // Finds the route, refuses pages of others (BrowserGuard), checks the key, answers OPTIONS and
  // CORS pre-flight, 404, 405 (with Allow), 401, and what a handler throws. HEAD is answered as GET
  // is; the transport leaves the body out. Adds CORS headers, x-request-id and traceparent to every
  // answer, and counts it. Answers once, whatever is thrown; a request that a handler lets go
  // without an answer gets no_memory_answer().
  void handle(std::shared_ptr<const HttpRequest> request, Respond respond) const noexcept;

  // What handle() answers whatever the body is, counted as such: everything but requests that a
  // route is to answer and that have the key for it.
  HeadVerdict judge(const HttpRequest& head) const;

  // The answer to a request that cannot be taken, in the form of its route; counted, too.
  HttpResponse refuse(const HttpRequest& head, const Error& error) const;

  std::span<const Route> routes() const { return routes_; }

 private:
  class Answer;
  struct Match {
    const Route* route = nullptr;     // of path and method
    std::vector<const Route*> paths;  // of that path, whatever the method
    std::vector<std::string> parameters;
  };

  Match match(const HttpRequest& request) const;
  void dispatch(const Match& match, Exchange exchange) const;
  // What needs no handler; else `client` is the name of the key that was used. Throws Error.
  std::optional<HttpResponse> answer_head(const Match& match, const HttpRequest& head,
                                          std::string& client) const;
  static std::string_view name_of(const Match& match);
  const ErrorStyle& style_of(const Match& match, std::string_view path) const;
  const ErrorStyle& nearest_style(std::string_view path) const;
  // What every answer gets.
  void finish(const HttpRequest& request, std::string_view route, HttpResponse& response) const;
  void trace(const HttpRequest& request, std::string_view route, HttpResponse& response) const;

  const Service& service_;
  const KeyStore& keys_;
  Cors cors_;
  BrowserGuard guard_;
  std::vector<Route> routes_;
  RequestMetrics metrics_;
};

}  // namespace nestvec
