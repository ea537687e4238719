// SPDX-License-Identifier: Apache-2.0
#include "engine/module_stack.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

#include "nestvec/error.h"
#include "ops/engine_context.h"
#include "ops/linear.h"
#include "ops/packed_matrix.h"
#include "weights/model_weights.h"

namespace nestvec {
namespace {

constexpr float kLayerNormEpsilon = 1e-5f;  // of torch.nn.LayerNorm
constexpr double kShortest = 1e-12;         // as torch's normalize() divides

std::vector<float> floats_of(const WeightSet& weights, const std::string& name,
                             std::vector<std::int64_t> shape) {
  const TensorView& tensor = weights.at(name, shape);
  std::vector<float> values(tensor.elements());
  read_as_float(tensor, 0, values);
  return values;
}

// A linear layer that owns its panels.
class DenseProduct {
 public:
  DenseProduct(const WeightSet& weights, const std::string& module, const ModuleStep& step,
               bool bias)
      : shape_{WeightType::kF32, step.outputs, step.inputs}, panels_(shape_.bytes()) {
    const auto outputs = static_cast<std::int64_t>(step.outputs);
    pack_f32(
        shape_,
        floats_of(weights, module + ".weight", {outputs, static_cast<std::int64_t>(step.inputs)}),
        panels_);
    if (bias) bias_ = floats_of(weights, module + ".bias", {outputs});
    bias_.resize(shape_.padded_outputs());
  }

  LinearLayer layer() const {
    return {.shape = shape_,
            .panels = panels_.data(),
            .bias = bias_.data(),
            .adapters = {},
            .full_activations = true};
  }

 private:
  PackedShape shape_;
  std::vector<std::byte> panels_;
  std::vector<float> bias_;  // [N rounded up to panels]
};

// One step with its weights.
struct ModuleWeights {
  ModuleStep step;
  std::vector<DenseProduct> products;  // of Dense: its own, then one of the residual
  std::vector<float> weight;           // of LayerNorm
  std::vector<float> bias;
};

ModuleWeights read_step(const ModuleStep& step) {
  ModuleWeights module{step, {}, {}, {}};
  if (step.kind == ModuleKind::kNormalize) return module;
  const WeightSet weights = read_module_weights(step.folder);
  if (step.kind == ModuleKind::kLayerNorm) {
    const auto width = static_cast<std::int64_t>(step.outputs);
    module.weight = floats_of(weights, "norm.weight", {width});
    module.bias = floats_of(weights, "norm.bias", {width});
    return module;
  }
  module.products.emplace_back(weights, "linear", step, step.bias);
  if (step.residual && step.inputs != step.outputs) {
    module.products.emplace_back(weights, "residual", step, false);
  }
  return module;
}

void check_width(const ModuleStep& step, std::size_t width) {
  if (step.inputs == 0 || step.inputs == width) return;
  throw Error(ErrorCode::kInvalidArgument,
              (std::filesystem::path(step.folder) / "config.json").string() + ": takes " +
                  std::to_string(step.inputs) + " dimensions, the vector before it has " +
                  std::to_string(width));
}

void normalise_row(std::span<float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * static_cast<double>(value);
  const double scale = 1.0 / std::max(std::sqrt(sum), kShortest);
  for (float& value : row) value = static_cast<float>(static_cast<double>(value) * scale);
}

}  // namespace

struct ModuleStack::State {
  explicit State(Isa isa) : context(1, isa) {}

  // From `x` to `out`, [count, width] each.
  void run_dense(const ModuleWeights& module, const float* x, std::size_t count, float* out);
  void run_step(const ModuleWeights& module, std::size_t count, std::size_t width);

  std::vector<ModuleWeights> modules;
  std::size_t width = 0;
  std::size_t widest = 0;
  std::mutex mutex;  // guards what follows
  EngineContext context;
  std::vector<float> rows;    // [kRows, widest], before a step and behind it
  std::vector<float> result;  // of a step
};

void ModuleStack::State::run_dense(const ModuleWeights& module, const float* x, std::size_t count,
                                   float* out) {
  const LinearInput in{.x = x, .rows = count};
  const float* residual = nullptr;
  if (module.step.residual) {
    residual = x;
    if (module.products.size() > 1) {
      linear(module.products[1].layer(), in, {.out = out}, context);
      residual = out;
    }
  }
  linear(module.products[0].layer(), in,
         {.out = out, .activation = module.step.activation, .residual = residual}, context);
}

void ModuleStack::State::run_step(const ModuleWeights& module, std::size_t count,
                                  std::size_t from) {
  switch (module.step.kind) {
    case ModuleKind::kDense:
      run_dense(module, rows.data(), count, result.data());
      return std::swap(rows, result);
    case ModuleKind::kLayerNorm: {
      const NormLayer norm{module.weight.data(), module.bias.data(), kLayerNormEpsilon, from,
                           false};
      for (std::size_t i = 0; i < count; ++i) {
        norm.run(context.kernels, rows.data() + i * from, rows.data() + i * from);
      }
      return;
    }
    case ModuleKind::kNormalize:
      for (std::size_t i = 0; i < count; ++i) {
        normalise_row(std::span(rows).subspan(i * from, from));
      }
  }
}

ModuleStack::ModuleStack(std::span<const ModuleStep> steps, std::size_t width, Isa isa)
    : state_(std::make_unique<State>(isa)) {
  state_->widest = width;
  for (const ModuleStep& step : steps) {
    check_width(step, width);
    state_->modules.push_back(read_step(step));
    width = step.outputs > 0 ? step.outputs : width;
    state_->widest = std::max(state_->widest, width);
  }
  state_->width = width;
  state_->rows.resize(kRows * state_->widest);
  state_->result.resize(kRows * state_->widest);
}

ModuleStack::~ModuleStack() = default;

std::size_t ModuleStack::width() const noexcept { return state_->width; }

void ModuleStack::run(std::span<std::vector<float>> rows) const {
  const std::lock_guard lock(state_->mutex);
  while (!rows.empty()) {
    const std::size_t count = std::min(rows.size(), kRows);
    std::size_t width = rows.front().size();
    for (std::size_t i = 0; i < count; ++i) {
      std::ranges::copy(rows[i], state_->rows.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
    for (const ModuleWeights& module : state_->modules) {
      state_->run_step(module, count, width);
      width = module.step.outputs > 0 ? module.step.outputs : width;
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto first = state_->rows.begin() + static_cast<std::ptrdiff_t>(i * width);
      rows[i].assign(first, first + static_cast<std::ptrdiff_t>(width));
    }
    rows = rows.subspan(count);
  }
}

}  // namespace nestvec
