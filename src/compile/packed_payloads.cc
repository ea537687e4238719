// SPDX-License-Identifier: Apache-2.0
#include "compile/packed_payloads.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "compile/payloads.h"
#include "ops/kernels/table.h"

namespace nestvec {
namespace {

std::int64_t extent(std::size_t size) { return static_cast<std::int64_t>(size); }

// The halves of a gated layer are each rounded up to panels, which then take turns.
PackedShape shape_of(const LinearWeights& linear, WeightType type) {
  const std::size_t half = (linear.out / 2 + kPanel - 1) / kPanel * kPanel;
  return {type, linear.gated ? 2 * half : linear.out, linear.in};
}

// The output rows of a panel.
struct PanelRows {
  std::size_t first;
  std::size_t count;
};
PanelRows rows_of_panel(const LinearWeights& linear, std::size_t panel) {
  const std::size_t width = linear.gated ? linear.out / 2 : linear.out;
  const std::size_t begin = (linear.gated ? panel / 2 : panel) * kPanel;
  const std::size_t half = linear.gated ? panel % 2 * width : 0;
  return {half + begin, std::min(kPanel, width - begin)};
}

// The column in which the panels have an output row.
std::size_t column_of_row(const LinearWeights& linear, std::size_t row) {
  if (!linear.gated) return row;
  const std::size_t width = linear.out / 2;
  const std::size_t place = row % width;
  return (place / kPanel * 2 + row / width) * kPanel + place % kPanel;
}

// Output rows [first, first + count) of the layer, [count, K], whichever tensors they lie in.
std::vector<float> weight_rows(const LinearWeights& linear, std::size_t first, std::size_t count) {
  std::vector<float> rows(count * linear.in);
  std::size_t part_first = 0;
  for (const TensorView& part : linear.weight) {
    const auto part_rows = static_cast<std::size_t>(part.shape[0]);
    const std::size_t begin = std::max(first, part_first);
    const std::size_t end = std::min(first + count, part_first + part_rows);
    if (begin < end) {
      read_as_float(
          part, (begin - part_first) * linear.in,
          std::span(rows).subspan((begin - first) * linear.in, (end - begin) * linear.in));
    }
    part_first += part_rows;
  }
  return rows;
}

void fill_panels(const LinearWeights& linear, WeightType type, std::size_t first_panel,
                 std::span<std::byte> out) {
  const PackedShape shape = shape_of(linear, type);
  for (std::size_t done = 0; done < out.size(); done += shape.panel_bytes()) {
    const auto [first, count] = rows_of_panel(linear, first_panel + done / shape.panel_bytes());
    const std::vector<float> rows = weight_rows(linear, first, count);
    const std::span<std::byte> panel = out.subspan(done, shape.panel_bytes());
    std::vector<float> scales(kPanel);
    std::vector<std::int32_t> sums(kPanel);
    switch (type) {
      case WeightType::kF32:
        pack_f32(shape, rows, panel);
        break;
      case WeightType::kBf16:
        pack_bf16(shape, rows, panel);
        break;
      case WeightType::kS8:
        pack_s8(shape, rows, panel, scales, sums);
        break;
      case WeightType::kW8:
        pack_w8(shape, rows, panel);
        break;
    }
  }
}

// What pack_s8 says beside the panels.
struct Columns {
  std::vector<float> scales;
  std::vector<std::int32_t> sums;
};

Columns columns_of(const LinearWeights& linear) {
  const PackedShape shape = shape_of(linear, WeightType::kS8);
  Columns columns;
  columns.scales.resize(shape.padded_outputs());
  columns.sums.resize(shape.padded_outputs());
  std::vector<std::byte> panel(shape.panel_bytes());
  for (std::size_t i = 0; i < shape.panels(); ++i) {
    const auto [first, count] = rows_of_panel(linear, i);
    pack_s8(shape, weight_rows(linear, first, count), panel,
            std::span(columns.scales).subspan(i * kPanel, kPanel),
            std::span(columns.sums).subspan(i * kPanel, kPanel));
  }
  return columns;
}

// A payload of one piece that is made when it is written.
template <class Make>
Payload made_late(DataType type, std::vector<std::int64_t> shape, Make make) {
  Payload payload;
  payload.type = type;
  std::size_t row = element_size(type);
  for (std::size_t i = 1; i < shape.size(); ++i) row *= static_cast<std::size_t>(shape[i]);
  payload.shape = std::move(shape);
  payload.fill = [make = std::move(make), row](std::size_t first, std::span<std::byte> out) {
    const auto values = make();
    std::memcpy(out.data(), std::as_bytes(std::span(values)).subspan(first * row).data(),
                out.size());
  };
  return payload;
}

// Updates with the same `down` are stacked once; `parts` says which rows of `up` they fill.
struct Group {
  TensorView down;
  std::vector<LowRank> parts;
};

std::vector<Group> groups_of(const std::vector<LowRank>& updates) {
  std::vector<Group> groups;
  for (const LowRank& part : updates) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return group.down.bytes.data() == part.down.bytes.data();
    });
    if (same != groups.end()) {
      same->parts.push_back(part);
    } else {
      groups.push_back({part.down, {part}});
    }
  }
  return groups;
}

// The rank of one update; the rest up to the layer's largest is zeros.
std::size_t own_rank(const Group& group) { return static_cast<std::size_t>(group.down.shape[0]); }

std::vector<float> stacked_down(const LinearWeights& linear, std::size_t rank,
                                std::size_t stacked_rank) {
  std::vector<float> down(linear.adapters.size() * stacked_rank * linear.in);
  for (std::size_t task = 0; task < linear.adapters.size(); ++task) {
    std::size_t row = task * stacked_rank;
    for (const Group& group : groups_of(linear.adapters[task])) {
      read_as_float(group.down, 0,
                    std::span(down).subspan(row * linear.in, own_rank(group) * linear.in));
      row += rank;
    }
  }
  return down;
}

std::vector<float> stacked_up(const LinearWeights& linear, std::size_t rank,
                              std::size_t stacked_rank) {
  const std::size_t width = shape_of(linear, WeightType::kF32).padded_outputs();
  std::vector<float> up(linear.adapters.size() * stacked_rank * width);
  for (std::size_t task = 0; task < linear.adapters.size(); ++task) {
    std::size_t row = task * stacked_rank;
    for (const Group& group : groups_of(linear.adapters[task])) {
      const std::size_t own = own_rank(group);
      for (const LowRank& part : group.parts) {
        std::vector<float> values(part.up.elements());
        read_as_float(part.up, 0, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
          const std::size_t column = column_of_row(linear, part.first + i / own);
          up[(row + i % own) * width + column] = part.scaling * values[i];
        }
      }
      row += rank;
    }
  }
  return up;
}

std::span<float> floats(std::span<std::byte> bytes) {
  return {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
}

// Column i of `from` as column places[i] of a matrix of `width` columns that is zero elsewhere.
Payload spread_columns(Payload from, const std::vector<std::size_t>& places, std::size_t width) {
  Payload payload;
  payload.shape = {from.shape[0], extent(width)};
  payload.release = from.release;
  payload.fill = [fill = std::move(from.fill), places, width](std::size_t first,
                                                              std::span<std::byte> out) {
    const std::size_t rows = out.size() / sizeof(float) / width;
    std::vector<float> values(rows * places.size());
    fill(first, std::as_writable_bytes(std::span(values)));
    const std::span<float> target = floats(out);
    std::fill(target.begin(), target.end(), 0.0f);
    for (std::size_t i = 0; i < values.size(); ++i) {
      target[i / places.size() * width + places[i % places.size()]] = values[i];
    }
  };
  return payload;
}

// The same for rows.
Payload spread_rows(const Payload& from, const std::vector<std::size_t>& places, std::size_t rows) {
  const auto width = static_cast<std::size_t>(from.shape[1]);
  std::vector<float> values(places.size() * width);
  from.fill(0, std::as_writable_bytes(std::span(values)));
  std::vector<float> spread(rows * width);
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::copy_n(values.begin() + extent(i * width), width,
                spread.begin() + extent(places[i] * width));
  }
  return computed({extent(rows), extent(width)}, std::move(spread));
}

}  // namespace

Payload packed_panels(const EncoderWeights& weights, const LinearWeights& linear, WeightType type) {
  const PackedShape shape = shape_of(linear, type);
  return {
      .type = DataType::kU8,
      .shape = {extent(shape.panels()), extent(shape.panel_bytes())},
      .fill = [linear, type](std::size_t first,
                             std::span<std::byte> out) { fill_panels(linear, type, first, out); },
      .release =
          [&weights, parts = linear.weight] {
            for (const TensorView& part : parts) weights.release(part);
          }};
}

Payload column_scales(const LinearWeights& linear) {
  const std::size_t width = shape_of(linear, WeightType::kS8).padded_outputs();
  return made_late(DataType::kF32, {extent(width)}, [linear] { return columns_of(linear).scales; });
}

Payload column_sums(const LinearWeights& linear) {
  const std::size_t width = shape_of(linear, WeightType::kS8).padded_outputs();
  return made_late(DataType::kI32, {extent(width)}, [linear] { return columns_of(linear).sums; });
}

Payload padded_bias(const LinearWeights& linear) {
  std::vector<float> values;
  for (const TensorView& part : linear.bias) {
    values.resize(values.size() + part.elements());
    read_as_float(part, 0, std::span(values).last(part.elements()));
  }
  const std::size_t width = shape_of(linear, WeightType::kF32).padded_outputs();
  std::vector<float> padded(width);
  for (std::size_t i = 0; i < values.size(); ++i) padded[column_of_row(linear, i)] = values[i];
  return computed({extent(width)}, std::move(padded));
}

StackedUpdates stacked_updates(const LinearWeights& linear) {
  StackedUpdates updates;
  std::size_t rank = 0;
  std::size_t groups = 0;
  for (const std::vector<LowRank>& task : linear.adapters) {
    const std::vector<Group> own = groups_of(task);
    groups = std::max(groups, own.size());
    for (const Group& group : own) rank = std::max(rank, own_rank(group));
  }
  updates.rank = groups * rank;
  if (updates.rank == 0) return updates;
  const std::int64_t tasks = extent(linear.adapters.size());
  const std::int64_t width = extent(shape_of(linear, WeightType::kF32).padded_outputs());
  const std::size_t stacked_rank = updates.rank;
  updates.down =
      made_late(DataType::kF32, {tasks, extent(stacked_rank), extent(linear.in)},
                [linear, rank, stacked_rank] { return stacked_down(linear, rank, stacked_rank); });
  updates.up =
      made_late(DataType::kF32, {tasks, extent(stacked_rank), width},
                [linear, rank, stacked_rank] { return stacked_up(linear, rank, stacked_rank); });
  return updates;
}

StackedUpdates stacked_updates(const EncoderWeights& weights, const TableWeights& table,
                               const AdapterSpec& adapters) {
  SidePath path = side_path(weights, table);
  if (path.columns.empty()) return {};
  std::size_t rank = 0;
  std::vector<std::size_t> of_task;  // each column's place among those of its task
  for (std::size_t i = 0; i < path.columns.size(); ++i) {
    of_task.push_back(i > 0 && path.columns[i] == path.columns[i - 1] ? of_task.back() + 1 : 0);
    rank = std::max(rank, of_task.back() + 1);
  }
  const std::size_t width = adapters.tasks.size() * rank;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < path.columns.size(); ++i) {
    places.push_back(static_cast<std::size_t>(path.columns[i]) * rank + of_task[i]);
  }
  if (places.size() == width) return {rank, std::move(path.down), std::move(path.up)};
  return {rank, spread_columns(std::move(path.down), places, width),
          spread_rows(path.up, places, width)};
}

Payload w8_table(const EncoderWeights& weights, const TensorView& table) {
  const auto width = static_cast<std::size_t>(table.shape[1]);
  const std::size_t row_bytes = w8_row_bytes(width);
  return {.type = DataType::kI8,
          .shape = {table.shape[0], extent(row_bytes)},
          .fill =
              [table, width, row_bytes](std::size_t first, std::span<std::byte> out) {
                std::vector<float> row(width);
                for (std::size_t i = 0; i * row_bytes < out.size(); ++i) {
                  read_as_float(table, (first + i) * width, row);
                  pack_w8_row(row, out.subspan(i * row_bytes, row_bytes));
                }
              },
          .release = [&weights, table] { weights.release(table); }};
}

Payload compact_table(const EncoderWeights& weights, const TensorView& table) {
  if (table.type != DataType::kBf16 || table.transposed) return copied(weights, table);
  const std::size_t row = table.bytes.size() / static_cast<std::size_t>(table.shape[0]);
  return {.type = DataType::kBf16,
          .shape = table.shape,
          .fill =
              [table, row](std::size_t first, std::span<std::byte> out) {
                std::memcpy(out.data(), table.bytes.data() + first * row, out.size());
              },
          .release = [&weights, table] { weights.release(table); }};
}

}  // namespace nestvec
