// SPDX-License-Identifier: Apache-2.0
#include "dialects/clarifai/clarifai.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "dialects/clarifai/clarifai_predict.h"
#include "dialects/clarifai/clarifai_status.h"
#include "dialects/openai/openai_request.h"
#include "output/vector.h"
#include "service/call_failure.h"
#include "service/model_call.h"

namespace nestvec {
namespace {

namespace v2 = clarifai::api;
using Answer = ClarifaiInput::Answer;

void stamp(google::protobuf::Timestamp* timestamp) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  timestamp->set_seconds(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

// Of a request with several inputs the one at fault.
Error of_input(const Error& error, int index, int inputs) {
  if (inputs == 1) return error;
  return {error.code(), "inputs[" + std::to_string(index) + "]: " + error.what(), error.detail()};
}

// A prediction on its way; lives until it is answered.
struct Prediction {
  const ClarifaiChoice chosen;
  const ClarifaiCall call;
  const v2::PostModelOutputsRequest& request;
  v2::MultiOutputResponse* response;
  ClarifaiForm form = {};
  std::vector<ClarifaiInput> inputs = {};
  std::map<std::size_t, OpenAiRequest> openai = {};  // of inputs, what their answers need

  // One call an input; one without texts where the model has nothing to do.
  std::vector<EmbedCall> read();
  void read_texts();
  void write(std::span<const CallRows> rows, Pace& pace);
  const Service& service() const { return *chosen.lease; }
};

std::vector<EmbedCall> Prediction::read() {
  read_texts();
  std::vector<EmbedCall> calls;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].answer != Answer::kOpenAi) {
      calls.push_back(std::move(inputs[i].call));
      continue;
    }
    const JsonDocument body = parse_json_body(inputs[i].openai_body);
    OpenAiRequest& opened = openai[i] = open_openai_request(body.root(), service(), call.caller);
    calls.push_back(take_call(opened));
  }
  return calls;
}

void Prediction::read_texts() {
  form.variant = chosen.variant;
  form.carrier = json_carrier(call.sdk);
  const ServerOptions& options = service().options;
  const std::size_t most = options.max_inputs;
  const auto& params = request.model().model_version().output_info().params();
  const ClarifaiRules rules{service().model.info(), form.variant, most, overlong_of(options)};
  std::size_t texts = 0;
  for (int i = 0; i < request.inputs_size(); ++i) {
    try {
      inputs.push_back(read_input(request.inputs(i), params, rules));
    } catch (const Error& error) {
      throw of_input(error, i, request.inputs_size());
    }
    texts += std::max<std::size_t>(1, inputs.back().call.texts.size());
    if (texts > most) {
      throw Error(ErrorCode::kInvalidArgument,
                  "more than " + std::to_string(most) +
                      " texts, the most that this server takes at once: send them in parts");
    }
  }
}

void Prediction::write(std::span<const CallRows> rows, Pace& pace) {
  write_success(response->mutable_status());
  response->mutable_status()->set_req_id(call.id);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ClarifaiResult result;
    if (inputs[i].answer == Answer::kSignatures) {
      result.text = chosen.model.signatures_json(form.variant);
    } else if (inputs[i].answer == Answer::kOpenAi) {
      result.text = render_openai(openai.at(i), rows[i].rows, service().model.info(), pace);
    } else {
      result.rows = rows[i].rows;
    }
    const std::string& id = request.inputs(static_cast<int>(i)).id();
    v2::Output* output = response->add_outputs();
    write_success(output->mutable_status());
    stamp(output->mutable_created_at());
    output->set_id(id);
    if (!id.empty()) output->mutable_input()->set_id(id);
    write_output(inputs[i], result, form, output);
  }
}

}  // namespace

void Clarifai::open(const Service& service) { opened_.emplace(service); }

ClarifaiModel Clarifai::model() const {
  const auto* const opened = opened_.get();
  if (opened == nullptr) return loading_;
  return ClarifaiModel(identity_, default_model(opened->get())->model.info());
}

namespace {

// The variant of one of several models, by its id or another of its names; nothing where another
// model is meant.
std::optional<ClarifaiVariant> variant_of(const ClarifaiModel& model, const Service& service,
                                          const v2::UserAppIDSet& owner, const std::string& id,
                                          std::string_view version) {
  std::vector<std::string> ids{id};
  for (const std::string& alias : service.aliases) {
    if (id.starts_with(alias)) ids.push_back(model.id() + id.substr(alias.size()));
  }
  for (const std::string& each : ids) {
    try {
      return model.find(owner, each, version);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
    }
  }
  return std::nullopt;
}

}  // namespace

ClarifaiChoice Clarifai::choose(const v2::UserAppIDSet& owner, const std::string& model_id,
                                std::string_view version_id) const {
  const auto* const opened = opened_.get();
  if (opened == nullptr) return {nullptr, loading_, loading_.find(owner, model_id, version_id)};
  std::vector<ServedModels::Lease> models = all_models(opened->get());
  if (model_id.empty()) models = {model_for(opened->get(), "", ModelKind::kEmbed)};
  for (ServedModels::Lease& lease : models) {
    ClarifaiModel model(identity_, lease->model.info());
    const auto variant = variant_of(model, *lease, owner, model_id, version_id);
    if (variant) return {std::move(lease), std::move(model), *variant};
  }
  model().find(owner, model_id, version_id);  // which says what there is
  throw Error(ErrorCode::kNotFound, "there is no such model here");
}

std::vector<ClarifaiChoice> Clarifai::all(const v2::UserAppIDSet& owner) const {
  const auto* const opened = opened_.get();
  if (opened == nullptr) return {choose(owner, model_id(), "")};
  std::vector<ClarifaiChoice> all;
  for (ServedModels::Lease& lease : all_models(opened->get())) {
    ClarifaiModel model(identity_, lease->model.info());
    const ClarifaiVariant variant = model.find(owner, model.id(), "");
    all.push_back({std::move(lease), std::move(model), variant});
  }
  return all;
}

const Service& Clarifai::opened() const {
  if (const auto* const opened = opened_.get()) return opened->get();
  throw still_loading();
}

void Clarifai::predict(const ClarifaiCall& call, const v2::PostModelOutputsRequest& request,
                       // NOLINTNEXTLINE(performance-unnecessary-value-param): kept by a copy
                       v2::MultiOutputResponse* response, Done done) const {
  try {
    opened();
    const auto prediction = std::make_shared<Prediction>(Prediction{
        .chosen = choose(request.user_app_id(), request.model_id(), request.version_id()),
        .call = call,
        .request = request,
        .response = response,
    });
    ModelCall::start(
        prediction->service(), call.caller, prediction->read(),
        [prediction](std::span<const CallRows> rows, Pace& pace) { prediction->write(rows, pace); },
        done);
  } catch (...) {
    const Error error = current_error();
    done(&error);
  }
}

std::size_t Clarifai::cost(const v2::PostModelOutputsRequest& request) const {
  constexpr std::size_t kValueBytes = 40;  // of a float as a value of a Struct
  std::size_t texts = 0;
  for (const v2::Input& input : request.inputs()) {
    texts += 1;
    for (const v2::Part& part : input.data().parts()) {
      texts += static_cast<std::size_t>(part.data().parts_size());
    }
  }
  std::size_t width = 0;
  for (const ServedModels::Lease& served : all_models(opened())) {
    width = std::max(width, most_dimensions(served->model.info()));
  }
  return request.ByteSizeLong() + texts * width * kValueBytes;
}

void Clarifai::answer(const v2::GetModelRequest& request, v2::SingleModelResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiChoice found = choose(owner, request.model_id(), request.version_id());
  found.model.describe(found.variant, owner, response->mutable_model());
}

void Clarifai::answer(const v2::ListModelsRequest& request,
                      v2::MultiModelResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const std::vector<ClarifaiChoice> found = all(owner);
  if (request.page() > 1) return;  // clients ask until a page is empty
  for (const ClarifaiChoice& each : found) {
    each.model.describe(each.variant, owner, response->add_models());
  }
}

void Clarifai::answer(const v2::GetModelVersionRequest& request,
                      v2::SingleModelVersionResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiChoice found = choose(owner, request.model_id(), request.version_id());
  found.model.describe_version(found.variant, owner, response->mutable_model_version());
}

void Clarifai::answer(const v2::ListModelVersionsRequest& request,
                      v2::MultiModelVersionResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiChoice found = choose(owner, request.model_id(), "");
  if (request.page() > 1) return;
  found.model.describe_version(found.variant, owner, response->add_model_versions());
}

void Clarifai::answer(const v2::GetModelTypeRequest& request,
                      v2::SingleModelTypeResponse* response) const {
  model().describe_type(request.model_type_id(), response->mutable_model_type());
}

void Clarifai::answer(const v2::GetUserRequest& request, v2::SingleUserResponse* response) const {
  response->mutable_user()->set_id(request.user_app_id().user_id());
}

void Clarifai::answer(const v2::GetDeploymentRequest& request,
                      v2::SingleDeploymentResponse* response) const {
  response->mutable_deployment()->set_id(request.deployment_id());
  response->mutable_deployment()->set_user_id(request.user_app_id().user_id());
}

void Clarifai::answer(const v2::GetNodepoolRequest& request,
                      v2::SingleNodepoolResponse* response) const {
  response->mutable_nodepool()->set_id(request.nodepool_id());
}

}  // namespace nestvec
