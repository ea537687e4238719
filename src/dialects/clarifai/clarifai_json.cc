// SPDX-License-Identifier: Apache-2.0
#include "dialects/clarifai/clarifai_json.h"

#include <google/protobuf/util/json_util.h>

#include "base/excerpt.h"
#include "dialects/clarifai/clarifai_status.h"
#include "dialects/request_body.h"

namespace nestvec {

void read_message(const HttpRequest& request, google::protobuf::Message* message) {
  try {
    read_json_body(request);  // says better what is no JSON, and where
  } catch (const RequestError& error) {
    if (error.fault() != Fault::kNone) throw;
    throw ClarifaiError(error.code(), ClarifaiCode::kInvalidRequest, error.what());
  } catch (const Error& error) {
    throw ClarifaiError(error.code(), ClarifaiCode::kInvalidRequest, error.what());
  }
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(
      repair_json(json_text(request.body)), message, options);
  if (status.ok()) return;
  throw ClarifaiError(ErrorCode::kInvalidArgument, ClarifaiCode::kInvalidRequest,
                      "request body: " + one_line(std::string(status.message())));
}

std::string write_message(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    throw Error(ErrorCode::kInternal, "the answer cannot be written as JSON");
  }
  return json;
}

}  // namespace nestvec
