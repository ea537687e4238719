// SPDX-License-Identifier: Apache-2.0
#include "ops/row_input.h"

#include <algorithm>

namespace nestvec {
namespace {

constexpr std::size_t kLineBytes = 64;

// Rows a multiple of 4 KiB apart share the sets of the first cache level, 8 to 12 lines each.
constexpr bool collide(std::size_t rows, std::size_t stride_bytes) {
  return rows > 8 && stride_bytes % 4096 == 0;
}

std::size_t element_bytes(Product product) {
  switch (product) {
    case Product::kBf16:
    case Product::kBf16W8:
      return 2;
    case Product::kS8:
      return 1;
    default:
      return 4;
  }
}

class Preparation {
 public:
  Preparation(const LinearLayer& layer, const LinearInput& in, const Team& team)
      : layer_(layer), in_(in), team_(team), width_(layer.shape.inputs) {
    stride_ = in.stride > 0 ? in.stride : width_;
    if (in.norm != nullptr) {
      source_ = in.x;
      source_stride_ = stride_;
      stride_ = spread(width_, sizeof(float));
      normed_ = team.scratch().normed.get<float>(in.rows * stride_);
      in_.x = normed_;
    }
    result_.product = product_of(layer, team.context());
    element_ = element_bytes(result_.product);
    ready_ = is_ready();
    RowScratch& scratch = team.scratch();
    if (ready_) {
      result_.a = in_.x != nullptr ? static_cast<const void*>(in_.x) : in_.bf16;
      result_.stride = stride_;
    } else {
      result_.stride = spread(layer.shape.padded_inputs(), element_);
      target_ = scratch.activations.get<std::byte>(in.rows * result_.stride * element_);
      result_.a = target_;
    }
    if (result_.product == Product::kS8) {
      scales_ = scratch.scales.get<RowScale>(in.rows);
      result_.scales = scales_;
    }
    if (layer.adapters.tasks > 0 && in.tasks != nullptr) {
      h_ = scratch.low_rank.get<float>(in.rows * layer.adapters.rank);
      result_.h = h_;
    }
  }

  RowInput run() {
    if (!ready_ || h_ != nullptr || normed_ != nullptr) {
      team_.for_rows(in_.rows, [this](std::size_t first, std::size_t end) {
        for (std::size_t row = first; normed_ != nullptr && row < end; ++row) normalise(row);
        for (std::size_t row = first; !ready_ && row < end; ++row) convert(row);
        if (h_ != nullptr) project_tasks(first, end);
      });
    }
    return result_;
  }

 private:
  // The input has the kernel's type, needs no padding, and its rows do not collide.
  bool is_ready() const {
    const bool padded = width_ != layer_.shape.padded_inputs();
    if (collide(in_.rows, stride_ * element_)) return false;
    switch (result_.product) {
      case Product::kF32:
        return in_.x != nullptr;
      case Product::kF32Bf16:
      case Product::kF32W8:
        return in_.x != nullptr && !padded;
      case Product::kBf16:
      case Product::kBf16W8:
        return in_.bf16 != nullptr && !padded;
      case Product::kS8:
        return false;
    }
    return false;
  }

  void normalise(std::size_t row) const {
    in_.norm->run(team_.kernels(), source_ + row * source_stride_, normed_ + row * stride_);
  }

  const float* floats(std::size_t row) const { return in_.x + row * stride_; }
  const std::uint16_t* halves(std::size_t row) const { return in_.bf16 + row * stride_; }

  void convert(std::size_t row) {
    std::byte* out = target_ + row * result_.stride * element_;
    switch (result_.product) {
      case Product::kBf16:
      case Product::kBf16W8:
        to_bf16(row, reinterpret_cast<std::uint16_t*>(out));
        break;
      case Product::kS8:
        scales_[row] = quantise(row, reinterpret_cast<std::uint8_t*>(out));
        break;
      default:
        to_floats(row, reinterpret_cast<float*>(out));
    }
    std::fill(out + width_ * element_, out + result_.stride * element_, std::byte{0});
  }

  void to_floats(std::size_t row, float* out) const {
    if (in_.x != nullptr) {
      std::copy_n(floats(row), width_, out);
    } else {
      team_.kernels().from_bf16(halves(row), width_, out);
    }
  }

  void to_bf16(std::size_t row, std::uint16_t* out) const {
    if (in_.x != nullptr) {
      team_.kernels().to_bf16(floats(row), width_, out);
    } else {
      std::copy_n(halves(row), width_, out);
    }
  }

  RowScale quantise(std::size_t row, std::uint8_t* out) const {
    if (in_.x != nullptr) return team_.kernels().to_u8(floats(row), width_, out);
    return team_.kernels().bf16_to_u8(halves(row), width_, out);
  }

  // Neighbouring rows of a task together.
  void project_tasks(std::size_t first, std::size_t end) {
    while (first < end) {
      const std::int32_t task = in_.tasks[first];
      std::size_t next = first + 1;
      while (next < end && in_.tasks[next] == task) ++next;
      if (task >= 0) project(static_cast<std::size_t>(task), first, next - first);
      first = next;
    }
  }

  void project(std::size_t task, std::size_t first, std::size_t rows) {
    const std::size_t rank = layer_.adapters.rank;
    const float* down = layer_.adapters.down + task * rank * width_;
    float* h = h_ + first * rank;
    if (in_.x != nullptr) {
      team_.kernels().project({floats(first), stride_, rows, width_, down, rank, h});
    } else {
      team_.kernels().project_bf16({halves(first), stride_, rows, width_, down, rank, h});
    }
  }

  const LinearLayer& layer_;
  LinearInput in_;
  const Team& team_;
  std::size_t width_;
  std::size_t stride_ = 0;         // of the input
  const float* source_ = nullptr;  // of the norm
  std::size_t source_stride_ = 0;
  float* normed_ = nullptr;  // null: there is no norm
  std::size_t element_ = 0;
  bool ready_ = false;
  RowInput result_;
  std::byte* target_ = nullptr;
  RowScale* scales_ = nullptr;
  float* h_ = nullptr;
};

}  // namespace

Product product_of(const LinearLayer& layer, const EngineContext& context) {
  switch (layer.shape.type) {
    case WeightType::kF32:
      return Product::kF32;
    case WeightType::kS8:
      return Product::kS8;
    case WeightType::kBf16:
    case WeightType::kW8:
      break;
  }
  const bool narrow =
      multiplies_bf16(context.isa) && !context.full_precision && !layer.full_activations;
  if (layer.shape.type == WeightType::kW8) return narrow ? Product::kBf16W8 : Product::kF32W8;
  return narrow ? Product::kBf16 : Product::kF32Bf16;
}

std::size_t spread(std::size_t width, std::size_t element_bytes) {
  return collide(kProductRows, width * element_bytes) ? width + kLineBytes / element_bytes : width;
}

RowInput prepare_rows(const LinearLayer& layer, const LinearInput& in, const Team& team) {
  return Preparation(layer, in, team).run();
}

void reserve_rows(const LinearLayer& layer, std::size_t rows, bool normed, const Team& team) {
  const std::size_t element = element_bytes(product_of(layer, team.context()));
  RowScratch& scratch = team.scratch();
  scratch.activations.get<std::byte>(rows * spread(layer.shape.padded_inputs(), element) * element);
  if (normed) scratch.normed.get<float>(rows * spread(layer.shape.inputs, sizeof(float)));
  scratch.scales.get<RowScale>(rows);
  scratch.low_rank.get<float>(rows * layer.adapters.rank);
}

}  // namespace nestvec
