// SPDX-License-Identifier: Apache-2.0
// A linear layer with random weights, and what it computes by plain sums in double.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "ops/linear.h"
#include "support/ops_test.h"

namespace nestvec {

// A layer with its weights, packed and plain.
struct TestLayer {
  TestLayer(WeightType type, std::size_t n, std::size_t k, std::size_t tasks, std::mt19937& random)
      : weight(values(n * k, 1.0 / std::sqrt(static_cast<double>(k)), random)),
        down(values(tasks * kRank * k, 1.0 / std::sqrt(static_cast<double>(k)), random)) {
    layer.shape = {type, n, k};
    if (type == WeightType::kBf16) {
      for (float& w : weight) w = rounded_to_bf16(w);
    }
    const std::size_t padded = layer.shape.padded_outputs();
    bias = padded_rows(values(n, 1.0, random), 1, n, padded);
    up = padded_rows(values(tasks * kRank * n, 0.5, random), tasks * kRank, n, padded);
    panels.resize(layer.shape.bytes());
    scales.resize(padded);
    sums.resize(padded);
    if (type == WeightType::kF32) pack_f32(layer.shape, weight, panels);
    if (type == WeightType::kBf16) pack_bf16(layer.shape, weight, panels);
    if (type == WeightType::kS8) pack_s8(layer.shape, weight, panels, scales, sums);
    if (type == WeightType::kW8) {
      pack_w8(layer.shape, weight, panels);
      weight = rounded_to_w8(weight, k);
    }
    layer.panels = panels.data();
    layer.bias = bias.data();
    layer.scales = scales.data();
    layer.sums = sums.data();
    if (tasks > 0) layer.adapters = {tasks, kRank, down.data(), up.data()};
  }

  // Row r of the layer's result without activation and residual.
  std::vector<double> reference(const float* x, std::int32_t task) const {
    const std::size_t n = layer.shape.outputs;
    const std::size_t k = layer.shape.inputs;
    const std::size_t padded = layer.shape.padded_outputs();
    std::vector<double> y(n);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = static_cast<double>(bias[i]);
      for (std::size_t j = 0; j < k; ++j) {
        y[i] += static_cast<double>(weight[i * k + j]) * static_cast<double>(x[j]);
      }
    }
    for (std::size_t r = 0; task >= 0 && r < kRank; ++r) {
      const std::size_t vector = static_cast<std::size_t>(task) * kRank + r;
      double h = 0;
      for (std::size_t j = 0; j < k; ++j) {
        h += static_cast<double>(down[vector * k + j]) * static_cast<double>(x[j]);
      }
      for (std::size_t i = 0; i < n; ++i) {
        y[i] += h * static_cast<double>(up[vector * padded + i]);
      }
    }
    return y;
  }

  static constexpr std::size_t kRank = 4;
  LinearLayer layer;
  std::vector<float> weight, down, bias, up, scales;
  std::vector<std::byte> panels;
  std::vector<std::int32_t> sums;
};

// What a product of unit size may be off by, for operands of this type: half a unit in the last
// place of each factor, where roundings of many terms cancel.
inline double tolerance(WeightType type, bool full_activations) {
  if (type == WeightType::kF32 || full_activations) return 2e-5;
  return type == WeightType::kS8 ? 5e-2 : 2e-2;
}

// LayerNorm with eps 1e-5.
inline std::vector<double> normalised(const std::vector<double>& x,
                                      const std::vector<float>& weight,
                                      const std::vector<float>& bias) {
  const auto n = static_cast<double>(x.size());
  double mean = 0;
  for (const double v : x) mean += v / n;
  double variance = 0;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(weight[i]) +
           static_cast<double>(bias[i]);
  }
  return y;
}

// RMSNorm with eps 1e-5.
inline std::vector<float> rms_normalised(const std::vector<float>& x,
                                         const std::vector<float>& weight) {
  double squares = 0;
  for (const float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
  const double factor = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = static_cast<float>(static_cast<double>(x[i]) * factor * static_cast<double>(weight[i]));
  }
  return y;
}

}  // namespace nestvec
