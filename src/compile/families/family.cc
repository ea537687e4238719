// SPDX-License-Identifier: Apache-2.0
#include "compile/families/family.h"

#include <array>

namespace nestvec {

std::span<const Family> families() {
  static const std::array<Family, 3> all = {kJinaV5, kEuroBert, kQwen3};
  return all;
}

}  // namespace nestvec
