// SPDX-License-Identifier: Apache-2.0
#include "output/embedding_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "nestvec/error.h"
#include "output/npy.h"

namespace nestvec {
namespace {

std::vector<std::uint8_t> bytes_of(const ArrayRow& row) {
  return {row.bytes.begin(), row.bytes.end()};
}

TEST(EmbeddingFormats, ArraysAreKnownByTheirDtype) {
  EXPECT_EQ(array_format_names("|"), "float32|float16|binary|ubinary|int8|uint8");
  EXPECT_EQ(find_array_format("float32"), EmbeddingFormat::kFloat);
  EXPECT_EQ(find_array_format("float"), std::nullopt);
  EXPECT_EQ(find_array_format("base64"), std::nullopt);
  EXPECT_EQ(find_array_format(""), std::nullopt);
}

TEST(EmbeddingFormats, AnswersDoNotHaveAllOfThem) {
  EXPECT_EQ(format_names(), "float, base64, binary, ubinary, int8, uint8");
  EXPECT_EQ(find_format("float16"), std::nullopt);
}

TEST(EmbeddingFormats, RowsOfAnArray) {
  const std::vector<float> vector = {1, -1, 0.5F, 0, 1, -1, -1, -1};
  EXPECT_EQ(bytes_of(pack_row(vector, EmbeddingFormat::kUbinary)),
            std::vector<std::uint8_t>{0b10111000});
  EXPECT_EQ(bytes_of(pack_row(vector, EmbeddingFormat::kBinary)),
            std::vector<std::uint8_t>{0b00111000});
  const ArrayRow int8 = pack_row(vector, EmbeddingFormat::kInt8);
  const ArrayRow uint8 = pack_row(vector, EmbeddingFormat::kUint8);
  EXPECT_EQ(bytes_of(int8), (std::vector<std::uint8_t>{127, 129, 64, 0, 127, 129, 129, 129}));
  EXPECT_EQ(bytes_of(uint8), (std::vector<std::uint8_t>{255, 1, 192, 128, 255, 1, 1, 1}));
  EXPECT_EQ(int8.scale, 1.0F / 127.0F);
  EXPECT_EQ(uint8.scale, int8.scale);
  const ArrayRow floats = pack_row(vector, EmbeddingFormat::kFloat);
  ASSERT_EQ(floats.bytes.size(), vector.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(floats.bytes.data(), vector.data(), floats.bytes.size()), 0);
}

TEST(EmbeddingFormats, RowsHaveTheSizeThatTheFileSays) {
  const std::vector<float> vector(16, 0.25F);
  for (const char* dtype : {"float32", "float16", "binary", "ubinary", "int8", "uint8"}) {
    const EmbeddingFormat format = *find_array_format(dtype);
    EXPECT_EQ(pack_row(vector, format).bytes.size(), npy_type(format, vector.size()).row_bytes())
        << dtype;
  }
}

TEST(EmbeddingFormats, BitsNeedAMultipleOfEight) {
  check_format(EmbeddingFormat::kInt8, 7);
  check_format(EmbeddingFormat::kBinary, 8);
  EXPECT_THROW(check_format(EmbeddingFormat::kBinary, 7), Error);
  EXPECT_THROW(check_format(EmbeddingFormat::kUbinary, 12), Error);
}

}  // namespace
}  // namespace nestvec
