// SPDX-License-Identifier: Apache-2.0
// The services of tei.v1 over the model. EmbedSparse and the services Predict and Rerank are left to
// make_other_methods().
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "server/grpc_services.h"
#include "server/grpc_status.h"
#include "server/grpc_stream.h"
#include "server/grpc_unary.h"
#include "server/tei_messages.h"
#include "tei.grpc.pb.h"

namespace nestvec {
namespace {

namespace v1 = tei::v1;

// A token takes some sixty bytes of an answer, and a text a token for each byte at the worst.
constexpr std::size_t kMaxTokenizeBytes = std::size_t{4} << 20;
constexpr std::size_t kTokenBytes = 64;

// A callback for the model: brings the result to a request thread, for the model's own has other
// things to do, and there to `fill`, which says whether the text was truncated.
template <typename Value, typename Fill>
std::function<void(Result<Value>)> fill_with(const Service& service, GrpcDone done, Fill fill) {
  return [&service, done = std::move(done), fill = std::move(fill)](Result<Value> result) {
    auto shared = std::make_shared<Result<Value>>(std::move(result));
    service.post([done, fill, shared = std::move(shared)] {
      GrpcOutcome outcome;
      try {
        outcome.truncated = fill(shared->value());
      } catch (...) {
        outcome.error = current_error();
      }
      done(std::move(outcome));
    });
  };
}

void embed(const Service& service, const GrpcCall& call, const v1::EmbedRequest& request,
           v1::EmbedResponse* response, GrpcDone done) {
  EmbedOptions options = read_options(request, service.model.info());
  apply_call(call, service.options, options);
  const std::string_view text = request.inputs();
  service.model.predict_async(
      std::array{std::string(text)}, {}, options,
      fill_with<Embeddings>(service, std::move(done),
                            [text, response, received = call.received](const Embeddings& rows) {
                              const TeiCost cost{text, rows.tokens[0], rows.timing, received};
                              write_embedding(rows, cost, response);
                              return !rows.truncated.empty();
                            }));
}

void embed_all(const Service& service, const GrpcCall& call, const v1::EmbedAllRequest& request,
               v1::EmbedAllResponse* response, GrpcDone done) {
  EmbedOptions options = read_options(request, service.model.info());
  apply_call(call, service.options, options);
  const std::string_view text = request.inputs();
  service.model.tokenize_and_embed_async(
      text, options,
      fill_with<TokenEmbeddings>(
          service, std::move(done),
          [text, response, received = call.received](const TokenEmbeddings& tokens) {
            const TeiCost cost{text, tokens.tokens, tokens.timing, received};
            write_token_embeddings(tokens, cost, response);
            return tokens.truncated;
          }));
}

void tokenize(const Service& service, const GrpcCall&, const v1::EncodeRequest& request,
              v1::EncodeResponse* response, GrpcDone done) {
  if (request.inputs().size() > kMaxTokenizeBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                "`inputs` has " + std::to_string(request.inputs().size()) +
                    " bytes: at most " + std::to_string(kMaxTokenizeBytes) +
                    " are tokenised at once; send it in parts");
  }
  const std::string text = read_text(request, service.model.info());
  write_tokens(service.model, text, request.add_special_tokens(), response);
  done({});
}

void decode(const Service& service, const GrpcCall&, const v1::DecodeRequest& request,
            v1::DecodeResponse* response, GrpcDone done) {
  if (request.ids().empty()) {
    throw Error(ErrorCode::kInvalidArgument, "`ids` cannot be empty: expected token ids");
  }
  const std::span<const std::uint32_t> ids(request.ids().data(),
                                          static_cast<std::size_t>(request.ids().size()));
  response->set_text(service.model.decode(ids, request.skip_special_tokens()));
  done({});
}

void describe(const Service& service, const GrpcCall&, const v1::InfoRequest&,
              v1::InfoResponse* response, GrpcDone done) {
  const ModelInfo& model = service.model.info();
  const auto count = [](std::size_t number) { return static_cast<std::uint32_t>(number); };
  response->set_version(service.version);
  response->set_model_id(model.id);
  response->set_model_dtype(model.precision);
  response->set_model_type(v1::MODEL_TYPE_EMBEDDING);
  response->set_max_concurrent_requests(count(service.options.max_connections));
  response->set_max_input_length(count(model.max_tokens));
  response->set_max_batch_tokens(count(model.max_tokens));
  response->set_max_client_batch_size(count(service.options.max_inputs));
  response->set_tokenization_workers(std::max(1U, std::thread::hardware_concurrency()));
  done({});
}

// A method with its stream, for one kind of message. `cost` is what a message and its answer take in
// memory, at most.
template <typename Request, typename Response>
class Methods {
 public:
  using Answer = void (*)(const Service&, const GrpcCall&, const Request&, Response*, GrpcDone);
  using Cost = std::size_t (*)(const ModelInfo&, const Request&);

  Methods(const GrpcContext& context, Answer answer, Cost cost = nullptr)
      : context_(context),
        method_([&service = context.service, answer](const GrpcCall& call, const Request& request,
                                                     Response* response, GrpcDone done) {
          answer(service, call, request, response, std::move(done));
        }),
        cost_([&model = context.service.model, cost](const Request& request) {
          return cost(model.info(), request);
        }) {}

  grpc::ServerUnaryReactor* unary(grpc::CallbackServerContext* call, const Request* request,
                                  Response* response) const {
    auto* reactor = new GrpcUnary<Request, Response>(call, tei_status, method_);
    reactor->start(context_.service, context_.keys, request, response);
    return reactor;
  }

  // Only where a cost was given.
  grpc::ServerBidiReactor<Request, Response>* stream(grpc::CallbackServerContext* call) const {
    auto* reactor =
        new GrpcStream<Request, Response>(context_.service, tei_status, method_, cost_);
    reactor->start(*call, context_.keys, context_.drain);
    return reactor;
  }

 private:
  GrpcContext context_;
  GrpcMethod<Request, Response> method_;
  typename GrpcStream<Request, Response>::Cost cost_;
};

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

class InfoService final : public v1::Info::CallbackService {
 public:
  explicit InfoService(const GrpcContext& context) : info_(context, describe) {}

  grpc::ServerUnaryReactor* Info(grpc::CallbackServerContext* call, const v1::InfoRequest* request,
                                 v1::InfoResponse* response) override {
    return info_.unary(call, request, response);
  }

 private:
  Methods<v1::InfoRequest, v1::InfoResponse> info_;
};

// The methods that a model of dense vectors has; the others stay generic.
using DenseEmbed = v1::Embed::WithCallbackMethod_Embed<
    v1::Embed::WithCallbackMethod_EmbedStream<v1::Embed::WithCallbackMethod_EmbedAll<
        v1::Embed::WithCallbackMethod_EmbedAllStream<v1::Embed::WithGenericMethod_EmbedSparse<
            v1::Embed::WithGenericMethod_EmbedSparseStream<v1::Embed::Service>>>>>>;

class EmbedService final : public DenseEmbed {
 public:
  explicit EmbedService(const GrpcContext& context)
      : embed_(context, embed, cost_of), embed_all_(context, embed_all, cost_of) {}

  grpc::ServerUnaryReactor* Embed(grpc::CallbackServerContext* call,
                                  const v1::EmbedRequest* request,
                                  v1::EmbedResponse* response) override {
    return embed_.unary(call, request, response);
  }
  grpc::ServerBidiReactor<v1::EmbedRequest, v1::EmbedResponse>* EmbedStream(
      grpc::CallbackServerContext* call) override {
    return embed_.stream(call);
  }
  grpc::ServerUnaryReactor* EmbedAll(grpc::CallbackServerContext* call,
                                     const v1::EmbedAllRequest* request,
                                     v1::EmbedAllResponse* response) override {
    return embed_all_.unary(call, request, response);
  }
  grpc::ServerBidiReactor<v1::EmbedAllRequest, v1::EmbedAllResponse>* EmbedAllStream(
      grpc::CallbackServerContext* call) override {
    return embed_all_.stream(call);
  }

 private:
  Methods<v1::EmbedRequest, v1::EmbedResponse> embed_;
  Methods<v1::EmbedAllRequest, v1::EmbedAllResponse> embed_all_;
};

class TokenizeService final : public v1::Tokenize::CallbackService {
 public:
  explicit TokenizeService(const GrpcContext& context)
      : tokenize_(context, tokenize, cost_of), decode_(context, decode, cost_of) {}

  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* call,
                                     const v1::EncodeRequest* request,
                                     v1::EncodeResponse* response) override {
    return tokenize_.unary(call, request, response);
  }
  grpc::ServerBidiReactor<v1::EncodeRequest, v1::EncodeResponse>* TokenizeStream(
      grpc::CallbackServerContext* call) override {
    return tokenize_.stream(call);
  }
  grpc::ServerUnaryReactor* Decode(grpc::CallbackServerContext* call,
                                   const v1::DecodeRequest* request,
                                   v1::DecodeResponse* response) override {
    return decode_.unary(call, request, response);
  }
  grpc::ServerBidiReactor<v1::DecodeRequest, v1::DecodeResponse>* DecodeStream(
      grpc::CallbackServerContext* call) override {
    return decode_.stream(call);
  }

 private:
  Methods<v1::EncodeRequest, v1::EncodeResponse> tokenize_;
  Methods<v1::DecodeRequest, v1::DecodeResponse> decode_;
};

}  // namespace

GrpcServices make_tei_services(const GrpcContext& context) {
  GrpcServices services;
  services.push_back(std::make_unique<InfoService>(context));
  services.push_back(std::make_unique<EmbedService>(context));
  services.push_back(std::make_unique<TokenizeService>(context));
  return services;
}

}  // namespace nestvec
