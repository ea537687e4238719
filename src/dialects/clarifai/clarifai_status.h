// SPDX-License-Identifier: Apache-2.0
// How Clarifai tells success and failure: in the body, by numbers of its own.
#pragma once

#include <span>
#include <string>

#include "clarifai.pb.h"
#include "nestvec/error.h"

namespace nestvec {

// The numbers that its SDK acts upon.
enum class ClarifaiCode {
  kSuccess = 10000,
  kUnknownKey = 11009,
  kNoSuchPath = 11101,  // of REST
  kInvalidRequest = 11102,
  kNoSuchMethod = 11103,  // of REST
  kModelNotFound = 21200,
  kInvalidArgument = 21202,
  kModelReady = 21100,  // of a model version
  kPredictionFailed = 21313,
  kModelBusy = 21354,     // a prediction is repeated with growing pauses, up to ten minutes
  kModelLoading = 21355,  // the same
  kUnsupportedInput = 30101,
  kInternal = 98004,
};

// An error for which Clarifai has a number that no ErrorCode stands for.
class ClarifaiError : public Error {
 public:
  ClarifaiError(ErrorCode code, ClarifaiCode clarifai, const std::string& message)
      : Error(code, message), clarifai_(clarifai) {}
  ClarifaiCode clarifai() const noexcept { return clarifai_; }

 private:
  ClarifaiCode clarifai_;
};

// The one table. A RequestError's fault goes first: kNoKey, kTooLarge and kMediaType 11102,
// kNoRoute 11101, kMethod 11103. Then kUnauthenticated 11009, kNotFound 21200, kInvalidArgument and
// kOutOfRange 21202, kResourceExhausted 21354, kUnavailable 21355, kUnimplemented 30101, kInternal
// 98004, otherwise 21313.
ClarifaiCode clarifai_code(const Error& error);

// The HTTP status of the same over REST.
int clarifai_http_status(const Error& error);

// All of them, as GET /v2/status_codes lists them.
std::span<const ClarifaiCode> clarifai_codes();

// Fill a status; the error's message goes into `details`.
void write_status(ClarifaiCode code, const std::string& details, clarifai::api::Status* status);
void write_status(const Error& error, clarifai::api::Status* status);
void write_success(clarifai::api::Status* status);

// Makes a response that of a call which has failed. Old SDKs look at the first output whatever the
// status, so responses that have outputs get one. `id` is the call's.
template <typename Response>
void refuse(const Error& error, const std::string& id, Response* response) {
  response->Clear();
  write_status(error, response->mutable_status());
  if constexpr (requires { response->add_outputs(); }) {
    write_status(error, response->add_outputs()->mutable_status());
  }
  response->mutable_status()->set_req_id(id);
}

}  // namespace nestvec
