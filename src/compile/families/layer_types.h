// SPDX-License-Identifier: Apache-2.0
// Families in which only some layers see all tokens, and the others a window.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace nestvec {

class JsonValue;

inline constexpr const char* kFullAttention = "full_attention";
inline constexpr const char* kSlidingAttention = "sliding_attention";

// The base of a kind's rotary positions. Transformers 5 has an object a kind of layer; before,
// there was a key for each base. Throws Error.
double rotary_base_of_kind(const JsonValue& config, const char* kind, const char* old_key,
                           double fallback);

// The layers that see a window, by `layer_types`, or where that is missing as `is_window` says.
// Throws Error.
std::vector<std::size_t> window_layers_of(const JsonValue& config, std::size_t layers,
                                          const std::function<bool(std::size_t)>& is_window);

}  // namespace nestvec
