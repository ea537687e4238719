// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

// What OpenAI and Jina call the kinds of errors. Empty = null.
struct Names {
  std::string_view type;
  std::string_view code;
  std::string_view jina_code;
};

Names client_names(int status, std::string_view param) {
  constexpr std::string_view kInvalid = "invalid_request_error";
  switch (status) {
    case 401:
      return {kInvalid, "invalid_api_key", "AUTH_INVALID_API_KEY"};
    case 403:
      return {"permission_error", "permission_denied", "AUTHZ_RESOURCE_LIMIT_EXCEEDED"};
    case 404:
      return {kInvalid, param == "model" ? "model_not_found" : "not_found", "RESOURCE_NOT_FOUND"};
    case 405:
      return {kInvalid, "method_not_allowed", "METHOD_NOT_ALLOWED"};
    case 413:
      return {kInvalid, "request_too_large", "INPUT_TOO_LARGE"};
    case 415:
      return {kInvalid, "unsupported_media_type", "INPUT_INVALID"};
    case 429:
      return {"rate_limit_error", "rate_limit_exceeded", "RATE_CONCURRENCY_LIMIT_EXCEEDED"};
    case 499:
      return {kInvalid, "cancelled", "REQUEST_CANCELLED"};
    default:
      return {kInvalid, "", "INPUT_INVALID"};
  }
}

Names server_names(int status) {
  constexpr std::string_view kServer = "server_error";
  switch (status) {
    case 501:
      return {kServer, "not_implemented", "NOT_IMPLEMENTED"};
    case 503:
      return {kServer, "service_unavailable", "SERVICE_UNAVAILABLE"};
    case 504:
      return {kServer, "timeout", "SERVICE_TIMEOUT"};
    default:
      return {kServer, "internal_error", "INTERNAL_ERROR"};
  }
}

void text_or_null(std::string_view name, std::string_view text, JsonObject& object) {
  text.empty() ? object.null(name) : object.text(name, text);
}

// Clients that shorten a text and send it again, Elasticsearch's and LiteLLM's among them, look for
// these words of OpenAI's.
std::string message_of(const Error& error) {
  const std::string message = error.what();
  if (!is_too_long(error)) return message;
  return message +
         "; the maximum context length is exceeded. Please reduce your prompt; or completion "
         "length.";
}

class OpenAiErrors final : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    const auto* request_error = dynamic_cast<const RequestError*>(&error);
    std::string param = request_error == nullptr ? "" : request_error->param();
    if (request_error == nullptr && error.detail().text) {
      param = "input[" + std::to_string(*error.detail().text) + "]";
    }
    HttpResponse response;
    response.status = http_status(error);
    Names names = response.status < 500 ? client_names(response.status, param)
                                        : server_names(response.status);
    if (is_too_long(error)) names.code = "context_length_exceeded";
    const std::string message = message_of(error);
    JsonObject body(response.body);
    JsonObject inner(body.key("error"));
    inner.text("message", message);
    inner.text("type", names.type);
    text_or_null("param", param, inner);
    text_or_null("code", names.code, inner);
    inner.end();
    body.text("detail", message);
    body.text("code", names.jina_code);
    body.end();
    add_retry_after(error, response);
    return response;
  }
};

}  // namespace

const ErrorStyle& openai_errors() {
  static const OpenAiErrors kStyle;
  return kStyle;
}

}  // namespace nestvec
