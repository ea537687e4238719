// SPDX-License-Identifier: Apache-2.0
#include "session/packed_session.h"

#include <algorithm>
#include <array>

#include "ops/nodes/domain.h"
#include "session/ort_support.h"

namespace nestvec {
namespace {

constexpr std::array<const char*, 4> kInputs = {"input_ids", "offsets", "task_ids", "spans"};
constexpr const char* kSpanMeans = "span_means";
constexpr const char* kTokenEmbeddings = "token_embeddings";

class PackedSession final : public Session {
 public:
  explicit PackedSession(const PackedSessionOptions& options)
      : context_(options.threads, options.isa),
        domain_(context_),
        session_(env_, options.graph_path.c_str(), with_domain(domain_)) {
    const auto info = session_.GetOutputTypeInfo(0);
    width_ = static_cast<std::size_t>(info.GetTensorTypeAndShapeInfo().GetShape().at(1));
  }

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override;
  std::size_t width() const noexcept override { return width_; }

 private:
  // The operators have threads of their own.
  static Ort::SessionOptions with_domain(const NodeDomain& domain) {
    Ort::SessionOptions options = session_options(1);
    options.Add(domain.get());
    return options;
  }

  // Copies the batch into the inputs' type.
  void set_inputs(const PackedBatch& batch);
  Ort::Value tensor(std::vector<std::int64_t>& values, bool pairs) const;

  EngineContext context_;
  NodeDomain domain_;
  Ort::Env env_ = quiet_environment();
  Ort::Session session_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  std::size_t width_ = 0;

  // Inputs of one run, reused.
  std::vector<std::int64_t> ids_, offsets_, tasks_, spans_;
};

void PackedSession::set_inputs(const PackedBatch& batch) {
  ids_.assign(batch.ids.begin(), batch.ids.end());
  offsets_.assign(batch.offsets.begin(), batch.offsets.end());
  tasks_.assign(batch.tasks.begin(), batch.tasks.end());
  spans_.clear();
  for (const Span& span : batch.spans) spans_.insert(spans_.end(), {span.begin, span.end});
}

Ort::Value PackedSession::tensor(std::vector<std::int64_t>& values, bool pairs) const {
  const auto count = static_cast<std::int64_t>(values.size());
  const std::array<std::int64_t, 2> shape = {pairs ? count / 2 : count, 2};
  return Ort::Value::CreateTensor(memory_, values.data(), values.size(), shape.data(),
                                  pairs ? 2 : 1);
}

void PackedSession::run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) {
  options.control.check();
  set_inputs(batch);
  context_.control = &options.control;
  context_.full_precision = options.full_precision;
  std::array<Ort::Value, 4> inputs = {tensor(ids_, false), tensor(offsets_, false),
                                      tensor(tasks_, false), tensor(spans_, true)};
  const std::array<const char*, 2> names = {kSpanMeans, kTokenEmbeddings};
  const ThreadPool::Hot hot(context_.pool);
  try {
    const std::vector<Ort::Value> outputs =
        session_.Run(Ort::RunOptions{nullptr}, kInputs.data(), inputs.data(), inputs.size(),
                     names.data(), options.want_tokens ? 2 : 1);
    const float* rows = outputs[0].GetTensorData<float>();
    out.rows.assign(rows, rows + batch.spans.size() * width_);
    out.tokens.clear();
    if (!options.want_tokens) return;
    const float* tokens = outputs[1].GetTensorData<float>();
    out.tokens.assign(tokens, tokens + batch.tokens() * width_);
  } catch (const Ort::Exception& error) {
    options.control.check();
    const bool argument = error.GetOrtErrorCode() == ORT_INVALID_ARGUMENT;
    throw Error(argument ? ErrorCode::kInvalidArgument : ErrorCode::kInternal,
                "ONNX Runtime failed: " + first_line(error.what()));
  }
}

}  // namespace

std::unique_ptr<Session> open_packed_session(const PackedSessionOptions& options) {
  return load_graph(options.graph_path, [&] { return std::make_unique<PackedSession>(options); });
}

}  // namespace nestvec
