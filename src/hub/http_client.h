// SPDX-License-Identifier: Apache-2.0
// GET and HEAD over libcurl with the rules of a hub: redirects are followed here, one by one, so
// that the token goes to the hub alone and the headers of the hub's own answer are seen.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "nestvec/error.h"

namespace nestvec {

// What holds for every request of a pull.
struct HttpOptions {
  std::string token;         // sent as "Authorization: Bearer" to `token_origin` only; may be empty
  std::string token_origin;  // see url_origin
  std::string ca_file;       // certificates to trust, or a folder of them; empty = the system's
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds stall_timeout{30};      // without a byte
  std::chrono::milliseconds total_timeout{0};  // of a whole request; 0 = none
  std::string unix_socket;  // connect to this path, whatever the host; empty = TCP
  bool direct = false;      // no proxy, and a redirect is an answer like any other
  bool verify = true;       // the server's certificate
  std::stop_token stop;
};

struct HubRequest {
  std::string url;
  bool head_only = false;
  std::uint64_t range_start = 0;  // > 0 asks for the rest from there
};

// How a request ended. `status` is that of the last answer; 0 = there was none.
struct HubResponse {
  long status = 0;
  std::string failure;        // what broke the transfer off, for a person; empty = it is complete
  bool can_retry = true;      // false for a failure that will come again, such as a certificate
  bool refused = false;       // the sink did not take the body
  std::string host;           // that answered last
  std::string error_code;     // X-Error-Code, as "GatedRepo"
  std::string error_message;  // X-Error-Message; printable, at most 200 characters
  std::string retry_after;
  std::string etag;                   // X-Linked-Etag of the hub, else ETag; without W/ and quotes
  std::string linked_etag;            // X-Linked-Etag alone
  std::optional<std::uint64_t> size;  // X-Linked-Size of the hub, else Content-Length
  std::optional<std::uint64_t> linked_size;  // X-Linked-Size alone
  std::uint64_t range_start = 0;  // where the body starts, by Content-Range; for status 206
  bool has_range = false;

  bool complete() const { return failure.empty(); }
};

// Takes a successful answer (2xx): its headers once, then its body in pieces; `write` returns false
// to refuse the rest. What they throw ends the request and is passed on to the caller of fetch.
struct HttpSink {
  std::function<void(const HubResponse& head)> begin;
  std::function<bool(std::span<const std::byte> bytes)> write;
};

// One connection kept open between requests. Not thread-safe; one a thread. Proxies are taken from
// the environment by libcurl's rules (https_proxy, no_proxy, ...), unless HttpOptions::direct.
class HttpClient {
 public:
  // Throws Error: kInvalidArgument (a token that cannot stand in a header), kInternal.
  explicit HttpClient(HttpOptions options);
  HttpClient(HttpClient&&) noexcept;
  ~HttpClient();

  // Blocks. A broken transfer or an error status is an answer, not an exception; the body of an
  // error answer is dropped. Throws Error: kCancelled (stopped), and what the sink throws.
  HubResponse fetch(const HubRequest& request, const HttpSink& sink);

 private:
  class Transfer;
  struct Handle;

  // One hop; returns the address that it redirects to, empty for none.
  std::string perform(const std::string& url, const HubRequest& request, const HttpSink& sink,
                      HubResponse& response);

  HttpOptions options_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace nestvec
