// SPDX-License-Identifier: Apache-2.0
#include "dialects/clarifai/clarifai_model.h"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <utility>

#include "base/excerpt.h"
#include "dialects/clarifai/clarifai_status.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace api = clarifai::api;
using Field = api::ModelTypeField;

constexpr std::string_view kVersion = "1";
// The one without a suffix last: what it ends with, every id does.
constexpr std::array kVariants = {ClarifaiVariant::kSingle, ClarifaiVariant::kBatch,
                                  ClarifaiVariant::kBoth};

Field field(const std::string& name, Field::DataType type) {
  Field made;
  made.set_name(name);
  made.set_type(type);
  return made;
}

Field required(Field made) {
  made.set_required(true);
  return made;
}

// "null" makes an explicit None count as not given.
Field optional(Field made, const std::string& description) {
  made.set_default_("null");
  made.set_description(description);
  return made;
}

Field list_of(const std::string& name, const Field& item) {
  Field made = field(name, Field::LIST);
  *made.add_type_args() = item;
  return made;
}

std::string_view suffix(ClarifaiVariant variant) {
  switch (variant) {
    case ClarifaiVariant::kSingle:
      return "-single";
    case ClarifaiVariant::kBatch:
      return "-batch";
    case ClarifaiVariant::kBoth:
      break;
  }
  return "";
}

std::string tasks_of(const ModelInfo& info) {
  std::string names;
  for (const TaskInfo& task : info.tasks) names += task.name + ", ";
  return names + "none";
}

void add_inputs(ClarifaiVariant variant, api::MethodSignature* method) {
  const Field input = field("input", Field::STR);
  const Field texts = list_of("texts", field("texts_item", Field::STR));
  switch (variant) {
    case ClarifaiVariant::kBoth:
      *method->add_input_fields() = optional(input, "One text.");
      *method->add_input_fields() = optional(texts, "Several texts, instead of input.");
      break;
    case ClarifaiVariant::kSingle:
      *method->add_input_fields() = required(input);
      break;
    case ClarifaiVariant::kBatch:
      *method->add_input_fields() = required(texts);
  }
}

Field output_of(ClarifaiVariant variant) {
  switch (variant) {
    case ClarifaiVariant::kSingle:
      return list_of("return", field("return_item", Field::FLOAT));
    case ClarifaiVariant::kBatch:
      return list_of("return", list_of("return_item", field("return_item_item", Field::FLOAT)));
    case ClarifaiVariant::kBoth:
      break;
  }
  return field("return", Field::JSON_DATA);
}

// Without `info` nothing is said of the model's tasks and width.
api::MethodSignature predict_signature(ClarifaiVariant variant, const ModelInfo* info) {
  api::MethodSignature method;
  method.set_name("predict");
  method.set_method_type(api::UNARY_UNARY);
  add_inputs(variant, &method);
  *method.add_output_fields() = output_of(variant);
  if (variant != ClarifaiVariant::kBoth) return method;
  const std::string width = info ? std::to_string(info->dimensions) : "the model's own number of";
  method.set_description("Vectors of texts: " + width +
                         " floats for input, a list of vectors for texts.");
  *method.add_input_fields() =
      optional(field("task", Field::STR), info ? tasks_of(*info) : "What the vectors are for.");
  *method.add_input_fields() = optional(field("dimensions", Field::INT),
                                        info ? "1 to " + width + "." : "Less than all of them.");
  *method.add_input_fields() =
      optional(field("late_chunking", Field::BOOL), "The texts are chunks of one document.");
  return method;
}

// A request and an answer of OpenAI's embeddings as JSON.
api::MethodSignature openai_signature() {
  api::MethodSignature method;
  method.set_name("openai_transport");
  method.set_method_type(api::UNARY_UNARY);
  method.set_description("The body of OpenAI's POST /v1/embeddings as JSON, and its answer.");
  *method.add_input_fields() = required(field("msg", Field::STR));
  *method.add_output_fields() = field("return", Field::STR);
  return method;
}

bool matches(const std::string& configured, const std::string& asked) {
  return configured.empty() || asked.empty() || asked == configured || asked == "me";
}

}  // namespace

ClarifaiModel::ClarifaiModel(ModelIdentity identity)
    : identity_(std::move(identity)), info_(nullptr) {}

ClarifaiModel::ClarifaiModel(ModelIdentity identity, const ModelInfo& info)
    : identity_(std::move(identity)), info_(&info) {
  identity_.id = info.id;
}

std::vector<api::MethodSignature> ClarifaiModel::signatures(ClarifaiVariant variant) const {
  return {predict_signature(variant, info_), openai_signature()};
}

ClarifaiVariant ClarifaiModel::find(const api::UserAppIDSet& owner, std::string_view model_id,
                                    std::string_view version_id) const {
  if (!matches(identity_.user_id, owner.user_id()) || !matches(identity_.app_id, owner.app_id())) {
    throw Error(ErrorCode::kNotFound, "this server's models belong to user " +
                                          excerpt(identity_.user_id) + ", app " +
                                          excerpt(identity_.app_id));
  }
  if (!version_id.empty() && version_id != kVersion) {
    throw Error(ErrorCode::kNotFound, "there is no version " + excerpt(version_id) +
                                          " of the model; it has version " + std::string(kVersion));
  }
  if (model_id.empty()) return ClarifaiVariant::kBoth;
  for (const ClarifaiVariant variant : kVariants) {
    const std::string_view end = suffix(variant);
    if (!model_id.ends_with(end)) continue;
    if (id().empty() || model_id.substr(0, model_id.size() - end.size()) == id()) return variant;
  }
  throw Error(ErrorCode::kNotFound, "there is no model " + excerpt(model_id) +
                                        "; this server has " + id() + ", " + id() + "-single and " +
                                        id() + "-batch");
}

void ClarifaiModel::describe(ClarifaiVariant variant, const api::UserAppIDSet& owner,
                             api::Model* model) const {
  model->set_id(id() + std::string(suffix(variant)));
  model->set_name(model->id());
  model->set_user_id(identity_.user_id.empty() ? owner.user_id() : identity_.user_id);
  model->set_app_id(identity_.app_id.empty() ? owner.app_id() : identity_.app_id);
  model->set_model_type_id(identity_.model_type_id);
  describe_version(variant, owner, model->mutable_model_version());
}

void ClarifaiModel::describe_version(ClarifaiVariant variant, const api::UserAppIDSet& owner,
                                     api::ModelVersion* version) const {
  version->set_id(std::string(kVersion));
  version->set_user_id(identity_.user_id.empty() ? owner.user_id() : identity_.user_id);
  version->set_app_id(identity_.app_id.empty() ? owner.app_id() : identity_.app_id);
  write_status(info_ ? ClarifaiCode::kModelReady : ClarifaiCode::kModelLoading, "",
               version->mutable_status());
  for (api::MethodSignature& method : signatures(variant)) {
    *version->add_method_signatures() = std::move(method);
  }
}

void ClarifaiModel::describe_type(std::string_view id, api::ModelType* type) const {
  if (id != identity_.model_type_id) {
    throw Error(ErrorCode::kNotFound, "there is no model type " + excerpt(id) +
                                          "; this server has " + identity_.model_type_id);
  }
  type->set_id(std::string(id));
  type->add_input_fields("text");
  type->add_output_fields("embeddings");
}

std::string ClarifaiModel::signatures_json(ClarifaiVariant variant) const {
  std::string all;
  for (const api::MethodSignature& method : signatures(variant)) {
    std::string json;
    if (!google::protobuf::util::MessageToJsonString(method, &json).ok()) {
      throw Error(ErrorCode::kInternal, "a method signature is not JSON");
    }
    all += (all.empty() ? "{\"" : ",\"") + method.name() + "\":" + json;
  }
  return all + "}";
}

}  // namespace nestvec
