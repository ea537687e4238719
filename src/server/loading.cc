// SPDX-License-Identifier: Apache-2.0
#include "server/loading.h"

#include <chrono>

#include "api/error_style.h"

namespace nestvec {

HttpResponse answer_while_loading(const HttpRequest& request) {
  if (request.path == "/health" || request.path == "/ping") {
    HttpResponse response;
    response.body = R"({"status":"loading"})";
    return response;
  }
  constexpr std::chrono::seconds kAgain{2};
  return openai_errors().render(Error(ErrorCode::kUnavailable,
                                      "the model is being loaded; come again soon",
                                      {.text = {}, .retry_after = kAgain}));
}

}  // namespace nestvec
