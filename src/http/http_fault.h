// SPDX-License-Identifier: Apache-2.0
// What the transport itself finds wrong with a request, before any dialect has seen it.
#pragma once

#include <string>

#include "service/http_message.h"

namespace nestvec {

struct HttpFault {
  int status = 400;
  std::string message;  // one line: what is wrong, what was expected
};

// The fault in OpenAI's form, {"error":{"message","type","param","code"}}. 503 gets a Retry-After.
HttpResponse fault_response(const HttpFault& fault);

}  // namespace nestvec
