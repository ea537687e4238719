// SPDX-License-Identifier: Apache-2.0
#include "service/loading.h"

#include "service/call_failure.h"
#include "service/error_style.h"

namespace nestvec {

HttpResponse answer_while_loading(const HttpRequest& request) {
  if (request.path == "/health" || request.path == "/ping") {
    HttpResponse response;
    response.body = R"({"status":"loading"})";
    return response;
  }
  return openai_errors().render(still_loading());
}

}  // namespace nestvec
