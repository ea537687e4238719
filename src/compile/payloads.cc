// SPDX-License-Identifier: Apache-2.0
#include "compile/payloads.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace nestvec {
namespace {

std::span<float> floats(std::span<std::byte> bytes) {
  return {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
}

std::int64_t extent(std::size_t size) { return static_cast<std::int64_t>(size); }

std::size_t rows_of(const TensorView& tensor) { return static_cast<std::size_t>(tensor.shape[0]); }

std::vector<float> all_floats(const TensorView& tensor) {
  std::vector<float> values(tensor.elements());
  read_as_float(tensor, 0, values);
  return values;
}

// Writes columns [first, first + rows of out) of a [n, in] tensor into out's columns from `column`
// on; out is [rows, width]. Goes through tiles that stay in the first cache level.
struct TransposeTarget {
  std::span<float> out;
  std::size_t width;
  std::size_t column;
};
void transpose_block(const TensorView& tensor, std::size_t first, const TransposeTarget& target) {
  constexpr std::size_t kTile = 64;
  const std::size_t rows = target.out.size() / target.width;
  const std::size_t in = static_cast<std::size_t>(tensor.shape[1]);
  const std::size_t out_rows = rows_of(tensor);
  std::vector<float> tile(kTile * rows);
  for (std::size_t begin = 0; begin < out_rows; begin += kTile) {
    const std::size_t count = std::min(kTile, out_rows - begin);
    for (std::size_t i = 0; i < count; ++i) {
      read_as_float(tensor, (begin + i) * in + first, std::span(tile).subspan(i * rows, rows));
    }
    for (std::size_t row = 0; row < rows; ++row) {
      float* out = target.out.data() + row * target.width + target.column + begin;
      for (std::size_t i = 0; i < count; ++i) out[i] = tile[i * rows + row];
    }
  }
}

// Columns that belong together: the same `down` of one task, and what it updates.
struct Group {
  std::int64_t task = 0;
  TensorView down;
  std::vector<LowRank> parts;

  std::size_t rank() const { return rows_of(down); }
};

std::vector<Group> groups_of(const LinearWeights& linear) {
  std::vector<Group> groups;
  for (std::size_t task = 0; task < linear.adapters.size(); ++task) {
    const std::size_t first_of_task = groups.size();
    for (const LowRank& part : linear.adapters[task]) {
      auto group = std::find_if(
          groups.begin() + static_cast<std::ptrdiff_t>(first_of_task), groups.end(),
          [&](const Group& other) { return other.down.bytes.data() == part.down.bytes.data(); });
      if (group == groups.end()) {
        group = groups.insert(groups.end(), Group{extent(task), part.down, {}});
      }
      group->parts.push_back(part);
    }
  }
  return groups;
}

// Small weights of many layers: made when written, so that they are not in memory together.
Payload made_late(std::vector<std::int64_t> shape, std::function<std::vector<float>()> make) {
  Payload payload;
  payload.shape = std::move(shape);
  payload.fill = [make = std::move(make), shape_of_all = payload.shape](std::size_t first,
                                                                        std::span<std::byte> out) {
    computed(shape_of_all, make()).fill(first, out);
  };
  return payload;
}

// up of all groups, [columns, out].
std::vector<float> stacked_up(const std::vector<Group>& groups, std::size_t out,
                              std::size_t columns) {
  std::vector<float> values(columns * out, 0.0f);
  std::size_t first = 0;  // column of the group
  for (const Group& group : groups) {
    const std::size_t rank = group.rank();
    for (const LowRank& part : group.parts) {
      const std::vector<float> up = all_floats(part.up);
      for (std::size_t row = 0; row < rows_of(part.up); ++row) {
        for (std::size_t r = 0; r < rank; ++r) {
          values[(first + r) * out + part.first + row] = part.scaling * up[row * rank + r];
        }
      }
    }
    first += rank;
  }
  return values;
}

std::size_t rank_of(const LowRankTable& update) {
  return static_cast<std::size_t>(update.a.shape[update.transposed ? 0 : 1]);
}

// b of one task's table update as [rank, width].
std::vector<float> table_up(const LowRankTable& update, std::size_t width) {
  const std::size_t rank = rank_of(update);
  const std::vector<float> b = all_floats(update.b);
  if (!update.transposed) return b;
  std::vector<float> values(b.size());
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t r = 0; r < rank; ++r) values[r * width + i] = b[i * rank + r];
  }
  return values;
}

// Rows [first, ...) of one task's a, [rows, rank], into `out`, whose rows are `stride` long.
void read_table_rows(const LowRankTable& update, std::size_t first, const TransposeTarget& target) {
  const std::size_t rank = rank_of(update);
  if (update.transposed) return transpose_block(update.a, first, target);
  const std::size_t rows = target.out.size() / target.width;
  std::vector<float> values(rows * rank);
  read_as_float(update.a, first * rank, values);
  for (std::size_t row = 0; row < rows; ++row) {
    std::copy_n(values.begin() + extent(row * rank), rank,
                target.out.begin() + extent(row * target.width + target.column));
  }
}

}  // namespace

Payload copied(const EncoderWeights& weights, const TensorView& tensor) {
  const std::size_t row = tensor.elements() / std::max<std::size_t>(1, rows_of(tensor));
  return {.shape = tensor.shape,
          .fill =
              [tensor, row](std::size_t first, std::span<std::byte> out) {
                read_as_float(tensor, first * row, floats(out));
              },
          .release = [&weights, tensor] { weights.release(tensor); }};
}

Payload joined(const EncoderWeights& weights, const std::vector<TensorView>& vectors) {
  std::vector<float> values;
  for (const TensorView& vector : vectors) {
    const std::vector<float> part = all_floats(vector);
    values.insert(values.end(), part.begin(), part.end());
    weights.release(vector);
  }
  const std::int64_t length = extent(values.size());
  return computed({length}, std::move(values));
}

Payload transposed(const EncoderWeights& weights, const LinearWeights& linear) {
  return {
      .shape = {extent(linear.in), extent(linear.out)},
      .fill =
          [parts = linear.weight, width = linear.out](std::size_t first, std::span<std::byte> out) {
            std::size_t column = 0;
            for (const TensorView& part : parts) {
              transpose_block(part, first, {floats(out), width, column});
              column += rows_of(part);
            }
          },
      .release =
          [&weights, parts = linear.weight] {
            for (const TensorView& part : parts) weights.release(part);
          }};
}

Payload computed(std::vector<std::int64_t> shape, std::vector<float> values) {
  std::size_t row = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) row *= static_cast<std::size_t>(shape[i]);
  return {.shape = std::move(shape),
          .fill =
              [values = std::move(values), row](std::size_t first, std::span<std::byte> out) {
                const std::span<float> target = floats(out);
                std::copy_n(values.begin() + extent(first * row), target.size(), target.begin());
              },
          .release = {}};
}

SidePath side_path(const EncoderWeights& weights, const LinearWeights& linear) {
  const std::vector<Group> groups = groups_of(linear);
  SidePath path;
  LinearWeights down;
  for (const Group& group : groups) {
    path.columns.insert(path.columns.end(), group.rank(), group.task);
    down.weight.push_back(group.down);
  }
  if (path.columns.empty()) return path;
  down.in = linear.in;
  down.out = path.columns.size();
  path.down = transposed(weights, down);
  path.up = made_late({extent(path.columns.size()), extent(linear.out)},
                      [groups, out = linear.out, columns = path.columns.size()] {
                        return stacked_up(groups, out, columns);
                      });
  return path;
}

SidePath side_path(const EncoderWeights& weights, const TableWeights& table) {
  SidePath path;
  std::vector<LowRankTable> updates;
  std::vector<float> up;
  for (std::size_t task = 0; task < table.adapters.size(); ++task) {
    for (const LowRankTable& update : table.adapters[task]) {
      path.columns.insert(path.columns.end(), rank_of(update), extent(task));
      updates.push_back(update);
      for (const float value : table_up(update, table.width)) {
        up.push_back(update.scaling * value);
      }
    }
  }
  if (path.columns.empty()) return path;
  const std::size_t width = path.columns.size();
  path.up = computed({extent(width), extent(table.width)}, std::move(up));
  path.down = {.shape = {extent(table.rows), extent(width)},
               .fill =
                   [updates, width](std::size_t first, std::span<std::byte> out) {
                     std::size_t column = 0;
                     for (const LowRankTable& update : updates) {
                       read_table_rows(update, first, {floats(out), width, column});
                       column += rank_of(update);
                     }
                   },
               .release =
                   [&weights, updates] {
                     for (const LowRankTable& update : updates) weights.release(update.a);
                   }};
  return path;
}

Payload first_row_by_task(const TableWeights& table) {
  const std::size_t width = table.width;
  std::vector<float> base(width);
  read_as_float(table.table, 0, base);
  std::vector<float> values = base;
  for (const auto& updates : table.adapters) {
    std::vector<float> row = base;
    for (const LowRankTable& update : updates) {
      const std::size_t rank = rank_of(update);
      const std::vector<float> b = table_up(update, width);
      std::vector<float> a(rank);
      read_table_rows(update, 0, {a, rank, 0});
      for (std::size_t r = 0; r < rank; ++r) {
        for (std::size_t i = 0; i < width; ++i) {
          row[i] += update.scaling * a[r] * b[r * width + i];
        }
      }
    }
    values.insert(values.end(), row.begin(), row.end());
  }
  return computed({extent(1 + table.adapters.size()), extent(width)}, std::move(values));
}

float embedding_scale(const ModelSpec& spec, const EncoderWeights& weights) {
  if (weights.words.table.type != DataType::kBf16) return spec.embedding_scale;
  const auto bits = std::bit_cast<std::uint32_t>(spec.embedding_scale);
  return std::bit_cast<float>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

Payload norm_weight(const EncoderWeights& weights, const NormWeights& norm,
                    const BlockSpec& block) {
  if (!block.norms_from_one) return copied(weights, norm.weight);
  std::vector<float> values(norm.weight.elements());
  read_as_float(norm.weight, 0, values);
  for (float& value : values) value += 1.0f;
  return computed(norm.weight.shape, std::move(values));
}

Payload norm_bias(const EncoderWeights& weights, const NormWeights& norm) {
  if (!norm.bias.shape.empty()) return copied(weights, norm.bias);
  return computed(norm.weight.shape, std::vector<float>(norm.weight.elements()));
}

Payload first_rows(const TableWeights& table, std::size_t rows) {
  std::vector<float> values(rows * table.width);
  read_as_float(table.table, 0, values);
  return computed({extent(rows), extent(table.width)}, std::move(values));
}

RotaryShape rotary_shape(const ModelSpec& spec, bool window) {
  if (window) return {spec.block.window_rotary_base, spec.rotary_divisor, spec.head_width()};
  return {spec.rotary_base, spec.rotary_divisor, spec.head_width(), spec.rotary_frequencies,
          spec.rotary_magnitude};
}

RotaryTables rotary_tables(const RotaryShape& rotary, std::size_t positions) {
  const std::size_t half = rotary.width / 2;
  std::vector<float> cosines(positions * half);
  std::vector<float> sines(positions * half);
  for (std::size_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary.width);
    const float power = static_cast<float>(std::pow(rotary.base, static_cast<double>(exponent)));
    const float frequency = rotary.frequencies.empty()
                                ? 1.0f / power / static_cast<float>(rotary.divisor)
                                : rotary.frequencies[i];
    for (std::size_t position = 0; position < positions; ++position) {
      const float angle = static_cast<float>(position) * frequency;
      cosines[position * half + i] =
          rotary.magnitude * static_cast<float>(std::cos(static_cast<double>(angle)));
      sines[position * half + i] =
          rotary.magnitude * static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  const std::vector<std::int64_t> shape = {extent(positions), extent(half)};
  return {computed(shape, std::move(cosines)), computed(shape, std::move(sines))};
}

}  // namespace nestvec
