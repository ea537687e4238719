// SPDX-License-Identifier: Apache-2.0
// The rows of a linear layer's input as its product reads them.
#pragma once

#include <cstddef>

#include "ops/linear.h"
#include "ops/team.h"

namespace nestvec {

// How a layer's input meets its weights.
enum class Product { kF32, kBf16, kF32Bf16, kBf16W8, kF32W8, kS8 };
Product product_of(const LinearLayer& layer, const EngineContext& context);

// Rows of one product: they stay in the second cache level while panels pass.
inline constexpr std::size_t kProductRows = 96;

// The elements from row to row with which `kProductRows` rows of `width` do not collide in the
// first cache level.
std::size_t spread(std::size_t width, std::size_t element_bytes);

struct RowInput {
  Product product = Product::kF32;
  const void* a = nullptr;
  std::size_t stride = 0;            // elements
  const RowScale* scales = nullptr;  // s8: [rows]
  const float* h = nullptr;          // down x of the row's task, [rows, rank]; null: no adapters
};

// Normalises rows, where the input has a norm, converts them to the product's type, where they are
// not, and takes them down to the adapters' rank. The result lives in the team's scratch, until its
// next.
RowInput prepare_rows(const LinearLayer& layer, const LinearInput& in, const Team& team);

// Makes room for prepare_rows of at most `rows` rows, which then allocates nothing. `normed`:
// whether the input has a norm.
void reserve_rows(const LinearLayer& layer, std::size_t rows, bool normed, const Team& team);

}  // namespace nestvec
