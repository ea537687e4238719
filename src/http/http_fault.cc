// SPDX-License-Identifier: Apache-2.0
#include "http/http_fault.h"

#include "base/json_writer.h"

namespace nestvec {

HttpResponse fault_response(const HttpFault& fault) {
  HttpResponse response;
  response.status = fault.status;
  JsonObject body(response.body);
  JsonObject error(body.key("error"));
  error.text("message", fault.message);
  error.text("type", fault.status < 500 ? "invalid_request_error" : "server_error");
  error.null("param");
  error.null("code");
  error.end();
  body.end();
  if (fault.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

std::string_view no_memory_bytes(bool head_only) noexcept {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
      "Content-Length: 130\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
      R"({"error":{"message":"no memory for this request; send less at once, or try again",)"
      R"("type":"server_error","param":null,"code":null}})";
  constexpr std::size_t kHead = kAnswer.find('{');
  static_assert(kAnswer.size() - kHead == 130);
  return head_only ? kAnswer.substr(0, kHead) : kAnswer;
}

}  // namespace nestvec
