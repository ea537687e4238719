// SPDX-License-Identifier: Apache-2.0
#include "ops/linear.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "ops/row_input.h"
#include "ops/team.h"

namespace nestvec {
namespace {

// Neighbouring panels whose products are finished together.
constexpr std::size_t kGroupPanels = 4;
constexpr std::size_t kGroupsPerThread = 4;  // at least, so that threads end together

// Of a group of panels, [panels][rows, 32].
using Sums = std::array<float, kGroupPanels * kProductRows * kPanel>;

// The product of one block of rows with a group of panels, and what follows it.
class BlockProduct {
 public:
  BlockProduct(const LinearLayer& layer, const LinearInput& in, const LinearOutput& out,
               const RowInput& prepared, const Kernels& kernels)
      : layer_(layer),
        in_(in),
        out_(out),
        prepared_(prepared),
        kernels_(kernels),
        stride_(out.stride > 0 ? out.stride : layer.outputs()) {}

  // `panels` is at most kGroupPanels, and even where a gate is one of each two.
  void run(std::size_t first, std::size_t rows, std::size_t panel, std::size_t panels) const {
    alignas(64) Sums c;
    alignas(64) Sums update;
    PanelFinish finish;
    finish.c = c.data();
    finish.c_stride = rows * kPanel;
    for (std::size_t i = 0; i < panels; ++i) {
      multiply(first, rows, panel + i, c.data() + i * finish.c_stride);
    }
    const std::size_t column = panel * kPanel;
    finish.gated = layer_.gated_outputs > 0;
    const std::size_t first_output = finish.gated ? column / 2 : column;
    const std::size_t panel_outputs = finish.gated ? kPanel / 2 : kPanel;
    const std::size_t place = place_of(first, first_output);
    finish.rows = rows;
    finish.columns = std::min(panels * panel_outputs, layer_.outputs() - first_output);
    finish.bias = layer_.bias + column;
    if (prepared_.product == Product::kS8) {
      finish.row_scales = prepared_.scales + first;
      finish.column_scales = layer_.scales + column;
      finish.column_sums = layer_.sums + column;
    }
    if (prepared_.h != nullptr) {
      if (prepared_.product == Product::kS8) finish.update = update.data();
      float* const sums = prepared_.product == Product::kS8 ? update.data() : c.data();
      for (std::size_t i = 0; i < panels; ++i) {
        add_updates(first, rows, column + i * kPanel, sums + i * finish.c_stride);
      }
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
      case Product::kBf16W8:
        return kernels_.gemm_bf16_w8(
            product<std::uint16_t, std::uint8_t, float>(first, rows, panel, c));
      case Product::kF32W8:
        return kernels_.gemm_f32_w8(product<float, std::uint8_t, float>(first, rows, panel, c));
      case Product::kS8:
        return kernels_.gemm_s8(
            product<std::uint8_t, std::int8_t, std::int32_t>(first, rows, panel, c));
    }
  }

  // Of the output and the residual.
  std::size_t place_of(std::size_t row, std::size_t column) const {
    if (out_.matrix_stride == 0) return row * stride_ + column;
    return column / stride_ * out_.matrix_stride + row * stride_ + column % stride_;
  }

  // Adds up h of each row's task to a panel's sums, a product for neighbours of one task. int8's
  // sums are of another type, and its updates begin here.
  void add_updates(std::size_t first, std::size_t rows, std::size_t column, float* sums) const {
    if (prepared_.product == Product::kS8) std::fill_n(sums, rows * kPanel, 0.0f);
    for (std::size_t row = 0; row < rows;) {
      const std::int32_t task = in_.tasks[first + row];
      std::size_t end = row + 1;
      while (end < rows && in_.tasks[first + end] == task) ++end;
      if (task >= 0) {
        add_update(static_cast<std::size_t>(task), first + row, end - row, column,
                   sums + row * kPanel);
      }
      row = end;
    }
  }

  // The columns of `up` are copied into a panel: they lie often a multiple of 4 KiB apart, where
  // they would drive each other out of the first cache level.
  void add_update(std::size_t task, std::size_t first, std::size_t rows, std::size_t column,
                  float* sums) const {
    constexpr std::size_t kMostRank = 64;  // at once
    const std::size_t rank = layer_.adapters.rank;
    const std::size_t stride = layer_.shape.padded_outputs();
    const float* up = layer_.adapters.up + task * rank * stride + column;
    alignas(64) std::array<float, kMostRank * kPanel> panel;
    for (std::size_t begin = 0; begin < rank; begin += kMostRank) {
      const std::size_t count = std::min(kMostRank, rank - begin);
      for (std::size_t r = 0; r < count; ++r) {
        std::copy_n(up + (begin + r) * stride, kPanel, panel.data() + r * kPanel);
      }
      kernels_.gemm_f32({.a = prepared_.h + first * rank + begin,
                         .a_stride = rank,
                         .rows = rows,
                         .panel = panel.data(),
                         .k = count,
                         .c = sums,
                         .adds = true});
    }
  }

  const LinearLayer& layer_;
  const LinearInput& in_;
  const LinearOutput& out_;
  const RowInput& prepared_;
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

void normalise_rows(const NormLayer& norm, float* x, std::size_t rows, const Team& team) {
  team.for_rows(rows, [&](std::size_t first, std::size_t end) {
    for (float* row = x + first * norm.n; row < x + end * norm.n; row += norm.n) {
      norm.run(team.kernels(), row, row);
    }
  });
}

// The layer over one block of rows.
void linear_block(const LinearLayer& layer, const LinearInput& in, const LinearOutput& out,
                  const Team& team) {
  const RowInput prepared = prepare_rows(layer, in, team);
  const BlockProduct block(layer, in, out, prepared, team.kernels());

  const std::size_t panels = layer.shape.panels();
  const std::size_t blocks = (in.rows + kProductRows - 1) / kProductRows;
  // Groups of panels as long as there are enough for all threads. Neighbours in a run: a block's
  // rows stay in the second cache level, and each panel's product fetches the next panel.
  // No group crosses the end of a matrix.
  const std::size_t most =
      out.matrix_stride > 0 ? std::gcd(kGroupPanels, out.stride / kPanel) : kGroupPanels;
  const std::size_t least = layer.gated_outputs > 0 ? 2 : 1;
  const std::size_t group = std::bit_floor(
      std::clamp<std::size_t>(blocks * panels / (kGroupsPerThread * team.threads()), least, most));
  const std::size_t groups = (panels + group - 1) / group;
  team.for_runs(blocks * groups, [&](std::size_t index) {
    const std::size_t b = index / groups;
    const std::size_t begin = in.rows * b / blocks;
    const std::size_t end = in.rows * (b + 1) / blocks;
    const std::size_t panel = index % groups * group;
    block.run(begin, end - begin, panel, std::min(group, panels - panel));
  });
  if (out.norm != nullptr) normalise_rows(*out.norm, out.out, in.rows, team);
}

LinearOutput rows_of(const LinearOutput& out, std::size_t width, std::size_t first) {
  const std::size_t stride = out.stride > 0 ? out.stride : width;
  LinearOutput part = out;
  if (out.out != nullptr) part.out += first * stride;
  if (out.bf16 != nullptr) part.bf16 += first * stride;
  if (out.residual != nullptr) part.residual += first * stride;
  return part;
}

// With so many rows for each thread, threads take blocks of their own: a block's rows stay in one
// core's caches from the first product to the norm, and nobody waits in between. Fewer would read
// the weights too often.
constexpr std::size_t kLeastOwnRows = 48;

// reserve(rows, team) for all who work, then body(first, rows, team) for blocks of all rows.
template <class Reserve, class Body>
void for_blocks_of_piece(std::size_t rows, EngineContext& context, Reserve reserve, Body body) {
  const std::size_t threads = context.pool.threads();
  if (rows < threads * kLeastOwnRows) {
    for (std::size_t first = 0; first < rows; first += kBlockRows) {
      body(first, std::min(kBlockRows, rows - first), Team(context));
    }
    return;
  }
  const std::size_t rounds = (rows + kProductRows * threads - 1) / (kProductRows * threads);
  const std::size_t blocks = rounds * threads;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    reserve((rows + blocks - 1) / blocks, Team(context, thread));
  }
  context.pool.parallel_runs(blocks, [&](std::size_t block, std::size_t thread) {
    const std::size_t begin = rows * block / blocks;
    const std::size_t end = rows * (block + 1) / blocks;
    body(begin, end - begin, Team(context, thread));
  });
}

// Rows between two pauses, at least: some ten blocks for each of few threads.
constexpr std::size_t kPauseRows = 2048;
constexpr std::size_t kPauseRounds = 4;

// The same, with pauses where somebody waits for them.
template <class Reserve, class Body>
void for_blocks(std::size_t rows, EngineContext& context, Reserve reserve, Body body) {
  const std::size_t least =
      std::max(kPauseRows, kPauseRounds * kProductRows * context.pool.threads());
  const std::size_t pieces = context.pauses() ? std::max<std::size_t>(1, rows / least) : 1;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    if (piece > 0) context.pause();
    const std::size_t begin = rows * piece / pieces;
    const std::size_t end = rows * (piece + 1) / pieces;
    for_blocks_of_piece(end - begin, context, reserve,
                        [&](std::size_t first, std::size_t count, const Team& team) {
                          body(begin + first, count, team);
                        });
  }
}

// The wide activations between a feed-forward layer's two, of the type that the second takes, in
// the team's scratch.
LinearOutput middle_of(const FeedForwardLayer& layer, std::size_t rows, const Team& team) {
  const Product product = product_of(layer.out, team.context());
  const bool narrow =
      product == Product::kBf16 || product == Product::kBf16W8 || product == Product::kS8;
  const std::size_t stride =
      spread(layer.in.outputs(), narrow ? sizeof(std::uint16_t) : sizeof(float));
  LinearOutput middle{.activation = layer.activation, .stride = stride};
  Scratch& scratch = team.scratch().middle;
  if (narrow) {
    middle.bf16 = scratch.get<std::uint16_t>(rows * stride);
  } else {
    middle.out = scratch.get<float>(rows * stride);
  }
  return middle;
}

// out = x + norm2(W2 wide), through the memory of the first norm's rows, as `out` may be x.
void add_normalised(const FeedForwardLayer& layer, const LinearInput& wide, const float* x,
                    float* out, const Team& team) {
  const std::size_t width = layer.out.shape.outputs;
  float* const inner = team.scratch().normed.get<float>(wide.rows * width);
  linear_block(layer.out, wide, {.out = inner, .norm = &layer.second_norm}, team);
  team.for_rows(wide.rows, [&](std::size_t first, std::size_t end) {
    team.kernels().add(x + first * width, (end - first) * width, inner + first * width);
    std::copy_n(inner + first * width, (end - first) * width, out + first * width);
  });
}

}  // namespace

void linear(const LinearLayer& layer, const LinearInput& in, const LinearOutput& out,
            EngineContext& context) {
  for_blocks(
      in.rows, context,
      [&](std::size_t rows, const Team& team) {
        reserve_rows(layer, rows, in.norm != nullptr, team);
      },
      [&](std::size_t first, std::size_t rows, const Team& team) {
        linear_block(layer, rows_of(in, layer.shape.inputs, first, rows),
                     rows_of(out, layer.outputs(), first), team);
      });
}

void feed_forward(const FeedForwardLayer& layer, const LinearInput& in, float* out,
                  EngineContext& context) {
  const std::size_t width = layer.in.shape.inputs;
  for_blocks(
      in.rows, context,
      [&](std::size_t rows, const Team& team) {
        reserve_rows(layer.in, rows, layer.norm_first, team);
        reserve_rows(layer.out, rows, false, team);
        middle_of(layer, rows, team);
      },
      [&](std::size_t first, std::size_t rows, const Team& team) {
        LinearInput part = rows_of(in, width, first, rows);
        if (layer.norm_first) part.norm = &layer.norm;
        const LinearOutput middle = middle_of(layer, rows, team);
        linear_block(layer.in, part, middle, team);
        const LinearInput wide{.x = middle.out,
                               .bf16 = middle.bf16,
                               .rows = rows,
                               .tasks = part.tasks,
                               .stride = middle.stride};
        if (layer.second_norm.weight != nullptr) {
          add_normalised(layer, wide, part.x, out + first * width, team);
          return;
        }
        linear_block(layer.out, wide,
                     {.out = out + first * width,
                      .residual = part.x,
                      .norm = layer.norm_first ? nullptr : &layer.norm},
                     team);
      });
}

}  // namespace nestvec
