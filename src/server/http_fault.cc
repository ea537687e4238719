// SPDX-License-Identifier: Apache-2.0
#include "server/http_fault.h"

#include "base/json.h"

namespace nestvec {

HttpResponse fault_response(const HttpFault& fault) {
  HttpResponse response;
  response.status = fault.status;
  response.body = R"({"error":{"message":)";
  append_json_string(fault.message, response.body);
  response.body += R"(,"type":")";
  response.body += fault.status < 500 ? "invalid_request_error" : "server_error";
  response.body += R"(","param":null,"code":null}})";
  if (fault.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace nestvec
