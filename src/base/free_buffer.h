// SPDX-License-Identifier: Apache-2.0
// Memory of strings and vectors that is given back at once.
#pragma once

namespace nestvec {

// Empties a string or a vector and frees what it has: to assign an empty one keeps it, where the
// library copies short strings.
template <class Buffer>
void free_buffer(Buffer& buffer) noexcept {
  Buffer().swap(buffer);
}

}  // namespace nestvec
