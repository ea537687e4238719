// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_style.h"

#include "base/json_writer.h"

namespace nestvec {
namespace {

const RequestError* as_request_error(const Error& error) {
  return dynamic_cast<const RequestError*>(&error);
}

TeiError by_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
      return {422, "Validation"};
    case ErrorCode::kResourceExhausted:
      return {429, "Overloaded"};
    case ErrorCode::kUnavailable:
      return {503, "Unhealthy"};
    case ErrorCode::kDeadlineExceeded:
      return {504, "Overloaded"};
    case ErrorCode::kCancelled:
      return {499, "Backend"};
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kNotFound:
    case ErrorCode::kUnimplemented:
      return {http_status(code), "Validation"};
    default:
      return {424, "Backend"};
  }
}

TeiError by_fault(const RequestError& error) {
  switch (error.fault()) {
    case Fault::kNone:
    case Fault::kNoKey:
    case Fault::kNoRoute:
      return by_code(error.code());
    case Fault::kMalformed:
    case Fault::kBadRequest:
      return {400, "Validation"};
    case Fault::kEmpty:
      return {400, "Empty"};
    case Fault::kTooLarge:
      return {413, "Validation"};
    case Fault::kMediaType:
      return {415, "Validation"};
    case Fault::kMethod:
      return {405, "Validation"};
    case Fault::kUnprocessable:
      return {422, "Validation"};
  }
  return by_code(error.code());
}

// Where an input is empty clients know one text, whatever the index.
std::string message_of(const Error& error) {
  const RequestError* request_error = as_request_error(error);
  if (request_error == nullptr || request_error->fault() != Fault::kEmpty ||
      request_error->param().empty()) {
    return error.what();
  }
  const std::string& param = request_error->param();
  return "`" + param.substr(0, param.find('[')) + "` cannot be empty";
}

std::string param_of(const Error& error) {
  const RequestError* request_error = as_request_error(error);
  if (request_error != nullptr) return request_error->param();
  const std::optional<std::size_t> text = error.detail().text;
  return text ? "inputs[" + std::to_string(*text) + "]" : std::string();
}

// {"error","error_type"}, and as an extension the member at fault.
class TeiErrors : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    const TeiError kind = tei_error(error);
    HttpResponse response;
    response.status = kind.status;
    JsonObject body(response.body);
    body.text("error", message_of(error));
    body.text("error_type", kind.type);
    const std::string param = param_of(error);
    if (!param.empty()) body.text("param", param);
    body.end();
    add_retry_after(error, response);
    return response;
  }
};

class TeiOpenaiErrors : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    const TeiError kind = tei_error(error);
    HttpResponse response;
    response.status = kind.status;
    JsonObject body(response.body);
    body.text("message", message_of(error));
    body.integer("code", kind.status);
    body.text("type", kind.type);
    body.end();
    add_retry_after(error, response);
    return response;
  }
};

// Where a value of the request is wrong. What the model or its tasks refuse is found out there when
// texts are tokenised.
std::string_view invalid_kind(const Error& error) {
  const RequestError* request_error = as_request_error(error);
  if (request_error == nullptr || error.detail().text) return "tokenization";
  if (request_error->fault() == Fault::kEmpty || request_error->fault() == Fault::kUnprocessable) {
    return "tokenization";
  }
  return request_error->param() == "dimensions" ? "validation" : "";
}

std::string batch_size_message(std::size_t size, std::size_t limit) {
  return "batch size " + std::to_string(size) + " > maximum allowed batch size " +
         std::to_string(limit);
}

}  // namespace

TeiError tei_error(const Error& error) {
  const RequestError* request_error = as_request_error(error);
  return request_error != nullptr ? by_fault(*request_error) : by_code(error.code());
}

BatchSizeError::BatchSizeError(std::size_t size, std::size_t limit, std::string_view param)
    : CountedError("batch_size",
                   RequestError(ErrorCode::kInvalidArgument, batch_size_message(size, limit),
                                std::string(param))) {}

std::string_view te_failure(const Error& error) {
  if (const auto* counted = dynamic_cast<const CountedError*>(&error)) return counted->kind();
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
      return invalid_kind(error);
    case ErrorCode::kResourceExhausted:
      return "overloaded";
    case ErrorCode::kCancelled:
      return "dropped";
    case ErrorCode::kFailedPrecondition:
      return "model_type";
    default:
      return "inference";
  }
}

const ErrorStyle& tei_errors() {
  static const TeiErrors kStyle;
  return kStyle;
}

const ErrorStyle& tei_openai_errors() {
  static const TeiOpenaiErrors kStyle;
  return kStyle;
}

}  // namespace nestvec
