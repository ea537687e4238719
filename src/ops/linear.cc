// SPDX-License-Identifier: Apache-2.0
#include "ops/linear.h"

#include <algorithm>
#include <array>

namespace nestvec {
namespace {

// How a layer's input meets its weights.
enum class Product { kF32, kBf16, kF32Bf16, kS8 };

Product product_of(const LinearLayer& layer, const EngineContext& context) {
  switch (layer.shape.type) {
    case WeightType::kF32:
      return Product::kF32;
    case WeightType::kS8:
      return Product::kS8;
    case WeightType::kBf16:
      break;
  }
  const bool narrow = context.isa >= Isa::kAvx512Bf16 && !context.full_precision;
  return narrow && !layer.full_activations ? Product::kBf16 : Product::kF32Bf16;
}

// Rows of one product: the block stays in the second cache level while panels pass.
constexpr std::size_t kProductRows = 96;

constexpr std::size_t kLineBytes = 64;

// Rows a multiple of 4 KiB apart share the sets of the first cache level, 8 to 12 lines each.
constexpr bool collide(std::size_t rows, std::size_t stride_bytes) {
  return rows > 8 && stride_bytes % 4096 == 0;
}

// The elements from row to row with which rows of `width` do not collide.
constexpr std::size_t spread(std::size_t width, std::size_t element) {
  return collide(kProductRows, width * element) ? width + kLineBytes / element : width;
}

// body(row, thread) for each row, several rows at a time where there are many.
template <class Body>
void for_rows(std::size_t rows, ThreadPool& pool, Body body) {
  const std::size_t size = std::clamp<std::size_t>(rows / (4 * pool.threads()), 1, 16);
  pool.parallel_for((rows + size - 1) / size, [&](std::size_t chunk, std::size_t thread) {
    const std::size_t end = std::min(rows, (chunk + 1) * size);
    for (std::size_t row = chunk * size; row < end; ++row) body(row, thread);
  });
}

// A layer's input as its kernel wants it.
struct Prepared {
  Product product = Product::kF32;
  const void* a = nullptr;
  std::size_t stride = 0;            // elements
  const RowScale* scales = nullptr;  // s8: [rows]
  const float* h = nullptr;          // [rows, rank]
};

// Converts rows to the product's type and takes them down to the adapters' rank.
class Preparation {
 public:
  Preparation(const LinearLayer& layer, const LinearInput& in, Product product,
              EngineContext& context)
      : layer_(layer), in_(in), context_(context) {
    width_ = layer.shape.inputs;
    stride_ = in.stride > 0 ? in.stride : width_;
    result_.product = product;
    ready_ = is_ready();
    if (ready_) {
      result_.a = in.x != nullptr ? static_cast<const void*>(in.x) : in.bf16;
      result_.stride = stride_;
    } else {
      result_.stride = spread(layer.shape.padded_inputs(), element());
      target_ = context.activations.get<std::byte>(in.rows * result_.stride * element());
      result_.a = target_;
    }
    if (product == Product::kS8) {
      scales_ = context.row_scales.get<RowScale>(in.rows);
      result_.scales = scales_;
    }
    if (in.x == nullptr && (!ready_ || has_adapters())) {
      widened_ = context.widened.get<float>(context.pool.threads() * width_);
    }
    if (has_adapters()) {
      h_ = context.low_rank.get<float>(in.rows * layer.adapters.rank);
      result_.h = h_;
    }
  }

  Prepared run() {
    if (ready_ && h_ == nullptr) return result_;
    for_rows(in_.rows, context_.pool,
             [&](std::size_t row, std::size_t thread) { prepare(row, thread); });
    return result_;
  }

 private:
  // The input has the kernel's type, needs no padding, and its rows do not collide.
  bool is_ready() const {
    const bool padded = width_ != layer_.shape.padded_inputs();
    if (collide(in_.rows, stride_ * element())) return false;
    switch (result_.product) {
      case Product::kF32:
        return in_.x != nullptr;
      case Product::kF32Bf16:
        return in_.x != nullptr && !padded;
      case Product::kBf16:
        return in_.bf16 != nullptr && !padded;
      case Product::kS8:
        return false;
    }
    return false;
  }

  bool has_adapters() const { return layer_.adapters.tasks > 0 && in_.tasks != nullptr; }

  std::size_t element() const {
    switch (result_.product) {
      case Product::kBf16:
        return 2;
      case Product::kS8:
        return 1;
      default:
        return 4;
    }
  }

  void prepare(std::size_t row, std::size_t thread) {
    const bool updated = h_ != nullptr && in_.tasks[row] >= 0;
    if (ready_ && !updated) return;
    const float* x = nullptr;
    if (in_.x != nullptr) {
      x = in_.x + row * stride_;
    } else if (updated || result_.product != Product::kS8) {
      x = widen(row, thread);
    }
    if (!ready_) convert(row, x);
    if (!updated) return;
    const Adapters& adapters = layer_.adapters;
    const auto task = static_cast<std::size_t>(in_.tasks[row]);
    context_.kernels.project(x, width_, adapters.down + task * adapters.rank * width_,
                             adapters.rank, h_ + row * adapters.rank);
  }

  const float* widen(std::size_t row, std::size_t thread) {
    float* x = widened_ + thread * width_;
    context_.kernels.from_bf16(in_.bf16 + row * stride_, width_, x);
    return x;
  }

  // `x` is the row in fp32; int8, which takes bf16 as it is, needs none.
  void convert(std::size_t row, const float* x) {
    std::byte* out = target_ + row * result_.stride * element();
    switch (result_.product) {
      case Product::kBf16:
        context_.kernels.to_bf16(x, width_, reinterpret_cast<std::uint16_t*>(out));
        break;
      case Product::kS8:
        scales_[row] = quantise(row, reinterpret_cast<std::uint8_t*>(out));
        break;
      default:
        std::copy_n(x, width_, reinterpret_cast<float*>(out));
    }
    std::fill(out + width_ * element(), out + result_.stride * element(), std::byte{0});
  }

  RowScale quantise(std::size_t row, std::uint8_t* out) const {
    if (in_.x != nullptr) return context_.kernels.to_u8(in_.x + row * stride_, width_, out);
    return context_.kernels.bf16_to_u8(in_.bf16 + row * stride_, width_, out);
  }

  const LinearLayer& layer_;
  const LinearInput& in_;
  EngineContext& context_;
  std::size_t width_ = 0;
  std::size_t stride_ = 0;  // of the input
  bool ready_ = false;
  Prepared result_;
  std::byte* target_ = nullptr;
  RowScale* scales_ = nullptr;
  float* h_ = nullptr;
  float* widened_ = nullptr;  // [threads, K]
};

// Neighbouring panels whose products are finished together.
constexpr std::size_t kGroupPanels = 4;
constexpr std::size_t kGroupsPerThread = 4;  // at least, so that threads end together

// The product of one block of rows with a group of panels, and what follows it.
class BlockProduct {
 public:
  BlockProduct(const LinearLayer& layer, const LinearInput& in, const LinearOutput& out,
               const Prepared& prepared, const Kernels& kernels)
      : layer_(layer),
        in_(in),
        out_(out),
        prepared_(prepared),
        kernels_(kernels),
        stride_(out.stride > 0 ? out.stride : layer.shape.outputs) {}

  // `panels` is at most kGroupPanels.
  void run(std::size_t first, std::size_t rows, std::size_t panel, std::size_t panels) const {
    alignas(64) std::array<float, kGroupPanels * kProductRows * kPanel> c;
    PanelFinish finish;
    finish.c = c.data();
    finish.c_stride = rows * kPanel;
    for (std::size_t i = 0; i < panels; ++i) {
      multiply(first, rows, panel + i, c.data() + i * finish.c_stride);
    }
    const std::size_t column = panel * kPanel;
    const std::size_t place = first * stride_ + column;
    std::array<const float*, kProductRows> up_rows;
    finish.rows = rows;
    finish.columns = std::min(panels * kPanel, layer_.shape.outputs - column);
    finish.bias = layer_.bias + column;
    if (prepared_.product == Product::kS8) {
      finish.row_scales = prepared_.scales + first;
      finish.column_scales = layer_.scales + column;
      finish.column_sums = layer_.sums + column;
    }
    if (prepared_.h != nullptr) {
      choose_updates(first, rows, column, up_rows.data());
      finish.up_rows = up_rows.data();
      finish.h = prepared_.h + first * layer_.adapters.rank;
      finish.rank = layer_.adapters.rank;
      finish.up_stride = layer_.shape.padded_outputs();
    }
    finish.activation = out_.activation;
    if (out_.residual != nullptr) finish.residual = out_.residual + place;
    if (out_.out != nullptr) finish.out = out_.out + place;
    if (out_.bf16 != nullptr) finish.out_bf16 = out_.bf16 + place;
    finish.out_stride = stride_;
    kernels_.finish(finish);
  }

 private:
  template <class A, class W, class C>
  PanelProduct<A, W, C> product(std::size_t first, std::size_t rows, std::size_t panel,
                                float* c) const {
    const auto* panels = static_cast<const std::byte*>(layer_.panels);
    return {static_cast<const A*>(prepared_.a) + first * prepared_.stride,
            prepared_.stride,
            rows,
            reinterpret_cast<const W*>(panels + panel * layer_.shape.panel_bytes()),
            layer_.shape.padded_inputs(),
            reinterpret_cast<C*>(c)};
  }

  void multiply(std::size_t first, std::size_t rows, std::size_t panel, float* c) const {
    switch (prepared_.product) {
      case Product::kF32:
        return kernels_.gemm_f32(product<float, float, float>(first, rows, panel, c));
      case Product::kBf16:
        return kernels_.gemm_bf16(
            product<std::uint16_t, std::uint16_t, float>(first, rows, panel, c));
      case Product::kF32Bf16:
        return kernels_.gemm_f32_bf16(product<float, std::uint16_t, float>(first, rows, panel, c));
      case Product::kS8:
        return kernels_.gemm_s8(
            product<std::uint8_t, std::int8_t, std::int32_t>(first, rows, panel, c));
    }
  }

  void choose_updates(std::size_t first, std::size_t rows, std::size_t column,
                      const float** up_rows) const {
    const std::size_t task_size = layer_.adapters.rank * layer_.shape.padded_outputs();
    for (std::size_t row = 0; row < rows; ++row) {
      const std::int32_t task = in_.tasks[first + row];
      up_rows[row] = task < 0
                         ? nullptr
                         : layer_.adapters.up + static_cast<std::size_t>(task) * task_size + column;
    }
  }

  const LinearLayer& layer_;
  const LinearInput& in_;
  const LinearOutput& out_;
  const Prepared& prepared_;
  const Kernels& kernels_;
  const std::size_t stride_;  // of the output and the residual
};

LinearInput rows_of(const LinearInput& in, std::size_t width, std::size_t first, std::size_t rows) {
  const std::size_t stride = in.stride > 0 ? in.stride : width;
  LinearInput part = in;
  if (in.x != nullptr) part.x += first * stride;
  if (in.bf16 != nullptr) part.bf16 += first * stride;
  if (in.tasks != nullptr) part.tasks += first;
  part.rows = rows;
  return part;
}

// At most kBlockRows rows: prepare them, then all products in parallel.
void linear_block(const LinearLayer& layer, const LinearInput& in, const LinearOutput& out,
                  EngineContext& context) {
  const Prepared prepared = Preparation(layer, in, product_of(layer, context), context).run();
  const BlockProduct block(layer, in, out, prepared, context.kernels);

  const std::size_t panels = layer.shape.panels();
  const std::size_t blocks = (in.rows + kProductRows - 1) / kProductRows;
  // Groups of panels as long as there are enough for all threads. Neighbours in a run: a block's
  // rows stay in the second cache level, and each panel's product fetches the next panel.
  const std::size_t group = std::clamp<std::size_t>(
      blocks * panels / (kGroupsPerThread * context.pool.threads()), 1, kGroupPanels);
  const std::size_t groups = (panels + group - 1) / group;
  context.pool.parallel_runs(blocks * groups, [&](std::size_t index, std::size_t) {
    const std::size_t b = index / groups;
    const std::size_t begin = in.rows * b / blocks;
    const std::size_t end = in.rows * (b + 1) / blocks;
    const std::size_t panel = index % groups * group;
    block.run(begin, end - begin, panel, std::min(group, panels - panel));
  });
}

LinearOutput rows_of(const LinearOutput& out, std::size_t width, std::size_t first) {
  const std::size_t stride = out.stride > 0 ? out.stride : width;
  LinearOutput part = out;
  if (out.out != nullptr) part.out += first * stride;
  if (out.bf16 != nullptr) part.bf16 += first * stride;
  if (out.residual != nullptr) part.residual += first * stride;
  return part;
}

}  // namespace

void linear(const LinearLayer& layer, const LinearInput& in, const LinearOutput& out,
            EngineContext& context) {
  for (std::size_t first = 0; first < in.rows; first += kBlockRows) {
    const std::size_t rows = std::min(kBlockRows, in.rows - first);
    linear_block(layer, rows_of(in, layer.shape.inputs, first, rows),
                 rows_of(out, layer.shape.outputs, first), context);
  }
}

void normalise_rows(const NormLayer& norm, float* x, std::size_t rows, EngineContext& context) {
  for_rows(rows, context.pool, [&](std::size_t row, std::size_t) {
    float* values = x + row * norm.n;
    context.kernels.layer_norm({values, norm.weight, norm.bias, norm.eps, norm.n, values});
  });
}

void feed_forward(const FeedForwardLayer& layer, const LinearInput& in, float* out,
                  EngineContext& context) {
  // Wide activations are the largest there are: fewer rows at a time.
  constexpr std::size_t kRows = kBlockRows / 2;
  const std::size_t width = layer.in.shape.inputs;
  const std::size_t wide = layer.in.shape.outputs;
  const Product product = product_of(layer.out, context);
  const bool narrow = product == Product::kBf16 || product == Product::kS8;
  for (std::size_t first = 0; first < in.rows; first += kRows) {
    const LinearInput part = rows_of(in, width, first, std::min(kRows, in.rows - first));
    const std::size_t stride = spread(wide, narrow ? sizeof(std::uint16_t) : sizeof(float));
    LinearInput middle{.rows = part.rows, .tasks = part.tasks, .stride = stride};
    LinearOutput to_middle{.activation = layer.activation, .stride = stride};
    if (narrow) {
      to_middle.bf16 = context.middle.get<std::uint16_t>(part.rows * stride);
      middle.bf16 = to_middle.bf16;
    } else {
      to_middle.out = context.middle.get<float>(part.rows * stride);
      middle.x = to_middle.out;
    }
    linear_block(layer.in, part, to_middle, context);
    float* target = out + first * width;
    linear_block(layer.out, middle, {.out = target, .residual = part.x}, context);
    normalise_rows(layer.norm, target, part.rows, context);
  }
}

}  // namespace nestvec
