// SPDX-License-Identifier: Apache-2.0
#include "output/vector.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "nestvec/error.h"
#include "nestvec/model.h"

namespace nestvec {

std::size_t most_dimensions(const ModelInfo& model) {
  return std::max(model.dimensions, model.most_dimensions);
}

void check_dimensions(std::size_t dimensions, std::size_t width,
                      std::span<const std::size_t> trained) {
  if (dimensions >= 1 && dimensions <= width) return;
  std::string message =
      "dimensions " + std::to_string(dimensions) + " is not in 1.." + std::to_string(width);
  for (std::size_t i = 0; i < trained.size(); ++i) {
    message += (i == 0 ? "; the model was trained for " : ", ") + std::to_string(trained[i]);
  }
  throw Error(ErrorCode::kInvalidArgument, message);
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

void layer_normalise(std::span<float> row) {
  constexpr double kEpsilon = 1e-5;
  const auto count = static_cast<double>(row.size());
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value);
  const double mean = sum / count;
  double squares = 0;
  for (const float value : row) {
    squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  }
  const double scale = 1.0 / std::sqrt(squares / count + kEpsilon);
  for (float& value : row) value = static_cast<float>((static_cast<double>(value) - mean) * scale);
}

void finish_vector(std::span<const float> pooled, bool normalize, std::size_t index,
                   std::span<float> out) {
  std::copy_n(pooled.begin(), out.size(), out.begin());
  double sum = 0;
  for (const float value : out) sum += static_cast<double>(value) * static_cast<double>(value);
  if (!std::isfinite(sum)) {
    ErrorDetail detail;
    detail.text = index;
    throw Error(ErrorCode::kInternal,
                "text " + std::to_string(index) +
                    ": the model computed a value that is not finite, in fp32 too",
                detail);
  }
  if (!normalize || sum == 0) return;
  const double scale = 1.0 / std::sqrt(sum);
  for (float& value : out) value = static_cast<float>(static_cast<double>(value) * scale);
}

}  // namespace nestvec
