// SPDX-License-Identifier: Apache-2.0
#include "ops/nodes/node_run.h"

#include <algorithm>

#include "nestvec/error.h"
#include "ops/nodes/node_reader.h"

namespace nestvec {
namespace {

Error misshapen(std::size_t index, const TensorShape& found, const std::string& expected) {
  return Error(ErrorCode::kDataLoss, "input " + std::to_string(index) + " has the shape " +
                                         describe_shape(found) + ", expected " + expected);
}

template <class T>
std::span<const T> elements(const Ort::ConstValue& value) {
  return {static_cast<const T*>(value.GetTensorRawData()),
          value.GetTensorTypeAndShapeInfo().GetElementCount()};
}

}  // namespace

bool NodeRun::has(std::size_t index) const {
  if (index >= context_.GetInputCount()) return false;
  return static_cast<const OrtValue*>(context_.GetInput(index)) != nullptr;
}

Ort::ConstValue NodeRun::input(std::size_t index) const {
  if (!has(index)) {
    throw Error(ErrorCode::kDataLoss, "input " + std::to_string(index) + " is missing");
  }
  return context_.GetInput(index);
}

std::span<const float> NodeRun::rows(std::size_t index, std::size_t width) const {
  const Ort::ConstValue value = input(index);
  const TensorShape shape = value.GetTensorTypeAndShapeInfo().GetShape();
  if (shape.size() != 2 || shape[1] != static_cast<std::int64_t>(width)) {
    throw misshapen(index, shape, "[n, " + std::to_string(width) + "]");
  }
  return elements<float>(value);
}

std::span<const std::int64_t> NodeRun::ints(std::size_t index) const {
  const Ort::ConstValue value = input(index);
  const TensorShape shape = value.GetTensorTypeAndShapeInfo().GetShape();
  if (shape.size() != 1) throw misshapen(index, shape, "[n]");
  return elements<std::int64_t>(value);
}

std::span<const std::int64_t> NodeRun::ranges(std::size_t index, std::size_t rows) const {
  const Ort::ConstValue value = input(index);
  const TensorShape shape = value.GetTensorTypeAndShapeInfo().GetShape();
  if (shape.size() != 2 || shape[1] != 2) throw misshapen(index, shape, "[n, 2]");
  const std::span<const std::int64_t> ranges = elements<std::int64_t>(value);
  for (std::size_t i = 0; i < ranges.size(); i += 2) {
    const std::int64_t begin = ranges[i];
    const std::int64_t end = ranges[i + 1];
    if (begin >= 0 && begin <= end && end <= static_cast<std::int64_t>(rows)) continue;
    throw Error(ErrorCode::kDataLoss, "input " + std::to_string(index) + " has the range " +
                                          std::to_string(begin) + " to " + std::to_string(end) +
                                          " of " + std::to_string(rows) + " rows");
  }
  return ranges;
}

NodeBatch NodeRun::batch(std::size_t rows) const {
  const NodeBatch batch{ints(1), ints(2)};
  const std::span<const std::int64_t> offsets = batch.offsets;
  const bool ends =
      !offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<std::int64_t>(rows);
  if (!ends || !std::ranges::is_sorted(offsets) || batch.tasks.size() + 1 != offsets.size()) {
    throw Error(ErrorCode::kDataLoss, "the inputs 1 and 2, " + std::to_string(offsets.size()) +
                                          " offsets and " + std::to_string(batch.tasks.size()) +
                                          " tasks, do not divide " + std::to_string(rows) +
                                          " rows");
  }
  return batch;
}

float* NodeRun::output(std::size_t rows, std::size_t width) const {
  return context_.GetOutput(0, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)})
      .GetTensorMutableData<float>();
}

const std::int32_t* row_tasks(const NodeBatch& batch, std::size_t tasks, EngineContext& context) {
  bool any = false;
  for (const std::int64_t task : batch.tasks) {
    any = any || task >= 0;
    if (task >= -1 && task < static_cast<std::int64_t>(tasks)) continue;
    throw Error(ErrorCode::kDataLoss, "task " + std::to_string(task) + " is not one of the " +
                                          std::to_string(tasks) + " adapters");
  }
  if (!any) return nullptr;
  auto* rows = context.row_tasks.get<std::int32_t>(static_cast<std::size_t>(batch.offsets.back()));
  for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
    std::fill(rows + batch.offsets[i], rows + batch.offsets[i + 1],
              static_cast<std::int32_t>(batch.tasks[i]));
  }
  return rows;
}

}  // namespace nestvec
