// SPDX-License-Identifier: Apache-2.0
#include "server/clarifai_status.h"

#include <string_view>

#include "base/excerpt.h"

namespace nestvec {
namespace {

std::string_view description(ClarifaiCode code) {
  switch (code) {
    case ClarifaiCode::kSuccess:
      return "Ok";
    case ClarifaiCode::kUnknownKey:
      return "API key not found";
    case ClarifaiCode::kThrottled:
      return "Too many requests";
    case ClarifaiCode::kInvalidRequest:
      return "Invalid request";
    case ClarifaiCode::kModelNotFound:
      return "Model does not exist";
    case ClarifaiCode::kInvalidArgument:
      return "Model has invalid argument";
    case ClarifaiCode::kModelReady:
      return "Model is trained and ready";
    case ClarifaiCode::kPredictionFailed:
      return "Model prediction failed";
    case ClarifaiCode::kModelBusy:
      return "Model is busy, please retry";
    case ClarifaiCode::kModelLoading:
      return "Model is loading";
    case ClarifaiCode::kUnsupportedInput:
      return "Input has an unsupported format";
  }
  return "";
}

}  // namespace

ClarifaiCode clarifai_code(const Error& error) {
  if (const auto* own = dynamic_cast<const ClarifaiError*>(&error)) return own->clarifai();
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
    default:
      return ClarifaiCode::kPredictionFailed;
  }
}

int clarifai_http_status(ClarifaiCode code) {
  switch (code) {
    case ClarifaiCode::kSuccess:
    case ClarifaiCode::kModelReady:
      return 200;
    case ClarifaiCode::kUnknownKey:
      return 401;
    case ClarifaiCode::kModelNotFound:
      return 404;
    case ClarifaiCode::kInvalidRequest:
    case ClarifaiCode::kInvalidArgument:
    case ClarifaiCode::kUnsupportedInput:
      return 400;
    case ClarifaiCode::kThrottled:
    case ClarifaiCode::kModelBusy:
      return 429;
    case ClarifaiCode::kModelLoading:
      return 503;
    case ClarifaiCode::kPredictionFailed:
      return 500;
  }
  return 500;
}

void write_status(ClarifaiCode code, const std::string& details, clarifai::api::Status* status) {
  status->set_code(static_cast<int>(code));
  status->set_description(std::string(description(code)));
  status->set_details(one_line(details));
}

void write_status(const Error& error, clarifai::api::Status* status) {
  write_status(clarifai_code(error), error.what(), status);
}

void write_success(clarifai::api::Status* status) {
  write_status(ClarifaiCode::kSuccess, "", status);
}

}  // namespace nestvec
