// SPDX-License-Identifier: Apache-2.0
// The services of tei.v1 over the model. EmbedSparse and the services Predict and Rerank are not
// offered.
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/seconds.h"
#include "dialects/tei/te_metrics.h"
#include "dialects/tei/tei_messages.h"
#include "dialects/tei/tei_render.h"
#include "dialects/tei/tei_request.h"
#include "dialects/tei/tei_style.h"
#include "grpc/grpc_route.h"
#include "service/model_call.h"
#include "tei.pb.h"

namespace nestvec {
namespace {

namespace v1 = tei::v1;

// A token takes some sixty bytes of an answer, and a text a token for each byte at the worst.
constexpr std::size_t kMaxTokenizeBytes = std::size_t{4} << 20;
constexpr std::size_t kTokenBytes = 64;

// What the answers need; one for all calls.
struct Backend {
  explicit Backend(const GrpcContext& of) : context(of) {}
  // Neither before the model is loaded.
  const Service& service() const { return context.service.get()->get(); }
  const TeMetrics& metrics() const {
    std::call_once(counting_, [this] {
      metrics_.emplace(context.metrics, service().model.info().max_tokens);
    });
    return *metrics_;
  }

  const GrpcContext& context;

 private:
  mutable std::once_flag counting_;
  mutable std::optional<TeMetrics> metrics_;
};
using SharedBackend = std::shared_ptr<const Backend>;

template <typename Request>
EmbedCall read_call(const Backend& backend, const Request& request) {
  EmbedCall read;
  read.options = read_options(request, backend.service().model.info());
  read.texts = {request.inputs()};
  return read;
}

// `done` that also counts failures.
GrpcDone counted(const Backend& backend, GrpcDone done) {
  backend.metrics().count_request(false);
  backend.metrics().count_inputs(1);
  return [&backend, done = std::move(done)](const GrpcOutcome& outcome) {
    try {
      if (outcome.error) backend.metrics().count_failure(*outcome.error);
    } catch (...) {
      // Without memory it is not counted, but it is told.
    }
    done(outcome);
  };
}

// Asks the model for one text, whose answer `fill` writes, and counts what it took.
template <typename Fill>
void run(const Backend& backend, const GrpcCall& grpc_call, EmbedCall call, Fill fill,
         GrpcDone done) {
  const auto outcome = std::make_shared<GrpcOutcome>();
  const std::size_t characters = count_characters(call.texts);
  std::vector<EmbedCall> calls;
  calls.push_back(std::move(call));
  ModelCall::start(
      backend.service(), grpc_call, std::move(calls),
      [&backend, outcome, characters, fill, received = grpc_call.received](
          std::span<const CallRows> rows, Pace&) {
        const Embeddings& took = rows.front().rows;
        const TeCost cost{.inputs = 1,
                          .characters = characters,
                          .tokens = took.tokens,
                          .timing = took.timing,
                          .total = seconds_since(received)};
        fill(rows.front(), cost);
        backend.metrics().count_success(cost);
        outcome->truncated = !took.truncated.empty();
        outcome->tokens = took.tokens.front();
      },
      [outcome, done = std::move(done)](const Error* error) {
        if (error != nullptr) outcome->error = copy_of(*error);
        done(*outcome);
      });
}

void embed(const Backend& backend, const GrpcCall& grpc_call, const v1::EmbedRequest& request,
           v1::EmbedResponse* response, GrpcDone done) {
  const auto fill = [response](const CallRows& rows, const TeCost& cost) {
    write_embedding(rows.rows, cost, response);
  };
  run(backend, grpc_call, read_call(backend, request), fill, std::move(done));
}

void embed_all(const Backend& backend, const GrpcCall& grpc_call,
               const v1::EmbedAllRequest& request, v1::EmbedAllResponse* response, GrpcDone done) {
  EmbedCall call = read_call(backend, request);
  call.token_vectors = true;
  const auto fill = [response](const CallRows& rows, const TeCost& cost) {
    write_token_embeddings(rows.tokens.front(), cost, response);
  };
  run(backend, grpc_call, std::move(call), fill, std::move(done));
}

// NOLINTBEGIN(performance-unnecessary-value-param): the type of a handler
void tokenize(const Backend& backend, const GrpcCall&, const v1::EncodeRequest& request,
              v1::EncodeResponse* response, GrpcDone done) {
  if (request.inputs().size() > kMaxTokenizeBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                "`inputs` has " + std::to_string(request.inputs().size()) + " bytes: at most " +
                    std::to_string(kMaxTokenizeBytes) + " are tokenised at once; send it in parts");
  }
  const std::string text = read_text(request, backend.service().model.info());
  write_tokens(backend.service().model, text, request.add_special_tokens(), response);
  done({});
}

void decode(const Backend& backend, const GrpcCall&, const v1::DecodeRequest& request,
            v1::DecodeResponse* response, GrpcDone done) {
  if (request.ids().empty()) {
    throw Error(ErrorCode::kInvalidArgument, "`ids` cannot be empty: expected token ids");
  }
  const std::span<const std::uint32_t> ids(request.ids().data(),
                                           static_cast<std::size_t>(request.ids().size()));
  response->set_text(backend.service().model.decode(ids, request.skip_special_tokens()));
  done({});
}

void describe(const Backend& backend, const GrpcCall&, const v1::InfoRequest&,
              v1::InfoResponse* response, GrpcDone done) {
  const Service& service = backend.service();
  const ModelInfo& model = service.model.info();
  const auto count = [](std::size_t number) { return static_cast<std::uint32_t>(number); };
  response->set_version(service.version);
  response->set_model_id(model.id);
  response->set_model_dtype(std::string(tei_dtype(model.precision)));
  response->set_model_type(v1::MODEL_TYPE_EMBEDDING);
  response->set_max_concurrent_requests(count(service.options.max_connections));
  response->set_max_input_length(count(model.max_tokens));
  response->set_max_batch_tokens(count(model.max_batch_tokens));
  response->set_max_client_batch_size(count(service.options.max_inputs));
  response->set_tokenization_workers(count(model.threads));
  done({});
}
// NOLINTEND(performance-unnecessary-value-param)

std::size_t cost_of(const ModelInfo& model, const v1::EmbedRequest& request) {
  return request.inputs().size() + model.dimensions * sizeof(float);
}
std::size_t cost_of(const ModelInfo& model, const v1::EmbedAllRequest& request) {
  const std::size_t bytes = request.inputs().size();
  return bytes + std::min(bytes, model.max_tokens) * model.dimensions * sizeof(float);
}
std::size_t cost_of(const ModelInfo&, const v1::EncodeRequest& request) {
  return request.inputs().size() * kTokenBytes;
}
std::size_t cost_of(const ModelInfo&, const v1::DecodeRequest& request) {
  constexpr std::size_t kIdBytes = 16;  // a number, and the text that it stands for
  return static_cast<std::size_t>(request.ids().size()) * kIdBytes;
}

// A method of tei.v1 for one kind of message. Its stream, where it has one, has its path and
// "Stream".
template <typename Request, typename Response>
struct TeiMethod {
  using Answer = void (*)(const Backend&, const GrpcCall&, const Request&, Response*, GrpcDone);
  using Cost = std::size_t (*)(const ModelInfo&, const Request&);
  using Wrap = GrpcDone (*)(const Backend&, GrpcDone);

  std::string path;
  Answer answer = nullptr;
  Cost cost = nullptr;  // what a message of the stream and its answer take in memory, at most
  Wrap wrap = nullptr;  // may put something around every `done`
};

template <typename Request, typename Response>
GrpcMethod<Request, Response> make_method(const SharedBackend& backend,
                                          const TeiMethod<Request, Response>& method) {
  return [backend, method](const GrpcCall& call, const Request& request, Response* response,
                           GrpcDone done) {
    if (method.wrap != nullptr) done = method.wrap(*backend, std::move(done));
    try {
      method.answer(*backend, call, request, response, done);
    } catch (...) {
      done({.error = current_error(), .truncated = false});
    }
  };
}

template <typename Request, typename Response>
void add_method(const SharedBackend& backend, const TeiMethod<Request, Response>& method,
                GrpcRoutes& routes) {
  routes.push_back(grpc_route<Request, Response>(method.path, make_method(backend, method)));
  if (method.cost != nullptr) {
    routes.push_back(grpc_stream_route<Request, Response>(
        method.path + "Stream", make_method(backend, method),
        [backend, cost = method.cost](const Request& request) {
          return cost(backend->service().model.info(), request);
        }));
  }
}

}  // namespace

GrpcRoutes make_tei_routes(GrpcContext& context) {
  const auto backend = std::make_shared<const Backend>(context);
  GrpcRoutes routes;
  add_method<v1::InfoRequest, v1::InfoResponse>(
      backend, {.path = "/tei.v1.Info/Info", .answer = describe}, routes);
  add_method<v1::EmbedRequest, v1::EmbedResponse>(
      backend, {"/tei.v1.Embed/Embed", embed, cost_of, counted}, routes);
  add_method<v1::EmbedAllRequest, v1::EmbedAllResponse>(
      backend, {"/tei.v1.Embed/EmbedAll", embed_all, cost_of, counted}, routes);
  add_method<v1::EncodeRequest, v1::EncodeResponse>(
      backend, {"/tei.v1.Tokenize/Tokenize", tokenize, cost_of, nullptr}, routes);
  add_method<v1::DecodeRequest, v1::DecodeResponse>(
      backend, {"/tei.v1.Tokenize/Decode", decode, cost_of, nullptr}, routes);
  for (GrpcRoute& route : routes) {
    route.refuse = refuse_as_tei;
    route.to_status = tei_status;
  }
  return routes;
}

}  // namespace nestvec
