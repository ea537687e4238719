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

}  // namespace nestvec
