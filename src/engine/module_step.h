// SPDX-License-Identifier: Apache-2.0
// What modules.json puts behind the pooling, as data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ops/activation.h"

namespace nestvec {

// Dense: activation(W x + bias), and x or R x added to it; LayerNorm with weight and bias;
// Normalize: the vector at length 1.
enum class ModuleKind { kDense, kLayerNorm, kNormalize };

struct ModuleStep {
  ModuleKind kind = ModuleKind::kNormalize;
  std::string folder;       // with its config.json and its weights; empty for Normalize
  std::size_t inputs = 0;   // 0 for Normalize: as many as come
  std::size_t outputs = 0;  // the same
  bool bias = false;
  bool residual = false;
  Activation activation = Activation::kNone;
};

// Reads N_Dense/config.json or N_LayerNorm/config.json. Keys that sentence-transformers ignores,
// too, become `notes`. Throws Error: kUnimplemented for what changes a vector and is not
// supported, kInvalidArgument for sizes that are no sizes; with file and key.
ModuleStep read_dense(const std::string& folder, std::vector<std::string>& notes);
ModuleStep read_layer_norm(const std::string& folder);

// Dimensions of a vector behind the steps.
std::size_t width_behind(std::span<const ModuleStep> steps, std::size_t width);

// Memory that a ModuleStack of them takes.
std::uint64_t module_bytes(std::span<const ModuleStep> steps);

}  // namespace nestvec
