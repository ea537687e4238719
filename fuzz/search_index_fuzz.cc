// SPDX-License-Identifier: Apache-2.0
// An index file of any bytes is read and written back the same, or is data loss told in one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/content_hash.h"
#include "expect_one_line.h"
#include "nestvec/error.h"
#include "search/index_file.h"

namespace {

void read_index(std::string_view bytes) {
  try {
    const nestvec::SearchIndex index = nestvec::parse_index(bytes, "file");
    if (nestvec::index_bytes(index) != bytes) std::abort();
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kDataLoss) std::abort();
    expect_one_line(error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_index(bytes);
  // With the checksum of these bytes, or nothing behind it would ever be read.
  nestvec::ContentHash hash = nestvec::ContentHash::sha256();
  hash.update(bytes);
  const auto sum = hash.finish_bytes();
  read_index(std::string(bytes).append(reinterpret_cast<const char*>(sum.data()), sum.size()));
  return 0;
}
