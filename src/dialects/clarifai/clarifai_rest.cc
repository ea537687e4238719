// SPDX-License-Identifier: Apache-2.0
#include "dialects/clarifai/clarifai_rest.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "dialects/clarifai/clarifai_json.h"
#include "dialects/clarifai/clarifai_status.h"
#include "dialects/openai/openai.h"
#include "dialects/request_body.h"
#include "service/call_failure.h"
#include "service/http_call.h"

namespace nestvec {
namespace {

namespace v2 = clarifai::api;

// What the path names.
struct Place {
  std::string user;
  std::string app;
  std::string id;  // of a model, a type of models, a deployment
  std::string version;
};

Place place_of(std::string_view pattern, const std::vector<std::string>& parameters) {
  Place place;
  std::size_t next = 0;
  const auto take = [&] { return next < parameters.size() ? parameters[next++] : ""; };
  if (pattern.starts_with("/v2/users/")) place.user = take();
  if (pattern.find("/apps/") != std::string_view::npos) place.app = take();
  place.id = take();
  place.version = take();
  return place;
}

// A number of the query; 0 where there is none.
std::uint32_t query_number(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!part.starts_with(name) || part.substr(name.size(), 1) != "=") continue;
    part.remove_prefix(name.size() + 1);
    std::uint32_t number = 0;
    std::from_chars(part.data(), part.data() + part.size(), number);
    return number;
  }
  return 0;
}

template <typename Request>
Request request_for(const Place& place, const std::string& query) {
  Request request;
  request.mutable_user_app_id()->set_user_id(place.user);
  request.mutable_user_app_id()->set_app_id(place.app);
  if constexpr (requires { request.set_model_id(place.id); }) request.set_model_id(place.id);
  if constexpr (requires { request.set_version_id(place.version); }) {
    request.set_version_id(place.version);
  }
  if constexpr (requires { request.set_model_type_id(place.id); }) {
    request.set_model_type_id(place.id);
  }
  if constexpr (requires { request.set_deployment_id(place.id); }) {
    request.set_deployment_id(place.id);
  }
  if constexpr (requires { request.set_page(1); }) request.set_page(query_number(query, "page"));
  return request;
}

HttpResponse json_response(const google::protobuf::Message& message, const Error* error = nullptr) {
  HttpResponse response;
  response.body = write_message(message);
  if (error == nullptr) return response;
  response.status = clarifai_http_status(*error);
  add_retry_after(*error, response);
  return response;
}

// The answer to a call that has failed.
template <typename Response>
HttpResponse refusal(const Error& error, const std::string& id) {
  Response message;
  refuse(error, id, &message);
  return json_response(message, &error);
}

// The same where the router finds the fault, which knows no more than the route.
template <typename Response>
class Errors final : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override { return refusal<Response>(error, ""); }
};

template <typename Response>
const ErrorStyle& errors() {
  static const Errors<Response> kStyle;
  return kStyle;
}

template <typename Request, typename Response>
HttpResponse describe(const Clarifai& clarifai, const Place& place, const HttpRequest& http) {
  Response response;
  clarifai.answer(request_for<Request>(place, http.query), &response);
  write_success(response.mutable_status());
  response.mutable_status()->set_req_id(http.id);
  return json_response(response);
}

// The SDK asks whether there is TLS at this port; to be answered is enough.
HttpResponse describe_nothing(const Clarifai&, const Place&, const HttpRequest& http) {
  v2::SingleUserResponse response;
  write_success(response.mutable_status());
  response.mutable_status()->set_req_id(http.id);
  return json_response(response);
}

HttpResponse describe_codes(const Clarifai&, const Place&, const HttpRequest& http) {
  v2::MultiStatusCodeResponse response;
  write_success(response.mutable_status());
  response.mutable_status()->set_req_id(http.id);
  for (const ClarifaiCode code : clarifai_codes()) {
    write_status(code, "", response.add_statuses());
  }
  return json_response(response);
}

using Describe = HttpResponse (*)(const Clarifai&, const Place&, const HttpRequest&);

struct Method {
  std::string_view path;
  Describe describe = nullptr;  // of a GET; null for the POST of a prediction
  bool open = false;
};

constexpr Describe kModel = describe<v2::GetModelRequest, v2::SingleModelResponse>;
constexpr Describe kModels = describe<v2::ListModelsRequest, v2::MultiModelResponse>;
constexpr Describe kOneVersion =
    describe<v2::GetModelVersionRequest, v2::SingleModelVersionResponse>;
constexpr Describe kVersions =
    describe<v2::ListModelVersionsRequest, v2::MultiModelVersionResponse>;
constexpr Describe kType = describe<v2::GetModelTypeRequest, v2::SingleModelTypeResponse>;
constexpr Describe kUser = describe<v2::GetUserRequest, v2::SingleUserResponse>;
constexpr Describe kDeployment = describe<v2::GetDeploymentRequest, v2::SingleDeploymentResponse>;

// The first that fits is taken.
constexpr Method kMethods[] = {
    {"/v2/models", kModels},
    {"/v2/models/types/{one}", kType},
    {"/v2/models/{}/versions", kVersions},
    {"/v2/models/{}/versions/{one}", kOneVersion},
    {"/v2/models/{one}", kModel},
    {"/v2/users/{}/apps/{}/models", kModels},
    {"/v2/users/{}/apps/{}/models/types/{one}", kType},
    {"/v2/users/{}/apps/{}/models/{}/versions", kVersions},
    {"/v2/users/{}/apps/{}/models/{}/versions/{one}", kOneVersion},
    {"/v2/users/{}/apps/{}/models/{one}", kModel},
    {"/v2/users/{}/deployments/{one}", kDeployment},
    {"/v2/users/{one}", kUser},
    {"/v2/status_codes", describe_codes, true},
    {"/v2/auth/methods", describe_nothing, true},
    {"/v2/models/{}/outputs"},
    {"/v2/models/{}/outputs/generate"},
    {"/v2/models/{}/versions/{}/outputs"},
    {"/v2/models/{}/versions/{}/outputs/generate"},
    {"/v2/users/{}/apps/{}/models/{}/outputs"},
    {"/v2/users/{}/apps/{}/models/{}/outputs/generate"},
    {"/v2/users/{}/apps/{}/models/{}/versions/{}/outputs"},
    {"/v2/users/{}/apps/{}/models/{}/versions/{}/outputs/generate"},
    {"/v2/users/{}/deployments/{}/outputs"},
};

bool is_deployment(std::string_view path) {
  return path.find("/deployments/") != std::string_view::npos;
}

// A prediction on its way; lives as long as its callback.
struct Posted {
  Exchange exchange;
  v2::PostModelOutputsRequest request = {};
  v2::MultiOutputResponse response = {};
};

void read_posted(std::string_view path, Posted& posted) {
  const Place place = place_of(path, posted.exchange.parameters);
  v2::PostModelOutputsRequest& request = posted.request;
  read_message(*posted.exchange.request, &request);
  if (!place.user.empty()) request.mutable_user_app_id()->set_user_id(place.user);
  if (!place.app.empty()) request.mutable_user_app_id()->set_app_id(place.app);
  if (is_deployment(path)) {
    if (request.model_id().empty()) request.set_model_id(request.model().id());
  } else {
    request.set_model_id(place.id);
    request.set_version_id(place.version);
  }
}

// What people at a terminal look for: whose answer it is, and to what.
void add_context(const Clarifai& clarifai, Posted& posted) {
  v2::GetModelRequest which;
  *which.mutable_user_app_id() = posted.request.user_app_id();
  which.set_model_id(posted.request.model_id());
  v2::SingleModelResponse model;
  clarifai.answer(which, &model);
  model.mutable_model()->mutable_model_version()->clear_method_signatures();
  for (int i = 0; i < posted.response.outputs_size(); ++i) {
    v2::Output* output = posted.response.mutable_outputs(i);
    *output->mutable_model() = model.model();
    const v2::Data& data = posted.request.inputs(i).data();
    if (data.has_text()) *output->mutable_input()->mutable_data()->mutable_text() = data.text();
  }
}

HttpResponse render(const Clarifai& clarifai, Posted& posted) {
  add_context(clarifai, posted);
  HttpResponse response = json_response(posted.response);
  std::uint64_t tokens = 0;
  for (const v2::Output& output : posted.response.outputs()) tokens += output.prompt_tokens();
  response.headers.emplace_back("x-nestvec-tokens", std::to_string(tokens));
  return response;
}

ClarifaiCall call_of(const Exchange& exchange) {
  const HttpRequest& request = *exchange.request;
  return {.id = request.id,
          .sdk = std::string(request.header("x-clarifai-request-id-prefix").value_or("")),
          .caller = caller_of(exchange)};
}

void post_outputs(const Clarifai& clarifai, std::string_view path, Exchange exchange) {
  const auto posted = std::make_shared<Posted>(Posted{.exchange = std::move(exchange)});
  const auto fail = [posted](const Error& error) {
    const std::string& id = posted->exchange.request->id;
    posted->exchange.respond(refusal<v2::MultiOutputResponse>(error, id));
  };
  ClarifaiCall call;
  try {
    read_posted(path, *posted);
    call = call_of(posted->exchange);
  } catch (const Error& error) {
    return fail(error);
  }
  clarifai.predict(call, posted->request, &posted->response,
                   [&clarifai, posted, fail](const Error* error) {
                     posted->exchange.attempt([&] {
                       if (error != nullptr) return fail(*error);
                       std::optional<HttpResponse> response;
                       try {
                         response = render(clarifai, *posted);
                       } catch (...) {
                         return fail(current_error());
                       }
                       posted->exchange.respond(*std::move(response));
                     });
                   });
}

// "https://clarifai.com/USER/APP/models/MODEL[/versions/VERSION]", any host or none; a bare id; or
// nothing.
v2::GetModelVersionRequest named_model(std::string_view name) {
  v2::GetModelVersionRequest request;
  const std::size_t scheme = name.find("://");
  if (scheme != std::string_view::npos) {
    name.remove_prefix(std::min(name.find('/', scheme + 3), name.size()));
  }
  for (const char* pattern : {"/{}/{}/models/{one}", "/{}/{}/models/{}/versions/{one}"}) {
    const std::string path = name.starts_with('/') ? std::string(name) : "/" + std::string(name);
    const auto parts = match_path(pattern, path);
    if (!parts) continue;
    request.mutable_user_app_id()->set_user_id((*parts)[0]);
    request.mutable_user_app_id()->set_app_id((*parts)[1]);
    request.set_model_id((*parts)[2]);
    if (parts->size() > 3) request.set_version_id((*parts)[3]);
    return request;
  }
  request.set_model_id(std::string(name));
  return request;
}

// POST /v1/embeddings for the model that the request names by its URL.
void openai_embeddings(const Clarifai& clarifai, Exchange exchange) {
  const JsonDocument body = read_json_body(*exchange.request);
  if (const auto name = string_member(body.root(), "model")) {
    try {
      v2::SingleModelVersionResponse found;
      clarifai.answer(named_model(*name), &found);
    } catch (const Error& error) {
      throw RequestError(error.code(), error.what(), "model");
    }
  }
  answer_embeddings(std::move(exchange));
}

}  // namespace

std::vector<Route> ClarifaiRest::routes() const {
  std::vector<Route> routes;
  for (const Method& method : kMethods) {
    if (method.describe == nullptr) {
      routes.push_back({"POST", method.path,
                        [&clarifai = clarifai_, path = method.path](Exchange exchange) {
                          post_outputs(clarifai, path, std::move(exchange));
                        },
                        &errors<v2::MultiOutputResponse>()});
      continue;
    }
    routes.push_back({"GET", method.path,
                      [&clarifai = clarifai_, &method](const Exchange& exchange) {
                        const Place place = place_of(method.path, exchange.parameters);
                        exchange.respond(method.describe(clarifai, place, *exchange.request));
                      },
                      &errors<v2::SingleUserResponse>(), method.open});
  }
  routes.push_back({"POST", "/v2/ext/openai/v1/embeddings",
                    [&clarifai = clarifai_](Exchange exchange) {
                      openai_embeddings(clarifai, std::move(exchange));
                    },
                    &openai_errors()});
  return routes;
}

std::optional<HttpResponse> ClarifaiRest::answer_while_loading(const HttpRequest& request,
                                                               const KeyStore& keys) const {
  for (const Method& method : kMethods) {
    const bool is_post = method.describe == nullptr;
    if (request.method != (is_post ? "POST" : "GET")) continue;
    const auto parameters = match_path(method.path, request.path);
    if (!parameters) continue;
    try {
      if (!method.open) require_key(request, keys);
      if (is_post) throw still_loading();
      return method.describe(clarifai_, place_of(method.path, *parameters), request);
    } catch (const Error& error) {
      if (is_post) return refusal<v2::MultiOutputResponse>(error, request.id);
      return refusal<v2::SingleUserResponse>(error, request.id);
    }
  }
  return std::nullopt;
}

}  // namespace nestvec
