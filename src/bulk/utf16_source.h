// SPDX-License-Identifier: Apache-2.0
// UTF-16 as UTF-8.
#pragma once

#include <memory>

#include "bulk/byte_source.h"

namespace nestvec {

// What `wide` gives, without its byte order mark. Lone surrogates and a last odd byte become
// U+FFFD.
std::unique_ptr<ByteSource> utf16_source(std::unique_ptr<ByteSource> wide, bool big_endian);

}  // namespace nestvec
