// SPDX-License-Identifier: Apache-2.0
// What the transport itself finds wrong with a request, before any dialect has seen it.
#pragma once

#include <string>
#include <string_view>

#include "service/http_message.h"

namespace nestvec {

struct HttpFault {
  int status = 400;
  std::string message;  // one line: what is wrong, what was expected
};

// The fault in OpenAI's form, {"error":{"message","type","param","code"}}. 503 gets a Retry-After.
HttpResponse fault_response(const HttpFault& fault);

// no_memory_answer() as it is sent: head and body, the last of its connection.
std::string_view no_memory_bytes(bool head_only) noexcept;

}  // namespace nestvec
