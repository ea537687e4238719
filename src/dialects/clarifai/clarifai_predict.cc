// SPDX-License-Identifier: Apache-2.0
#include "dialects/clarifai/clarifai_predict.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "output/vector.h"

namespace nestvec {
namespace {

namespace api = clarifai::api;
using google::protobuf::Struct;
using google::protobuf::Value;

Error wrong_argument(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

// A member that is there and not null.
const Value* find(const Struct& object, const std::string& key) {
  const auto found = object.fields().find(key);
  if (found == object.fields().end() || found->second.has_null_value()) return nullptr;
  return &found->second;
}

std::size_t check_dimensions(double number, const ModelInfo& info) {
  const std::size_t most = most_dimensions(info);
  const bool valid =
      number >= 1 && number <= static_cast<double>(most) && number == std::floor(number);
  if (!valid) {
    throw wrong_argument("dimensions: expected a whole number from 1 to " + std::to_string(most));
  }
  return static_cast<std::size_t>(number);
}

std::string check_task(const std::string& name, const ModelInfo& info) {
  return resolve_task(name, info, "task");
}

// A member of Data that is not set reads as nothing, so that a value of another type would pass
// for an empty text.
bool holds_other_than(bool unset, const api::Data& data) {
  return unset && data.ByteSizeLong() > 0;
}

std::string read_text(const api::Data& data, std::string_view name) {
  if (holds_other_than(data.string_value().empty(), data)) {
    throw wrong_argument(std::string(name) + ": expected a string");
  }
  return data.string_value();
}

void read_texts(const api::Data& data, std::size_t limit, EmbedCall& call) {
  if (holds_other_than(data.parts().empty(), data)) {
    throw wrong_argument("texts: expected a list of strings");
  }
  if (static_cast<std::size_t>(data.parts_size()) > limit) {
    throw wrong_argument("texts: " + std::to_string(data.parts_size()) +
                         " texts; this server takes " + std::to_string(limit) + " at once");
  }
  for (const api::Part& part : data.parts()) {
    const std::string name = "texts[" + std::to_string(call.texts.size()) + "]";
    call.texts.push_back(read_text(part.data(), name));
  }
}

// An argument besides the texts.
void read_option(const api::Part& part, const ClarifaiRules& rules, EmbedOptions& options) {
  const bool known = rules.variant == ClarifaiVariant::kBoth;
  const api::Data& data = part.data();
  if (known && part.id() == "task") {
    options.task = check_task(read_text(data, "task"), rules.info);
  } else if (known && part.id() == "dimensions") {
    options.dimensions = check_dimensions(static_cast<double>(data.int_value()), rules.info);
  } else if (known && part.id() == "late_chunking") {
    if (holds_other_than(!data.bool_value(), data)) {
      throw wrong_argument("late_chunking: expected true or false");
    }
    options.late_chunking = data.bool_value();
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
      read.call.texts.push_back(read_text(part.data(), "input"));
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

// What the method sends is the body of a request, and where it would go.
ClarifaiInput read_openai(const api::Data& data) {
  ClarifaiInput read;
  read.answer = ClarifaiInput::Answer::kOpenAi;
  if (data.parts_size() != 1 || data.parts(0).id() != "msg") {
    throw wrong_argument("openai_transport() takes msg and nothing else");
  }
  read.openai_body = read_text(data.parts(0).data(), "msg");
  const JsonDocument body = JsonDocument::parse(read.openai_body, "msg");
  const std::string_view endpoint = body.root().at("openai_endpoint").string();
  if (endpoint != "/embeddings") {
    throw wrong_argument("openai_endpoint is " + excerpt(endpoint) +
                         "; this model has /embeddings");
  }
  return read;
}

ClarifaiInput read_raw(const api::Data& data, const Struct& params, const ModelInfo& info) {
  if (!data.has_text()) {
    throw Error(ErrorCode::kUnimplemented, "this model takes text: expected data.text.raw");
  }
  if (!data.text().url().empty()) {
    throw Error(ErrorCode::kUnimplemented,
                "this server does not fetch text.url; send the text as text.raw");
  }
  ClarifaiInput read;
  read.call.texts = {data.text().raw()};
  if (const Value* task = find(params, "task")) {
    if (!task->has_string_value()) throw wrong_argument("task: expected a string");
    read.call.options.task = check_task(task->string_value(), info);
  }
  if (const Value* dimensions = find(params, "dimensions")) {
    read.call.options.dimensions = check_dimensions(dimensions->number_value(), info);
  }
  for (const char* name : {"embedding_type", "encoding_format", "instruction", "normalize",
                           "pooling", "prompt", "prompt_name", "truncate"}) {
    if (find(params, name) != nullptr) {
      throw wrong_argument(std::string(name) +
                           ": this parameter is not supported; task and dimensions are");
    }
  }
  // Each input has an answer of its own, so that they are no chunks of one document.
  if (const Value* late = find(params, "late_chunking"); late && late->bool_value()) {
    throw wrong_argument("late_chunking: expected with predict(texts=[...]) alone");
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
  if (!many) {
    append_json_numbers(rows.row(0), json);
    return json;
  }
  JsonArray vectors(json);
  for (std::size_t i = 0; i < rows.rows; ++i) append_json_numbers(rows.row(i), vectors.next());
  vectors.end();
  return json;
}

void write_return(const Embeddings& rows, bool many, const ClarifaiForm& form, api::Data* data) {
  const auto [variant, carrier] = form;
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
  } else if (method->string_value() == "openai_transport") {
    read = read_openai(data);
  } else {
    throw wrong_argument("this model has no method " + excerpt(method->string_value()) +
                         "; it has predict and openai_transport");
  }
  read.call.options.truncation = rules.overlong;
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

void write_output(const ClarifaiInput& input, const ClarifaiResult& result,
                  const ClarifaiForm& form, api::Output* output) {
  const Embeddings& rows = result.rows;
  for (const std::uint32_t tokens : rows.tokens) {
    output->set_prompt_tokens(output->prompt_tokens() + tokens);
  }
  api::Data* data = output->mutable_data();
  if (input.answer == ClarifaiInput::Answer::kSignatures) {
    data->mutable_text()->set_raw(result.text);
    return;
  }
  if (input.answer == ClarifaiInput::Answer::kEmbedding) {
    api::Embedding* embedding = data->add_embeddings();
    embedding->mutable_vector()->Add(rows.values.begin(), rows.values.end());
    embedding->set_num_dimensions(static_cast<std::uint32_t>(rows.width));
    return;
  }
  api::Part* part = data->add_parts();
  part->set_id("return");
  if (input.answer == ClarifaiInput::Answer::kOpenAi) {
    part->mutable_data()->set_string_value(result.text);
    return;
  }
  write_return(rows, input.answer == ClarifaiInput::Answer::kMany, form, part->mutable_data());
}

}  // namespace nestvec
