// SPDX-License-Identifier: Apache-2.0
// What follows a product.
#pragma once

#include <cstdint>

namespace nestvec {

// GELU in its exact form, x / 2 (1 + erf(x / sqrt 2)), its tanh approximation (GPT-2, Hendrycks and
// Gimpel, arXiv:1606.08415), ReLU, the value itself, tanh, or SiLU, x sigmoid(x) (Elfwing et al.,
// arXiv:1702.03118). The numbers stand in artefacts.
enum class Activation : std::uint8_t {
  kGelu = 0,
  kGeluTanh = 1,
  kRelu = 2,
  kNone = 3,
  kTanh = 4,
  kSilu = 5,
};

}  // namespace nestvec
