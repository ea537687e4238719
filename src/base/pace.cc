// SPDX-License-Identifier: Apache-2.0
#include "base/pace.h"

namespace nestvec {

void Pace::look(std::size_t steps) {
  before_ = this->steps() + steps;
  left_ = kStride;
  if (look_) look_();
}

}  // namespace nestvec
