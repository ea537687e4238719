// SPDX-License-Identifier: Apache-2.0
#include "server/clarifai_predict.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>

#include "base/excerpt.h"
#include "base/json.h"

namespace nestvec {
namespace {

namespace api = clarifai::api;
using google::protobuf::Struct;
using google::protobuf::Value;

Error wrong_argument(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

const Value* find(const Struct& object, const std::string& key) {
  const auto found = object.fields().find(key);
  return found == object.fields().end() ? nullptr : &found->second;
}

std::size_t check_dimensions(double number, const ModelInfo& info) {
  const bool valid =
      number >= 1 && number <= static_cast<double>(info.dimensions) && number == std::floor(number);
  if (!valid) {
    throw wrong_argument("dimensions: expected a whole number from 1 to " +
                         std::to_string(info.dimensions));
  }
  return static_cast<std::size_t>(number);
}

std::string check_task(const std::string& name, const ModelInfo& info) {
  return resolve_task(name, info, "task");
}

void read_texts(const api::Data& data, std::size_t limit, EmbedCall& call) {
  if (static_cast<std::size_t>(data.parts_size()) > limit) {
    throw wrong_argument("texts: " + std::to_string(data.parts_size()) +
                         " texts; this server takes " + std::to_string(limit) + " at once");
  }
  for (const api::Part& part : data.parts()) call.texts.push_back(part.data().string_value());
}

// An argument besides the texts.
void read_option(const api::Part& part, const ClarifaiRules& rules, EmbedOptions& options) {
  const bool known = rules.variant == ClarifaiVariant::kBoth;
  if (known && part.id() == "task") {
    options.task = check_task(part.data().string_value(), rules.info);
  } else if (known && part.id() == "dimensions") {
    const auto number = static_cast<double>(part.data().int_value());
    options.dimensions = check_dimensions(number, rules.info);
  } else if (known && part.id() == "late_chunking") {
    options.late_chunking = part.data().bool_value();
  } else {
    throw wrong_argument("predict() has no argument " + excerpt(part.id()));
  }
}

ClarifaiInput read_predict(const api::Data& data, const ClarifaiRules& rules) {
  ClarifaiInput read;
  bool one = false;
  bool many = false;
  for (const api::Part& part : data.parts()) {
    if (!one && part.id() == "input" && rules.variant != ClarifaiVariant::kBatch) {
      one = true;
      read.call.texts.push_back(part.data().string_value());
    } else if (!many && part.id() == "texts" && rules.variant != ClarifaiVariant::kSingle) {
      many = true;
      read_texts(part.data(), rules.max_texts, read.call);
    } else {
      read_option(part, rules, read.call.options);
    }
  }
  if (one == many) throw wrong_argument("predict() takes either input or texts");
  read.answer = one ? ClarifaiInput::Answer::kOne : ClarifaiInput::Answer::kMany;
  return read;
}

ClarifaiInput read_raw(const api::Data& data, const Struct& params, const ModelInfo& info) {
  if (!data.has_text()) {
    throw Error(ErrorCode::kUnimplemented, "this model takes text: expected data.text.raw");
  }
  if (!data.text().url().empty()) {
    throw Error(ErrorCode::kUnimplemented,
                "text.url is not fetched by this server: send the text as text.raw");
  }
  ClarifaiInput read;
  read.call.texts = {data.text().raw()};
  if (const Value* task = find(params, "task")) {
    read.call.options.task = check_task(task->string_value(), info);
  }
  if (const Value* dimensions = find(params, "dimensions")) {
    read.call.options.dimensions = check_dimensions(dimensions->number_value(), info);
  }
  return read;
}

void write_list(std::span<const float> row, google::protobuf::ListValue* list) {
  for (const float value : row) list->add_values()->set_number_value(static_cast<double>(value));
}

// A list argument has its elements in parts without names.
void write_parts(std::span<const float> row, api::Data* data) {
  for (const float value : row) {
    data->add_parts()->mutable_data()->set_float_value(static_cast<double>(value));
  }
}

void write_struct(const Embeddings& rows, bool many, Struct* object) {
  google::protobuf::ListValue* list = (*object->mutable_fields())["_list"].mutable_list_value();
  for (std::size_t i = 0; i < rows.rows; ++i) {
    write_list(rows.row(i), many ? list->add_values()->mutable_list_value() : list);
  }
}

std::string write_json(const Embeddings& rows, bool many) {
  std::string json;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    if (i > 0) json += ',';
    append_json_numbers(rows.row(i), json);
  }
  return many ? "[" + json + "]" : json;
}

void write_return(const Embeddings& rows, bool many, ClarifaiVariant variant, JsonCarrier carrier,
                  api::Data* data) {
  if (variant == ClarifaiVariant::kSingle) {
    write_parts(rows.row(0), data);
  } else if (variant == ClarifaiVariant::kBatch) {
    for (std::size_t i = 0; i < rows.rows; ++i) {
      write_parts(rows.row(i), data->add_parts()->mutable_data());
    }
  } else {
    if (carrier != JsonCarrier::kString) write_struct(rows, many, data->mutable_struct_value());
    if (carrier != JsonCarrier::kStruct) data->set_string_value(write_json(rows, many));
  }
}

}  // namespace

ClarifaiInput read_input(const api::Input& input, const Struct& params,
                         const ClarifaiRules& rules) {
  const api::Data& data = input.data();
  const Value* method = find(data.metadata(), "_method_name");
  ClarifaiInput read;
  if (method == nullptr) {
    read = read_raw(data, params, rules.info);
  } else if (method->string_value() == "_GET_SIGNATURES") {
    read.answer = ClarifaiInput::Answer::kSignatures;
  } else if (method->string_value() == "predict") {
    read = read_predict(data, rules);
  } else {
    throw wrong_argument("this model has no method " + excerpt(method->string_value()) +
                         "; it has predict");
  }
  read.call.options.truncation = Truncation::kRight;
  return read;
}

JsonCarrier json_carrier(std::string_view sdk) {
  constexpr std::string_view kPrefix = "sdk-python-";
  constexpr std::array<int, 3> kFirstWithStruct = {11, 10, 3};
  if (!sdk.starts_with(kPrefix)) return JsonCarrier::kBoth;
  sdk.remove_prefix(kPrefix.size());
  std::array<int, 3> version{};
  const char* at = sdk.data();
  const char* const end = sdk.data() + sdk.size();
  for (std::size_t i = 0; i < version.size(); ++i) {
    const auto [next, failed] = std::from_chars(at, end, version[i]);
    if (failed != std::errc{}) return JsonCarrier::kBoth;
    at = next;
    if (i + 1 < version.size() && (at == end || *at++ != '.')) return JsonCarrier::kBoth;
  }
  return version >= kFirstWithStruct ? JsonCarrier::kStruct : JsonCarrier::kString;
}

void write_output(const ClarifaiInput& input, const Embeddings& rows, ClarifaiVariant variant,
                  JsonCarrier carrier, api::Output* output) {
  for (const std::uint32_t tokens : rows.tokens) {
    output->set_prompt_tokens(output->prompt_tokens() + tokens);
  }
  api::Data* data = output->mutable_data();
  if (input.answer == ClarifaiInput::Answer::kEmbedding) {
    api::Embedding* embedding = data->add_embeddings();
    embedding->mutable_vector()->Add(rows.values.begin(), rows.values.end());
    embedding->set_num_dimensions(static_cast<std::uint32_t>(rows.width));
    return;
  }
  api::Part* part = data->add_parts();
  part->set_id("return");
  const bool many = input.answer == ClarifaiInput::Answer::kMany;
  write_return(rows, many, variant, carrier, part->mutable_data());
}

}  // namespace nestvec
