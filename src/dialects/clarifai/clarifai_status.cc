// SPDX-License-Identifier: Apache-2.0
#include "dialects/clarifai/clarifai_status.h"

#include <array>
#include <optional>
#include <string_view>

#include "base/excerpt.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

// What is told of a code, and the HTTP status that goes with it.
struct Meaning {
  std::string_view description;
  int http_status = 500;
};

Meaning meaning(ClarifaiCode code) {
  switch (code) {
    case ClarifaiCode::kSuccess:
      return {"Ok", 200};
    case ClarifaiCode::kModelReady:
      return {"Model is trained and ready", 200};
    case ClarifaiCode::kUnknownKey:
      return {"API key not found", 401};
    case ClarifaiCode::kNoSuchPath:
      return {"Path not found", 404};
    case ClarifaiCode::kInvalidRequest:
      return {"Invalid request", 400};
    case ClarifaiCode::kNoSuchMethod:
      return {"Method not allowed", 405};
    case ClarifaiCode::kModelNotFound:
      return {"Model does not exist", 404};
    case ClarifaiCode::kInvalidArgument:
      return {"Model has invalid argument", 400};
    case ClarifaiCode::kUnsupportedInput:
      return {"Input has an unsupported format", 400};
    case ClarifaiCode::kModelBusy:
      return {"Model is busy, please retry", 429};
    case ClarifaiCode::kModelLoading:
      return {"Model is loading", 503};
    case ClarifaiCode::kPredictionFailed:
      return {"Model prediction failed", 500};
    case ClarifaiCode::kInternal:
      return {"Internal server issue", 500};
  }
  return {};
}

std::optional<ClarifaiCode> code_of_fault(const RequestError& error) {
  switch (error.fault()) {
    case Fault::kNoKey:
    case Fault::kTooLarge:
    case Fault::kMediaType:
    case Fault::kMalformed:
      return ClarifaiCode::kInvalidRequest;
    case Fault::kNoRoute:
      return ClarifaiCode::kNoSuchPath;
    case Fault::kMethod:
      return ClarifaiCode::kNoSuchMethod;
    case Fault::kNone:
    case Fault::kEmpty:
    case Fault::kBadRequest:
    case Fault::kUnprocessable:
      break;
  }
  return std::nullopt;
}

}  // namespace

ClarifaiCode clarifai_code(const Error& error) {
  if (const auto* own = dynamic_cast<const ClarifaiError*>(&error)) return own->clarifai();
  if (const auto* request = dynamic_cast<const RequestError*>(&error)) {
    if (const auto code = code_of_fault(*request)) return *code;
  }
  switch (error.code()) {
    case ErrorCode::kUnauthenticated:
      return ClarifaiCode::kUnknownKey;
    case ErrorCode::kNotFound:
      return ClarifaiCode::kModelNotFound;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
      return ClarifaiCode::kInvalidArgument;
    case ErrorCode::kResourceExhausted:
      return ClarifaiCode::kModelBusy;
    case ErrorCode::kUnavailable:
      return ClarifaiCode::kModelLoading;
    case ErrorCode::kUnimplemented:
      return ClarifaiCode::kUnsupportedInput;
    case ErrorCode::kPermissionDenied:
      return ClarifaiCode::kInvalidRequest;
    case ErrorCode::kInternal:
      return ClarifaiCode::kInternal;
    default:
      return ClarifaiCode::kPredictionFailed;
  }
}

std::span<const ClarifaiCode> clarifai_codes() {
  using Code = ClarifaiCode;
  static constexpr std::array kCodes = {
      Code::kSuccess,          Code::kUnknownKey, Code::kNoSuchPath,    Code::kInvalidRequest,
      Code::kNoSuchMethod,     Code::kModelReady, Code::kModelNotFound, Code::kInvalidArgument,
      Code::kPredictionFailed, Code::kModelBusy,  Code::kModelLoading,  Code::kUnsupportedInput,
      Code::kInternal};
  return kCodes;
}

int clarifai_http_status(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kCancelled:
    case ErrorCode::kDeadlineExceeded:
      return http_status(error.code());
    default:
      break;
  }
  const auto* request = dynamic_cast<const RequestError*>(&error);
  if (request != nullptr && code_of_fault(*request)) return http_status(error);
  return meaning(clarifai_code(error)).http_status;
}

void write_status(ClarifaiCode code, const std::string& details, clarifai::api::Status* status) {
  status->set_code(static_cast<int>(code));
  status->set_description(std::string(meaning(code).description));
  status->set_details(one_line(details));
}

void write_status(const Error& error, clarifai::api::Status* status) {
  write_status(clarifai_code(error), error.what(), status);
}

void write_success(clarifai::api::Status* status) {
  write_status(ClarifaiCode::kSuccess, "", status);
}

}  // namespace nestvec
