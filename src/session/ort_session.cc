// SPDX-License-Identifier: Apache-2.0
#include "session/ort_session.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <numeric>
#include <optional>
#include <span>

#include "base/lfs_pointer.h"
#include "base/mapped_file.h"
#include "nestvec/error.h"
#include "ops/pool.h"
#include "session/graph_output.h"
#include "session/ort_support.h"
#include "session/run_plan.h"
#include "session/sparse_rows.h"

namespace nestvec {
namespace {

GraphValue describe_value(std::string name, const Ort::TypeInfo& info) {
  GraphValue value;
  value.name = std::move(name);
  if (info.GetONNXType() != ONNX_TYPE_TENSOR) {
    value.type = "no tensor";
    return value;
  }
  const auto tensor = info.GetTensorTypeAndShapeInfo();
  value.type = type_name(tensor.GetElementType());
  value.shape = tensor.GetShape();
  std::vector<const char*> symbols(value.shape.size(), nullptr);
  tensor.GetSymbolicDimensions(symbols.data(), symbols.size());
  for (const char* symbol : symbols) value.symbols.emplace_back(symbol == nullptr ? "" : symbol);
  return value;
}

// The inputs of one run in the graph's types; they view what was bound.
struct BoundInputs {
  std::vector<const char*> names;
  std::vector<Ort::Value> values;
  std::deque<std::vector<std::int32_t>> narrow;
};

class OrtSession final : public Session {
 public:
  explicit OrtSession(const OrtSessionOptions& options)
      : session_(env_, options.graph_path.c_str(), session_options(options.threads)),
        options_(options) {
    Ort::AllocatorWithDefaultOptions allocator;
    std::vector<GraphValue> inputs;
    for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
      inputs.push_back(describe_value(session_.GetInputNameAllocated(i, allocator).get(),
                                      session_.GetInputTypeInfo(i)));
    }
    std::vector<GraphValue> outputs;
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
      outputs.push_back(describe_value(session_.GetOutputNameAllocated(i, allocator).get(),
                                       session_.GetOutputTypeInfo(i)));
    }
    io_ = options.scores ? read_classifier_io(inputs, outputs, options.graph_path)
                         : read_graph_io(inputs, outputs, options.graph_path);
    rules_ = {.can_pad = !io_.attention_mask.empty(),
              .one_task_a_run = io_.task_input == TaskInput::kScalarPerRun ||
                                io_.task_input == TaskInput::kVectorPerRun,
              // Scores of all tokens of a run are made at once.
              .max_rows = options.side.vocabulary > 0 ? 1 : io_.rows,
              .length = static_cast<std::uint32_t>(io_.length)};
    name_outputs();
    try_out();
    check_width();
  }

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override;
  std::size_t width() const noexcept override { return io_.width; }
  bool pooled() const noexcept override { return io_.pooled; }
  std::size_t longest() const noexcept override { return io_.length; }

 private:
  // The rows' output, then those of the heads.
  std::vector<GraphOutput> run_graph(const PackedBatch& batch, const GraphRun& run);
  void name_outputs();
  void check_sides(const std::vector<Ort::Value>& outputs, std::size_t rows,
                   std::size_t length) const;
  void copy_sides(const PackedBatch& batch, const GraphRun& run,
                  const std::vector<GraphOutput>& outputs, RunOutput& out) const;
  void bind(const std::string& name, std::vector<std::int64_t>& data,
            std::span<const std::int64_t> shape, BoundInputs& in) const;
  void bind_tokens(const PackedBatch& batch, const GraphRun& run, std::size_t rows,
                   BoundInputs& in);
  void bind_task(const PackedBatch& batch, const GraphRun& run, std::size_t rows, BoundInputs& in);
  void copy_sequence(const PackedBatch& batch, std::uint32_t index, const float* hidden,
                     const RunOptions& options, RunOutput& out) const;
  void try_out();
  void check_width() const;

  Ort::Env env_ = quiet_environment();
  Ort::Session session_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
  OrtSessionOptions options_;
  GraphIo io_;
  RunRules rules_;

  // Inputs of one run, reused.
  std::vector<std::int64_t> ids_, mask_, types_, positions_, tasks_;
  std::vector<std::vector<std::size_t>> spans_;  // of each sequence of the batch
  std::vector<const char*> outputs_;
};

void OrtSession::bind(const std::string& name, std::vector<std::int64_t>& data,
                      std::span<const std::int64_t> shape, BoundInputs& in) const {
  in.names.push_back(name.c_str());
  if (!io_.is_narrow(name)) {
    in.values.push_back(
        Ort::Value::CreateTensor(memory_, data.data(), data.size(), shape.data(), shape.size()));
    return;
  }
  std::vector<std::int32_t>& narrow = in.narrow.emplace_back(data.size());
  std::transform(data.begin(), data.end(), narrow.begin(),
                 [](std::int64_t value) { return static_cast<std::int32_t>(value); });
  in.values.push_back(
      Ort::Value::CreateTensor(memory_, narrow.data(), narrow.size(), shape.data(), shape.size()));
}

// Where the graph wants more rows than there are sequences, the first one stands in the others.
void OrtSession::bind_task(const PackedBatch& batch, const GraphRun& run, std::size_t rows,
                           BoundInputs& in) {
  if (io_.task_input == TaskInput::kNone) return;
  tasks_.clear();
  if (io_.task_input == TaskInput::kPerSequence) {
    for (const std::uint32_t i : run.sequences) tasks_.push_back(batch.tasks[i]);
    tasks_.resize(rows, tasks_.front());
  } else {
    if (run.task == kNoTask) {
      throw Error(
          ErrorCode::kInvalidArgument,
          "task \"none\" is not in this graph: a published export always applies one of its "
          "adapters; choose a task, or load the model's safetensors");
    }
    tasks_.push_back(run.task);
  }
  const std::array<std::int64_t, 1> shape = {static_cast<std::int64_t>(tasks_.size())};
  const std::size_t rank = io_.task_input == TaskInput::kScalarPerRun ? 0 : 1;
  bind(io_.task, tasks_, {shape.data(), rank}, in);
}

void OrtSession::bind_tokens(const PackedBatch& batch, const GraphRun& run, std::size_t rows,
                             BoundInputs& in) {
  const std::size_t cells = rows * run.length;
  ids_.assign(cells, options_.pad_id);
  mask_.assign(cells, 0);
  types_.assign(cells, 0);
  positions_.resize(cells);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint32_t index = run.sequences[r < run.sequences.size() ? r : 0];
    const std::uint32_t begin = batch.offsets[index];
    const std::size_t count = batch.offsets[index + 1] - begin;
    const std::size_t first = r * run.length;
    for (std::size_t i = 0; i < count; ++i) {
      ids_[first + i] = batch.ids[begin + i];
      mask_[first + i] = 1;
      types_[first + i] =
          batch.types.empty() ? options_.token_types.at(i, count) : batch.types[begin + i];
    }
    const auto row = positions_.begin() + static_cast<std::ptrdiff_t>(first);
    std::iota(row, row + run.length, static_cast<std::int64_t>(options_.first_position));
  }
  const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(rows),
                                             static_cast<std::int64_t>(run.length)};
  bind(io_.ids, ids_, shape, in);
  if (!io_.attention_mask.empty()) bind(io_.attention_mask, mask_, shape, in);
  if (!io_.token_type_ids.empty()) bind(io_.token_type_ids, types_, shape, in);
  if (!io_.position_ids.empty()) bind(io_.position_ids, positions_, shape, in);
}

void OrtSession::name_outputs() {
  outputs_ = {io_.output.c_str()};
  if (options_.side.vocabulary > 0) outputs_.push_back("vocabulary_weights");
  if (options_.side.token_weights) outputs_.push_back("token_weights");
  if (options_.side.token_vectors > 0) outputs_.push_back("token_vectors");
}

void OrtSession::check_sides(const std::vector<Ort::Value>& outputs, std::size_t rows,
                             std::size_t length) const {
  const SideOutputs& side = options_.side;
  std::size_t next = 1;
  const auto check = [&](std::size_t width, bool pooled) {
    if (width > 0)
      check_output(outputs[next++], {rows, length, width, pooled}, options_.graph_path);
  };
  check(side.vocabulary, true);
  check(side.token_weights ? 1 : 0, false);
  check(side.token_vectors, false);
}

std::vector<GraphOutput> OrtSession::run_graph(const PackedBatch& batch, const GraphRun& run) {
  const std::size_t rows = io_.rows > 0 ? io_.rows : run.sequences.size();
  BoundInputs in;
  bind_tokens(batch, run, rows, in);
  bind_task(batch, run, rows, in);
  std::vector<Ort::Value> outputs =
      session_.Run(run_options_, in.names.data(), in.values.data(), in.values.size(),
                   outputs_.data(), outputs_.size());
  io_.width =
      check_output(outputs.front(), {rows, run.length, io_.width, io_.pooled}, options_.graph_path);
  check_sides(outputs, rows, run.length);
  std::vector<GraphOutput> all;
  for (Ort::Value& output : outputs) all.emplace_back(std::move(output));
  return all;
}

// Finds the width where it is not declared, and whether sequences run together.
void OrtSession::try_out() {
  PackedBatch batch;
  for (int i = 0; i < 2; ++i) batch.add({{0, 0, 0}, 0, {}});
  const std::uint32_t length = rules_.length > 0 ? rules_.length : 3;
  const bool together = io_.rows != 1;
  try {
    if (together) {
      run_graph(batch, {{0, 1}, length, 0});
      return;
    }
  } catch (const Ort::Exception&) {
    if (io_.rows != 0) throw;
  }
  try {
    run_graph(batch, {{0}, length, 0});
    rules_.max_rows = 1;
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kInvalidArgument,
                options_.graph_path + ": does not run a text of 3 tokens (ONNX Runtime says: " +
                    first_line(error.what()) +
                    "); export the model with dynamic axes for the batch and the tokens");
  }
}

void OrtSession::check_width() const {
  if (io_.pooled || options_.width == 0 || options_.width == io_.width) return;
  throw Error(ErrorCode::kInvalidArgument,
              options_.graph_path + ": output " + io_.output + " has " + std::to_string(io_.width) +
                  " numbers a token, config.json's hidden_size is " +
                  std::to_string(options_.width) + "; it does not give token embeddings");
}

// The sequence that owns each span, for spans in the order of the batch's sequences.
std::vector<std::vector<std::size_t>> spans_by_sequence(const PackedBatch& batch) {
  std::vector<std::vector<std::size_t>> result(batch.sequences());
  for (std::size_t s = 0; s < batch.spans.size(); ++s) {
    const auto next =
        std::upper_bound(batch.offsets.begin(), batch.offsets.end(), batch.spans[s].begin);
    const auto owner = static_cast<std::size_t>(next - batch.offsets.begin()) - 1;
    result[std::min(owner, batch.sequences() - 1)].push_back(s);
  }
  return result;
}

// `hidden` is the sequence's part of the output.
void OrtSession::copy_sequence(const PackedBatch& batch, std::uint32_t index, const float* hidden,
                               const RunOptions& options, RunOutput& out) const {
  const std::size_t width = io_.width;
  const std::uint32_t begin = batch.offsets[index];
  for (const std::size_t s : spans_[index]) {
    float* row = out.rows.data() + s * width;
    if (io_.pooled) {
      std::copy_n(hidden, width, row);
      continue;
    }
    const Span span = batch.spans[s];
    pool(options_.pool, {hidden + (span.begin - begin) * width, (span.end - span.begin) * width},
         span.place, {row, width});
  }
  if (options.want_tokens) {
    std::copy_n(hidden, (batch.offsets[index + 1] - begin) * width,
                out.tokens.data() + begin * width);
  }
}

std::size_t token_count(std::span<const Span> spans) {
  std::size_t tokens = 0;
  for (const Span& span : spans) tokens += span.end - span.begin;
  return tokens;
}

// The place in `spans` of the one that lies in a sequence, if one does.
std::optional<std::size_t> span_in(const std::vector<Span>& spans, std::uint32_t begin,
                                   std::uint32_t end) {
  const auto place = std::ranges::lower_bound(spans, begin, {}, &Span::begin);
  if (place == spans.end() || place->begin >= end) return std::nullopt;
  return static_cast<std::size_t>(place - spans.begin());
}

void OrtSession::copy_sides(const PackedBatch& batch, const GraphRun& run,
                            const std::vector<GraphOutput>& outputs, RunOutput& out) const {
  const SideOutputs& side = options_.side;
  for (std::size_t r = 0; r < run.sequences.size(); ++r) {
    const std::uint32_t begin = batch.offsets[run.sequences[r]];
    const std::uint32_t end = batch.offsets[run.sequences[r] + 1];
    const std::size_t row = r * run.length;  // of its first token
    if (const auto place = span_in(batch.sparse_spans, begin, end)) {
      const Span span = batch.sparse_spans[*place];
      const std::size_t count = span.end - span.begin;
      out.sparse[*place] =
          side.vocabulary > 0
              ? vocabulary_row({outputs[1].data() + r * side.vocabulary, side.vocabulary})
              : token_row(std::span(batch.ids).subspan(span.begin, count),
                          {outputs[1].data() + row + (span.begin - begin), count}, side.weightless);
    }
    if (const auto place = span_in(batch.vector_spans, begin, end)) {
      const Span span = batch.vector_spans[*place];
      const std::size_t first = token_count(std::span(batch.vector_spans).first(*place));
      const std::size_t size = (span.end - span.begin) * side.token_vectors;
      float* const to = out.vectors.data() + first * side.token_vectors;
      std::copy_n(outputs.back().data() + (row + (span.begin - begin)) * side.token_vectors, size,
                  to);
      normalise_vectors({to, size}, side.token_vectors);
    }
  }
}

void OrtSession::run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) try {
  if (io_.length > 0 && batch.max_length() > io_.length) {
    throw Error(ErrorCode::kInvalidArgument, "a text has " + std::to_string(batch.max_length()) +
                                                 " tokens, the graph's length is fixed at " +
                                                 std::to_string(io_.length));
  }
  if (io_.pooled && options.want_tokens) {
    throw Error(ErrorCode::kUnimplemented, "the graph gives no token embeddings");
  }
  out.rows.resize(batch.spans.size() * io_.width);
  out.tokens.resize(options.want_tokens ? batch.tokens() * io_.width : 0);
  spans_ = spans_by_sequence(batch);
  out.sparse.assign(batch.sparse_spans.size(), {});
  out.vector_width = options_.side.token_vectors;
  out.vectors.resize(token_count(batch.vector_spans) * out.vector_width);
  for (const GraphRun& run : plan_runs(batch, rules_)) {
    options.control.check();
    const std::vector<GraphOutput> outputs = run_graph(batch, run);
    const float* hidden = outputs.front().data();  // [rows, length, width], or [rows, width]
    for (const std::uint32_t index : run.sequences) {
      copy_sequence(batch, index, hidden, options, out);
      hidden += (io_.pooled ? 1 : run.length) * io_.width;
    }
    copy_sides(batch, run, outputs, out);
  }
} catch (const Ort::Exception& error) {
  throw Error(ErrorCode::kInternal, "ONNX Runtime failed: " + first_line(error.what()));
}

// ONNX Runtime's own words for a pointer of Git LFS speak of protocol buffers.
void check_files(const std::string& path) {
  namespace fs = std::filesystem;
  const std::string name = fs::path(path).filename().string();
  std::error_code failed;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(path).parent_path(), failed)) {
    std::error_code ignored;
    constexpr std::uintmax_t kSmall = 1024;
    const bool own = entry.path().filename().string().starts_with(name);
    if (!own || !entry.is_regular_file(ignored) || entry.file_size(ignored) >= kSmall) continue;
    const MappedFile file(entry.path().string());
    check_no_lfs_pointer(file.text(), file.path());
  }
}

}  // namespace

std::unique_ptr<Session> open_ort_session(const OrtSessionOptions& options) {
  check_files(options.graph_path);
  return load_graph(options.graph_path, [&] { return std::make_unique<OrtSession>(options); });
}

std::string onnxruntime_version() { return OrtGetApiBase()->GetVersionString(); }

}  // namespace nestvec
