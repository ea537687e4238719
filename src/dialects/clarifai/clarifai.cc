// SPDX-License-Identifier: Apache-2.0
#include "dialects/clarifai/clarifai.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/out_of_memory.h"
#include "dialects/clarifai/clarifai_predict.h"
#include "dialects/clarifai/clarifai_status.h"
#include "dialects/openai/openai.h"
#include "service/call_failure.h"
#include "service/embed_call.h"
#include "service/gather.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

namespace v2 = clarifai::api;
using Answer = ClarifaiInput::Answer;
using Results = std::vector<ClarifaiResult>;

void stamp(google::protobuf::Timestamp* timestamp) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  timestamp->set_seconds(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

// Of a request with several inputs the one at fault.
Error of_input(const Error& error, int index, int inputs) {
  if (inputs == 1) return error;
  return {error.code(), "inputs[" + std::to_string(index) + "]: " + error.what(), error.detail()};
}

// A prediction on its way: a call of the model for each input. Lives as long as its callbacks.
struct Prediction {
  const Service& service;
  const ClarifaiModel& model;
  const ClarifaiCall call;
  const v2::PostModelOutputsRequest& request;
  v2::MultiOutputResponse* response;
  Clarifai::Done done;
  ClarifaiForm form = {};
  std::vector<ClarifaiInput> inputs = {};

  void read();
  void write(const Results& results);
  void finish(Result<Results> results);
};
using SharedPrediction = std::shared_ptr<Prediction>;
using Gathered = std::shared_ptr<Gather<ClarifaiResult>>;

void Prediction::read() {
  form.variant = model.find(request.user_app_id(), request.model_id(), request.version_id());
  form.carrier = json_carrier(call.sdk);
  const std::size_t most = service.options.max_inputs;
  const auto& params = request.model().model_version().output_info().params();
  EmbedOptions unused;
  call.apply(unused);  // headers are checked, be there no input
  std::size_t texts = 0;
  for (int i = 0; i < request.inputs_size(); ++i) {
    try {
      inputs.push_back(
          read_input(request.inputs(i), params, {service.model.info(), form.variant, most}));
    } catch (const Error& error) {
      throw of_input(error, i, request.inputs_size());
    }
    texts += std::max<std::size_t>(1, inputs.back().call.texts.size());
    if (texts > most) {
      throw Error(ErrorCode::kInvalidArgument,
                  "more than " + std::to_string(most) +
                      " texts, the most that this server takes at once: send them in parts");
    }
    EmbedOptions& options = inputs.back().call.options;
    call.apply(options);
    // The wait behind earlier calls is that of the first; each must fit into the queue.
    if (i > 0) options.queue.max_seconds = 0;
  }
}

void Prediction::write(const Results& results) {
  write_success(response->mutable_status());
  response->mutable_status()->set_req_id(call.id);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string& id = request.inputs(static_cast<int>(i)).id();
    v2::Output* output = response->add_outputs();
    write_success(output->mutable_status());
    stamp(output->mutable_created_at());
    output->set_id(id);
    if (!id.empty()) output->mutable_input()->set_id(id);
    write_output(inputs[i], results[i], form, output);
    if (!inputs[i].call.texts.empty()) count_texts(service, inputs[i].call, results[i].rows);
  }
}

void Prediction::finish(Result<Results> results) {
  std::optional<Error> failed;
  try {
    write(results.value());
  } catch (...) {
    failed = current_error();
    count_failed_call(service, *failed);
  }
  done(failed);
}

// How an error comes through a route to who wants it as an error: the code as the status, the
// message as the body.
class PassedErrors final : public ErrorStyle {
 public:
  static constexpr std::string_view kType = "error";
  HttpResponse render(const Error& error) const override {
    HttpResponse response;
    response.status = static_cast<int>(error.code());
    response.content_type = kType;
    response.body = error.what();
    return response;
  }
};

// As POST /v1/embeddings does it.
void run_openai(const Prediction& prediction, const ClarifaiInput& input, const Gathered& gather,
                std::size_t index) {
  static const PassedErrors kErrors;
  HttpRequest request = prediction.call.as_http();
  request.method = "POST";
  request.body = input.openai_body;
  request.stop = gather->stop();
  Exchange exchange{
      .service = prediction.service,
      .request = std::make_shared<const HttpRequest>(std::move(request)),
      .respond =
          [gather, index](HttpResponse response) {
            if (response.no_memory) return gather->put(index, out_of_memory());
            if (response.content_type == PassedErrors::kType) {
              gather->put(index, Error(static_cast<ErrorCode>(response.status), response.body));
              return;
            }
            gather->put(index, ClarifaiResult{{}, std::move(response.body)});
          },
      .errors = &kErrors,
      .client = prediction.call.key};
  answer_embeddings(std::move(exchange));
}

void run_input(const Prediction& prediction, const ClarifaiInput& input, const Gathered& gather,
               std::size_t index) {
  if (input.answer == Answer::kSignatures) {
    gather->put(index,
                ClarifaiResult{{}, prediction.model.signatures_json(prediction.form.variant)});
  } else if (input.answer == Answer::kOpenAi) {
    run_openai(prediction, input, gather, index);
  } else if (input.call.texts.empty()) {
    gather->put(index, ClarifaiResult{});
  } else {
    EmbedOptions options = input.call.options;
    options.stop = gather->stop();
    const MemoryShare reading =
        memory_for_texts(prediction.service.memory, input.call.texts, RequestMemory::kTokenizing);
    prediction.service.model.predict_async(
        input.call.texts, {}, options, [gather, index](Result<Embeddings> rows) {
          if (rows.ok()) {
            gather->put(index, ClarifaiResult{std::move(rows).value(), {}});
          } else {
            gather->put(index, rows.error());
          }
        });
  }
}

// Queues the calls; the rest is done on a request thread.
void run(const SharedPrediction& prediction) {
  const Service& service = prediction->service;
  const auto finish = [prediction](Result<Results> results) {
    try {
      auto shared = std::make_shared<Result<Results>>(std::move(results));
      prediction->service.post([prediction, shared] { prediction->finish(std::move(*shared)); });
    } catch (...) {
      prediction->done(current_error());
    }
  };
  if (prediction->inputs.empty()) return finish(Results{});
  const auto gather = std::make_shared<Gather<ClarifaiResult>>(
      prediction->inputs.size(), service.post, prediction->call.stop, finish);
  end_at_deadline(service.after, prediction->inputs.front().call.options.deadline, gather);
  for (std::size_t i = 0; i < prediction->inputs.size(); ++i) {
    try {
      run_input(*prediction, prediction->inputs[i], gather, i);
    } catch (...) {
      gather->fail(current_error());
      return;
    }
  }
}

}  // namespace

void Clarifai::open(const Service& service) { opened_.emplace(service, identity_); }

const ClarifaiModel& Clarifai::model() const {
  const Opened* opened = opened_.get();
  return opened != nullptr ? opened->model : loading_;
}

const Clarifai::Opened& Clarifai::opened() const {
  if (const Opened* opened = opened_.get()) return *opened;
  throw still_loading();
}

void Clarifai::predict(const ClarifaiCall& call, const v2::PostModelOutputsRequest& request,
                       // NOLINTNEXTLINE(performance-unnecessary-value-param): kept by a copy
                       v2::MultiOutputResponse* response, Done done) const {
  const Opened* opened = nullptr;
  try {
    opened = &this->opened();
    const auto prediction = std::make_shared<Prediction>(Prediction{
        .service = opened->service,
        .model = opened->model,
        .call = call,
        .request = request,
        .response = response,
        .done = done,
    });
    prediction->read();
    run(prediction);
  } catch (...) {
    const Error error = current_error();
    if (opened != nullptr) count_failed_call(opened->service, error);
    done(error);
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
  return request.ByteSizeLong() + texts * opened().service.model.info().dimensions * kValueBytes;
}

void Clarifai::answer(const v2::GetModelRequest& request, v2::SingleModelResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant = model().find(owner, request.model_id(), request.version_id());
  model().describe(variant, owner, response->mutable_model());
}

void Clarifai::answer(const v2::ListModelsRequest& request,
                      v2::MultiModelResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant = model().find(owner, model_id(), "");
  if (request.page() > 1) return;  // clients ask until a page is empty
  model().describe(variant, owner, response->add_models());
}

void Clarifai::answer(const v2::GetModelVersionRequest& request,
                      v2::SingleModelVersionResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant = model().find(owner, request.model_id(), request.version_id());
  model().describe_version(variant, owner, response->mutable_model_version());
}

void Clarifai::answer(const v2::ListModelVersionsRequest& request,
                      v2::MultiModelVersionResponse* response) const {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant = model().find(owner, request.model_id(), "");
  if (request.page() > 1) return;
  model().describe_version(variant, owner, response->add_model_versions());
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
