// SPDX-License-Identifier: Apache-2.0
#include "session/ort_session.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "nestvec/error.h"
#include "ops/pool.h"
#include "session/ort_support.h"
#include "session/run_plan.h"

namespace nestvec {
namespace {

std::string_view type_name(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return "float32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return "float16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return "bfloat16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return "int64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return "int32";
    default:
      return "other";
  }
}

GraphValue describe_value(std::string name, const Ort::TypeInfo& info) {
  GraphValue value;
  value.name = std::move(name);
  if (info.GetONNXType() != ONNX_TYPE_TENSOR) {
    value.type_name = "no tensor";
    return value;
  }
  const auto tensor = info.GetTensorTypeAndShapeInfo();
  const ONNXTensorElementDataType type = tensor.GetElementType();
  value.is_float = type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  value.is_int64 = type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
  value.type_name = type_name(type);
  value.shape = tensor.GetShape();
  std::vector<const char*> symbols(value.shape.size(), nullptr);
  tensor.GetSymbolicDimensions(symbols.data(), symbols.size());
  for (const char* symbol : symbols) value.symbols.emplace_back(symbol == nullptr ? "" : symbol);
  return value;
}

// An output must be float32 [rows, length, width], whatever the graph declares; of a width of 0,
// any. Returns the width.
std::size_t check_output(const Ort::Value& value, std::size_t rows, std::size_t length,
                         std::size_t width, const std::string& path) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  const std::vector<std::int64_t> shape = info.GetShape();
  const bool fits = info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT &&
                    shape.size() == 3 && shape[0] == static_cast<std::int64_t>(rows) &&
                    shape[1] == static_cast<std::int64_t>(length) && shape[2] > 0 &&
                    (width == 0 || shape[2] == static_cast<std::int64_t>(width));
  if (fits) return static_cast<std::size_t>(shape[2]);
  std::string found;
  for (const std::int64_t size : shape) found += (found.empty() ? "" : ", ") + std::to_string(size);
  throw Error(ErrorCode::kDataLoss, path + ": gives token embeddings [" + found +
                                        "], expected float32 [" + std::to_string(rows) + ", " +
                                        std::to_string(length) + ", " +
                                        (width == 0 ? "n" : std::to_string(width)) + "]");
}

class OrtSession final : public Session {
 public:
  explicit OrtSession(const OrtSessionOptions& options)
      : session_(env_, options.graph_path.c_str(), session_options(options.threads)),
        pad_id_(options.pad_id),
        path_(options.graph_path) {
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
    io_ = read_graph_io(inputs, outputs, options.graph_path);
    rules_ = {.can_pad = !io_.attention_mask.empty(),
              .one_task_a_run = io_.task_input == TaskInput::kScalarPerRun ||
                                io_.task_input == TaskInput::kVectorPerRun};
    if (io_.width == 0) measure_width();
  }

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override;
  std::size_t width() const noexcept override { return io_.width; }

 private:
  Ort::Value run_graph(const PackedBatch& batch, const GraphRun& run);
  void bind_task(const PackedBatch& batch, const GraphRun& run, std::vector<const char*>& names,
                 std::vector<Ort::Value>& values);
  void measure_width();

  Ort::Env env_ = quiet_environment();
  Ort::Session session_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
  std::int64_t pad_id_;
  std::string path_;  // for errors
  GraphIo io_;
  RunRules rules_;

  // Inputs of one run, reused.
  std::vector<std::int64_t> ids_, mask_, zeros_, positions_, tasks_;
};

void OrtSession::bind_task(const PackedBatch& batch, const GraphRun& run,
                           std::vector<const char*>& names, std::vector<Ort::Value>& values) {
  if (io_.task_input == TaskInput::kNone) return;
  tasks_.clear();
  if (io_.task_input == TaskInput::kPerSequence) {
    for (const std::uint32_t i : run.sequences) tasks_.push_back(batch.tasks[i]);
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
  names.push_back(io_.task.c_str());
  values.push_back(
      Ort::Value::CreateTensor(memory_, tasks_.data(), tasks_.size(), shape.data(), rank));
}

Ort::Value OrtSession::run_graph(const PackedBatch& batch, const GraphRun& run) {
  const std::size_t rows = run.sequences.size();
  const std::size_t cells = rows * run.length;
  ids_.assign(cells, pad_id_);
  mask_.assign(cells, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint32_t begin = batch.offsets[run.sequences[r]];
    const std::uint32_t end = batch.offsets[run.sequences[r] + 1];
    const auto cell = static_cast<std::ptrdiff_t>(r * run.length);
    std::copy(batch.ids.begin() + begin, batch.ids.begin() + end, ids_.begin() + cell);
    std::fill_n(mask_.begin() + cell, end - begin, 1);
  }

  const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(rows),
                                             static_cast<std::int64_t>(run.length)};
  std::vector<const char*> names;
  std::vector<Ort::Value> values;
  const auto bind = [&](const std::string& name, std::vector<std::int64_t>& data) {
    names.push_back(name.c_str());
    values.push_back(
        Ort::Value::CreateTensor(memory_, data.data(), data.size(), shape.data(), shape.size()));
  };
  bind(io_.ids, ids_);
  if (!io_.attention_mask.empty()) bind(io_.attention_mask, mask_);
  if (!io_.token_type_ids.empty()) {
    zeros_.assign(cells, 0);
    bind(io_.token_type_ids, zeros_);
  }
  if (!io_.position_ids.empty()) {
    positions_.resize(cells);
    for (std::size_t r = 0; r < rows; ++r) {
      const auto row = positions_.begin() + static_cast<std::ptrdiff_t>(r * run.length);
      std::iota(row, row + run.length, std::int64_t{0});
    }
    bind(io_.position_ids, positions_);
  }
  bind_task(batch, run, names, values);

  const char* output = io_.output.c_str();
  std::vector<Ort::Value> outputs =
      session_.Run(run_options_, names.data(), values.data(), values.size(), &output, 1);
  check_output(outputs.front(), rows, run.length, io_.width, path_);
  return std::move(outputs.front());
}

void OrtSession::measure_width() {
  PackedBatch batch;
  batch.add({{0}, 0, {}});
  io_.width = check_output(run_graph(batch, {{0}, 1, 0}), 1, 1, 0, path_);
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

void OrtSession::run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) try {
  out.rows.resize(batch.spans.size() * io_.width);
  out.tokens.resize(options.want_tokens ? batch.tokens() * io_.width : 0);
  const std::vector<std::vector<std::size_t>> spans = spans_by_sequence(batch);
  for (const GraphRun& run : plan_runs(batch, rules_)) {
    options.control.check();
    const Ort::Value output = run_graph(batch, run);
    const float* hidden = output.GetTensorData<float>();  // [rows, length, width]
    for (const std::uint32_t index : run.sequences) {
      const std::uint32_t begin = batch.offsets[index];
      for (const std::size_t s : spans[index]) {
        const Span span = batch.spans[s];
        pool_mean({hidden + (span.begin - begin) * io_.width, (span.end - span.begin) * io_.width},
                  {out.rows.data() + s * io_.width, io_.width});
      }
      if (options.want_tokens) {
        std::copy_n(hidden, (batch.offsets[index + 1] - begin) * io_.width,
                    out.tokens.data() + begin * io_.width);
      }
      hidden += run.length * io_.width;
    }
  }
} catch (const Ort::Exception& error) {
  throw Error(ErrorCode::kInternal, "ONNX Runtime failed: " + first_line(error.what()));
}

}  // namespace

std::unique_ptr<Session> open_ort_session(const OrtSessionOptions& options) {
  return load_graph(options.graph_path, [&] { return std::make_unique<OrtSession>(options); });
}

std::string onnxruntime_version() { return OrtGetApiBase()->GetVersionString(); }

}  // namespace nestvec
