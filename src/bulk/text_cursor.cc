// SPDX-License-Identifier: Apache-2.0
#include "bulk/text_cursor.h"

#include "base/compression.h"

#include <algorithm>

namespace nestvec {

bool TextCursor::more() {
  buffer_.erase(0, taken_);
  taken_ = 0;
  const std::string_view bytes = source_->read();
  buffer_.append(bytes);
  return !bytes.empty();
}

void TextCursor::take(std::size_t bytes) {
  const std::string_view text = pending().substr(0, bytes);
  offset_ += text.size();
  lines_ += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  checksum_ = crc32_of(text, checksum_);
  taken_ += text.size();
}

}  // namespace nestvec
