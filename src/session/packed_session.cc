// SPDX-License-Identifier: Apache-2.0
#include "session/packed_session.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "ops/engine_context.h"
#include "ops/nodes/domain.h"
#include "session/ort_support.h"

namespace nestvec {
namespace {

constexpr const char* kTokenTypes = "token_type_ids";
constexpr std::array<const char*, 5> kInputs = {"input_ids", "offsets", "task_ids", "spans",
                                                kTokenTypes};
constexpr const char* kSpanMeans = "span_means";
constexpr const char* kLogits = "logits";
constexpr const char* kTokenEmbeddings = "token_embeddings";

bool is_float(const Ort::Value& tensor) {
  return tensor.GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}

// An output that must be float32 [rows, width], whatever the graph says of it.
std::span<const float> matrix(const Ort::Value& value, const char* name, std::size_t rows,
                              std::size_t width) {
  const std::vector<std::int64_t> expected = {static_cast<std::int64_t>(rows),
                                              static_cast<std::int64_t>(width)};
  if (!value.IsTensor() || width == 0 || !is_float(value) ||
      value.GetTensorTypeAndShapeInfo().GetShape() != expected) {
    throw Error(ErrorCode::kDataLoss, std::string("the graph's output ") + name +
                                          " is not float32 [" + std::to_string(rows) + ", " +
                                          std::to_string(width) + "]");
  }
  return {value.GetTensorData<float>(), rows * width};
}

class PackedSession final : public Session {
 public:
  explicit PackedSession(const PackedSessionOptions& options)
      : context_(options.compute ? options.compute : std::make_shared<Compute>(options.threads),
                 options.isa),
        domain_(context_),
        session_(env_, options.graph_path.c_str(), with_domain(domain_)),
        outputs_({options.scores ? kLogits : kSpanMeans, kTokenEmbeddings}) {
    takes_types_ = session_.GetInputCount() == kInputs.size();
    rehearse(options.graph_path);
  }

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override;
  std::size_t width() const noexcept override { return width_; }
  bool pauses() const noexcept override { return true; }

 private:
  // Inputs of one run in the graph's types, reused.
  struct Inputs {
    void set(const PackedBatch& batch);
    std::vector<std::int64_t> ids, offsets, tasks, spans, types;
  };

  // The operators have threads of their own.
  static Ort::SessionOptions with_domain(const NodeDomain& domain) {
    Ort::SessionOptions options = session_options(1);
    options.Add(domain.get());
    return options;
  }

  // Runs two texts without arithmetic: what the graph takes and gives, and that the widths of its
  // nodes go together, shows only in a run. Sets the width.
  void rehearse(const std::string& path);
  void run_with(Inputs& inputs, const PackedBatch& batch, const RunOptions& options,
                RunOutput& out);
  std::vector<Ort::Value> run_graph(Inputs& inputs, const PackedBatch& batch, bool want_tokens);
  Ort::Value tensor(std::vector<std::int64_t>& values, bool pairs) const;

  EngineContext context_;
  NodeDomain domain_;
  Ort::Env env_ = quiet_environment();
  Ort::Session session_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  std::array<const char*, 2> outputs_;  // the rows, and the tokens
  bool takes_types_ = false;
  std::size_t width_ = 0;
  Inputs inputs_;
  Inputs aside_inputs_;  // of a run in a pause, of this session or another
};

// For as long as it lives, a run of the session: with the state of its depth, while the pool's
// threads wait for it awake.
class RunInProgress {
 public:
  explicit RunInProgress(EngineContext& context)
      : context_(context),
        compute_(*context.compute),
        state_(compute_.states.at(compute_.depth++)),
        hot_(compute_.pool) {
    std::swap<RunState>(context_, state_);
  }
  RunInProgress(const RunInProgress&) = delete;
  RunInProgress& operator=(const RunInProgress&) = delete;
  ~RunInProgress() {
    std::swap<RunState>(context_, state_);
    --compute_.depth;
  }

  bool is_aside() const noexcept { return &state_ != compute_.states.data(); }

 private:
  EngineContext& context_;
  Compute& compute_;
  RunState& state_;
  const ThreadPool::Hot hot_;
};

void PackedSession::Inputs::set(const PackedBatch& batch) {
  ids.assign(batch.ids.begin(), batch.ids.end());
  offsets.assign(batch.offsets.begin(), batch.offsets.end());
  tasks.assign(batch.tasks.begin(), batch.tasks.end());
  types.assign(batch.types.begin(), batch.types.end());
  spans.clear();
  for (const Span& span : batch.spans) spans.insert(spans.end(), {span.begin, span.end});
}

Ort::Value PackedSession::tensor(std::vector<std::int64_t>& values, bool pairs) const {
  const auto count = static_cast<std::int64_t>(values.size());
  const std::array<std::int64_t, 2> shape = {pairs ? count / 2 : count, 2};
  return Ort::Value::CreateTensor(memory_, values.data(), values.size(), shape.data(),
                                  pairs ? 2 : 1);
}

std::vector<Ort::Value> PackedSession::run_graph(Inputs& values, const PackedBatch& batch,
                                                 bool want_tokens) {
  values.set(batch);
  const std::array<Ort::Value, 5> inputs = {
      tensor(values.ids, false), tensor(values.offsets, false), tensor(values.tasks, false),
      tensor(values.spans, true), tensor(values.types, false)};
  return session_.Run(Ort::RunOptions{nullptr}, kInputs.data(), inputs.data(),
                      inputs.size() - (takes_types_ ? 0 : 1), outputs_.data(), want_tokens ? 2 : 1);
}

void PackedSession::rehearse(const std::string& path) {
  PackedBatch batch;
  batch.add({{0}, kNoTask, {{0, 1}}});  // four tokens, two texts, one span: none for another
  batch.add({{0, 0, 0}, kNoTask, {}});
  context_.rehearsal = true;
  const bool scores = outputs_[0] == kLogits;
  const std::vector<Ort::Value> outputs = run_graph(inputs_, batch, !scores);
  context_.rehearsal = false;
  try {
    const std::vector<std::int64_t> shape = outputs[0].GetTensorTypeAndShapeInfo().GetShape();
    if (shape.size() == 2) width_ = static_cast<std::size_t>(shape[1]);
    matrix(outputs[0], outputs_[0], 1, width_);
    if (!scores) matrix(outputs[1], kTokenEmbeddings, batch.tokens(), width_);
  } catch (const Error& error) {
    throw Error(error.code(), path + ": " + error.what());
  }
}

void PackedSession::run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) {
  options.control.check();
  const RunInProgress run(context_);
  run_with(run.is_aside() ? aside_inputs_ : inputs_, batch, options, out);
}

void PackedSession::run_with(Inputs& inputs, const PackedBatch& batch, const RunOptions& options,
                             RunOutput& out) {
  context_.control = &options.control;
  context_.on_pause = &options.on_pause;
  context_.full_precision = options.full_precision;
  try {
    const std::vector<Ort::Value> outputs = run_graph(inputs, batch, options.want_tokens);
    const std::span<const float> rows = matrix(outputs[0], outputs_[0], batch.spans.size(), width_);
    out.rows.assign(rows.begin(), rows.end());
    out.tokens.clear();
    if (!options.want_tokens) return;
    const std::span<const float> tokens =
        matrix(outputs[1], kTokenEmbeddings, batch.tokens(), width_);
    out.tokens.assign(tokens.begin(), tokens.end());
  } catch (const Ort::Exception& error) {
    options.control.check();
    const OrtErrorCode failure = error.GetOrtErrorCode();
    const ErrorCode code = failure == ORT_INVALID_ARGUMENT ? ErrorCode::kInvalidArgument
                           : failure == ORT_INVALID_GRAPH  ? ErrorCode::kDataLoss
                                                           : ErrorCode::kInternal;
    throw Error(code, "ONNX Runtime failed: " + first_line(error.what()));
  }
}

}  // namespace

std::unique_ptr<Session> open_packed_session(const PackedSessionOptions& options) {
  return load_graph(options.graph_path, [&] { return std::make_unique<PackedSession>(options); });
}

}  // namespace nestvec
