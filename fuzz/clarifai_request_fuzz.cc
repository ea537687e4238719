// SPDX-License-Identifier: Apache-2.0
// A prediction of Clarifai's clients, as protobuf or as the JSON of its REST API. The first byte
// says which, and by which of the model's signatures. What is read is answered, and the answer is
// JSON.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dialects/clarifai/clarifai_json.h"
#include "dialects/clarifai/clarifai_predict.h"
#include "dialects/clarifai/clarifai_status.h"
#include "expect_one_line.h"
#include "made_up_model.h"

namespace {

namespace api = clarifai::api;
using nestvec::ClarifaiInput;
using nestvec::ClarifaiVariant;

void require(bool holds) {
  if (!holds) std::abort();
}

void answer(const ClarifaiInput& input, const nestvec::ClarifaiForm& form,
            api::MultiOutputResponse* response) {
  nestvec::ClarifaiResult result;
  result.text = "{}";
  result.rows.rows = input.call.texts.size();
  result.rows.width = input.call.options.dimensions > 0 ? input.call.options.dimensions : 64;
  result.rows.values.assign(result.rows.rows * result.rows.width, -0.25F);
  nestvec::write_output(input, result, form, response->add_outputs());
}

void check(const ClarifaiInput& input) {
  const bool texts = input.answer != ClarifaiInput::Answer::kOpenAi &&
                     input.answer != ClarifaiInput::Answer::kSignatures;
  require(texts || input.call.texts.empty());
  const bool one = input.answer == ClarifaiInput::Answer::kOne ||
                   input.answer == ClarifaiInput::Answer::kEmbedding;
  require(!one || input.call.texts.size() == 1);
  require(input.call.texts.size() <= 16 && input.call.options.dimensions <= 64);
  for (const std::string& text : input.call.texts) require(nestvec::is_valid_utf8(text));
}

void predict(const api::PostModelOutputsRequest& request, ClarifaiVariant variant) {
  api::MultiOutputResponse response;
  const auto& params = request.model().model_version().output_info().params();
  for (const api::Input& each : request.inputs()) {
    const ClarifaiInput input = nestvec::read_input(each, params, {made_up_model(), variant, 16});
    check(input);
    answer(input, {variant, nestvec::JsonCarrier::kBoth}, &response);
  }
  require(nestvec::write_message(response).starts_with('{'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  [[maybe_unused]] static auto* const kLogged = google::protobuf::SetLogHandler(nullptr);
  const auto variant = static_cast<ClarifaiVariant>(data[0] % 3);
  const bool is_json = (data[0] & 0x40) != 0;
  nestvec::HttpRequest body;
  body.body.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    api::PostModelOutputsRequest request;
    if (is_json) {
      nestvec::read_message(body, &request);
    } else if (!request.ParseFromString(body.body)) {
      return 0;
    }
    predict(request, variant);
  } catch (const nestvec::Error& error) {
    require(error.code() == nestvec::ErrorCode::kInvalidArgument ||
            error.code() == nestvec::ErrorCode::kUnimplemented);
    const int status = nestvec::clarifai_http_status(error);
    require(status >= 400 && status < 500);
    expect_one_line_of_utf8(error.what());
  }
  return 0;
}
