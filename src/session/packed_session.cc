// SPDX-License-Identifier: Apache-2.0
#include "session/packed_session.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ops/engine_context.h"
#include "ops/nodes/domain.h"
#include "session/ort_support.h"
#include "session/sparse_rows.h"

namespace nestvec {
namespace {

constexpr std::array<const char*, 4> kInputs = {"input_ids", "offsets", "task_ids", "spans"};
constexpr const char* kTokenTypes = "token_type_ids";
constexpr const char* kSparseSpans = "sparse_spans";
constexpr const char* kVectorSpans = "vector_spans";
constexpr const char* kSpanMeans = "span_means";
constexpr const char* kLogits = "logits";
constexpr const char* kTokenEmbeddings = "token_embeddings";
constexpr const char* kVocabularyWeights = "vocabulary_weights";
constexpr const char* kTokenWeights = "token_weights";
constexpr const char* kTokenVectors = "token_vectors";

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
        rows_(options.scores ? kLogits : kSpanMeans),
        side_(options.side),
        pool_(options.pool) {
    name_inputs();
    rehearse(options.graph_path);
  }

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override;
  std::size_t width() const noexcept override { return width_; }
  bool pauses() const noexcept override { return true; }

 private:
  // Inputs of one run in the graph's types, reused.
  struct Inputs {
    void set(const PackedBatch& batch);
    std::vector<std::int64_t> ids, offsets, tasks, spans, types, sparse, vectors;
  };

  // The outputs of a run: the rows, then what was wanted, by name.
  struct Outputs {
    std::vector<const char*> names;
    std::vector<Ort::Value> values;
    const Ort::Value& at(const char* name) const {
      return values[static_cast<std::size_t>(std::ranges::find(names, name) - names.begin())];
    }
  };

  // What heads stand in the graph shows in its inputs.
  void name_inputs();

  // The operators have threads of their own.
  static Ort::SessionOptions with_domain(const NodeDomain& domain) {
    Ort::SessionOptions options = session_options(1);
    options.Add(domain.get());
    return options;
  }

  // Runs two texts without arithmetic: what the graph takes and gives, and that the widths of its
  // nodes go together, shows only in a run. Sets the width.
  void rehearse(const std::string& path);
  void run_pieces(Inputs& inputs, const PackedBatch& batch, const RunOptions& options,
                  RunOutput& out);
  // Appends to `out`.
  void run_with(Inputs& inputs, const PackedBatch& batch, const RunOptions& options,
                RunOutput& out);
  Outputs run_graph(Inputs& inputs, const PackedBatch& batch, bool want_tokens);
  void take_sides(const Outputs& outputs, const PackedBatch& batch, RunOutput& out) const;
  // Rows of spans that the graph does not pool, of its token embeddings.
  void pool_tokens(const Outputs& outputs, const PackedBatch& batch, RunOutput& out) const;
  bool pools_tokens() const noexcept { return pool_ != PoolKind::kMean && rows_ == kSpanMeans; }
  Ort::Value tensor(std::vector<std::int64_t>& values, bool pairs) const;

  EngineContext context_;
  NodeDomain domain_;
  Ort::Env env_ = quiet_environment();
  Ort::Session session_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  const char* rows_;  // the output with the rows
  SideOutputs side_;
  PoolKind pool_;
  std::vector<const char*> input_names_;
  std::size_t width_ = 0;
  Inputs inputs_;
  Inputs aside_inputs_;  // of a run in a pause, of this session or another
};

void append(std::span<const float> values, std::vector<float>& out) {
  out.insert(out.end(), values.begin(), values.end());
}

// The sequences [first, end) of a batch as one of their own.
PackedBatch part_of(const PackedBatch& batch, std::size_t first, std::size_t end) {
  PackedBatch part;
  const std::uint32_t begin = batch.offsets[first];
  const std::uint32_t stop = batch.offsets[end];
  const auto slice = [](const auto& from, std::size_t from_index, std::size_t to_index) {
    return std::vector(from.begin() + static_cast<std::ptrdiff_t>(from_index),
                       from.begin() + static_cast<std::ptrdiff_t>(to_index));
  };
  part.ids = slice(batch.ids, begin, stop);
  part.tasks = slice(batch.tasks, first, end);
  if (!batch.types.empty()) part.types = slice(batch.types, begin, stop);
  for (std::size_t i = first; i <= end; ++i) part.offsets.push_back(batch.offsets[i] - begin);
  const auto take = [&](const std::vector<Span>& spans, std::vector<Span>& taken) {
    for (const Span& span : spans) {
      if (span.begin < begin || span.begin >= stop) continue;
      taken.push_back({span.begin - begin, span.end - begin, span.place});
    }
  };
  take(batch.spans, part.spans);
  take(batch.sparse_spans, part.sparse_spans);
  take(batch.vector_spans, part.vector_spans);
  return part;
}

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
  const auto assign = [](const std::vector<Span>& from, std::vector<std::int64_t>& to) {
    to.clear();
    for (const Span& span : from) to.insert(to.end(), {span.begin, span.end});
  };
  assign(batch.spans, spans);
  assign(batch.sparse_spans, sparse);
  assign(batch.vector_spans, vectors);
}

void PackedSession::name_inputs() {
  input_names_.assign(kInputs.begin(), kInputs.end());
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<std::string> found;
  for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
    found.emplace_back(session_.GetInputNameAllocated(i, allocator).get());
  }
  for (const char* name : {kTokenTypes, kSparseSpans, kVectorSpans}) {
    if (std::ranges::find(found, name) != found.end()) input_names_.push_back(name);
  }
}

Ort::Value PackedSession::tensor(std::vector<std::int64_t>& values, bool pairs) const {
  const auto count = static_cast<std::int64_t>(values.size());
  const std::array<std::int64_t, 2> shape = {pairs ? count / 2 : count, 2};
  return Ort::Value::CreateTensor(memory_, values.data(), values.size(), shape.data(),
                                  pairs ? 2 : 1);
}

PackedSession::Outputs PackedSession::run_graph(Inputs& values, const PackedBatch& batch,
                                                bool want_tokens) {
  values.set(batch);
  std::vector<Ort::Value> inputs;
  inputs.push_back(tensor(values.ids, false));
  inputs.push_back(tensor(values.offsets, false));
  inputs.push_back(tensor(values.tasks, false));
  inputs.push_back(tensor(values.spans, true));
  for (std::size_t i = kInputs.size(); i < input_names_.size(); ++i) {
    const char* const name = input_names_[i];
    if (name == kTokenTypes) {
      inputs.push_back(tensor(values.types, false));
    } else {
      inputs.push_back(tensor(name == kSparseSpans ? values.sparse : values.vectors, true));
    }
  }
  Outputs out;
  out.names.push_back(rows_);
  if (want_tokens) out.names.push_back(kTokenEmbeddings);
  if (!batch.sparse_spans.empty()) {
    out.names.push_back(side_.vocabulary > 0 ? kVocabularyWeights : kTokenWeights);
  }
  if (!batch.vector_spans.empty()) out.names.push_back(kTokenVectors);
  out.values = session_.Run(Ort::RunOptions{nullptr}, input_names_.data(), inputs.data(),
                            inputs.size(), out.names.data(), out.names.size());
  return out;
}

std::size_t tokens_of(const std::vector<Span>& spans) {
  std::size_t tokens = 0;
  for (const Span& span : spans) tokens += span.end - span.begin;
  return tokens;
}

void PackedSession::take_sides(const Outputs& outputs, const PackedBatch& batch,
                               RunOutput& out) const {
  if (!batch.sparse_spans.empty() && side_.vocabulary > 0) {
    const std::size_t texts = batch.sparse_spans.size();
    const std::span<const float> rows =
        matrix(outputs.at(kVocabularyWeights), kVocabularyWeights, texts, side_.vocabulary);
    for (std::size_t i = 0; i < texts; ++i) {
      out.sparse.push_back(vocabulary_row(rows.subspan(i * side_.vocabulary, side_.vocabulary)));
    }
  } else if (!batch.sparse_spans.empty()) {
    std::span<const float> weights =
        matrix(outputs.at(kTokenWeights), kTokenWeights, tokens_of(batch.sparse_spans), 1);
    for (const Span& span : batch.sparse_spans) {
      const std::size_t count = span.end - span.begin;
      out.sparse.push_back(token_row(std::span(batch.ids).subspan(span.begin, count),
                                     weights.first(count), side_.weightless));
      weights = weights.subspan(count);
    }
  }
  if (batch.vector_spans.empty()) return;
  const std::span<const float> vectors = matrix(outputs.at(kTokenVectors), kTokenVectors,
                                                tokens_of(batch.vector_spans), side_.token_vectors);
  out.vectors.insert(out.vectors.end(), vectors.begin(), vectors.end());
  normalise_vectors(std::span(out.vectors).last(vectors.size()), side_.token_vectors);
}

void PackedSession::pool_tokens(const Outputs& outputs, const PackedBatch& batch,
                                RunOutput& out) const {
  const std::span<const float> tokens =
      matrix(outputs.at(kTokenEmbeddings), kTokenEmbeddings, batch.tokens(), width_);
  const std::size_t first = out.rows.size();
  out.rows.resize(first + batch.spans.size() * width_);
  context_.pool.parallel_for(batch.spans.size(), [&](std::size_t i, std::size_t) {
    const Span& span = batch.spans[i];
    pool(pool_, tokens.subspan(span.begin * width_, (span.end - span.begin) * width_), span.place,
         std::span(out.rows).subspan(first + i * width_, width_));
  });
}

void PackedSession::rehearse(const std::string& path) {
  const bool scores = rows_ == kLogits;
  PackedBatch batch;
  batch.add({{0}, kNoTask, {{0, 1}}});  // four tokens, two texts, one span: none for another
  Sequence second = {{0, 0, 0}, kNoTask, {}};
  if (side_.vocabulary > 0 || side_.token_weights) second.sparse = {0, 2};
  if (side_.token_vectors > 0) second.vectors = {1, 3};
  batch.add(second);
  context_.rehearsal = true;
  const Outputs outputs = run_graph(inputs_, batch, !scores);
  context_.rehearsal = false;
  try {
    const std::vector<std::int64_t> shape =
        outputs.at(rows_).GetTensorTypeAndShapeInfo().GetShape();
    if (shape.size() == 2) width_ = static_cast<std::size_t>(shape[1]);
    matrix(outputs.at(rows_), rows_, 1, width_);
    if (!scores) matrix(outputs.at(kTokenEmbeddings), kTokenEmbeddings, batch.tokens(), width_);
    RunOutput checked;
    take_sides(outputs, batch, checked);
  } catch (const Error& error) {
    throw Error(error.code(), path + ": " + error.what());
  }
}

void PackedSession::run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) {
  options.control.check();
  out.rows.clear();
  out.tokens.clear();
  out.sparse.clear();
  out.vectors.clear();
  out.vector_width = side_.token_vectors;
  const RunInProgress run(context_);
  run_pieces(run.is_aside() ? aside_inputs_ : inputs_, batch, options, out);
}

// A batch whose rows over the vocabulary would take too much is run as several.
void PackedSession::run_pieces(Inputs& inputs, const PackedBatch& batch, const RunOptions& options,
                               RunOutput& out) {
  const std::size_t most = vocabulary_texts(side_.vocabulary);
  if (side_.vocabulary == 0 || batch.sparse_spans.size() <= most) {
    return run_with(inputs, batch, options, out);
  }
  for (std::size_t first = 0; first < batch.sequences(); first += most) {
    run_with(inputs, part_of(batch, first, std::min(first + most, batch.sequences())), options,
             out);
  }
}

void PackedSession::run_with(Inputs& inputs, const PackedBatch& batch, const RunOptions& options,
                             RunOutput& out) {
  context_.control = &options.control;
  context_.on_pause = &options.on_pause;
  context_.full_precision = options.full_precision;
  try {
    const Outputs outputs = run_graph(inputs, batch, options.want_tokens || pools_tokens());
    if (pools_tokens()) {
      pool_tokens(outputs, batch, out);
    } else {
      append(matrix(outputs.at(rows_), rows_, batch.spans.size(), width_), out.rows);
    }
    take_sides(outputs, batch, out);
    if (!options.want_tokens) return;
    append(matrix(outputs.at(kTokenEmbeddings), kTokenEmbeddings, batch.tokens(), width_),
           out.tokens);
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
