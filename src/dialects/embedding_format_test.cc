// SPDX-License-Identifier: Apache-2.0
#include "dialects/embedding_format.h"

#include <gtest/gtest.h>

#include "support/request_test.h"

namespace nestvec {
namespace {

using enum EmbeddingFormat;
using Formats = std::vector<EmbeddingFormat>;

std::string written(const std::vector<float>& vector, const Formats& formats) {
  std::string out;
  append_embedding(vector, formats, out);
  return out;
}

Formats read(const std::string& json) {
  const JsonDocument document = JsonDocument::parse(json, "body");
  return read_format_choice(document.root(), "embedding_type").dense;
}

TEST(EmbeddingFormat, EachAsItsClientsReadIt) {
  EXPECT_EQ(written({1.0f, -0.5f, 0.1f}, {kFloat}), "[1,-0.5,0.1]");
  // 00 00 80 3f
  EXPECT_EQ(written({1.0f}, {kBase64}), "\"AACAPw==\"");
  // 1010 0000 = 160; minus 128 = 32. Zero counts as not negative.
  EXPECT_EQ(written({1, -1, 0, -1, -1, -1, -1, -1}, {kUbinary}), "[160]");
  EXPECT_EQ(written({1, -1, 0, -1, -1, -1, -1, -1}, {kBinary}), "[32]");
  EXPECT_EQ(written({-1, -1, -1, -1, -1, -1, -1, -1}, {kBinary}), "[-128]");
  EXPECT_EQ(written({1.0f, -1.0f, 0.0f}, {kInt8}), "[127,-127,0]");
  EXPECT_EQ(written({1.0f, -1.0f, 0.0f}, {kUint8}), "[255,1,128]");
}

TEST(EmbeddingFormat, SeveralAsAnObject) {
  EXPECT_EQ(written({1, 1, 1, 1, 1, 1, 1, 1}, {kUbinary, kInt8}),
            R"({"ubinary":[255],"int8":[127,127,127,127,127,127,127,127]})");
}

TEST(EmbeddingFormat, NamesAndLists) {
  EXPECT_EQ(read(R"("float")"), Formats{kFloat});
  EXPECT_EQ(read(R"(["base64"])"), Formats{kBase64});
  EXPECT_EQ(read(R"(["ubinary", "float", "ubinary"])"), (Formats{kUbinary, kFloat}));
  for (const EmbeddingFormat format : {kFloat, kBase64, kBinary, kUbinary, kInt8, kUint8}) {
    EXPECT_EQ(find_format(format_name(format)), format);
  }
}

TEST(EmbeddingFormat, OthersAreRefusedWithTheValidOnes) {
  const auto refusal = [](const char* json) { return refusal_of([json] { read(json); }); };
  EXPECT_EQ(
      refusal(R"("md5")"),
      "400 embedding_type: embedding_type: unknown format md5; expected one of float, base64, "
      "binary, ubinary, int8, uint8, sparse, multivector");
  for (const char* json :
       {"[]", "1", "{}", "[1]", R"([["float"]])", R"(["float", "x"])", R"("Float")"}) {
    EXPECT_EQ(refusal(json).substr(0, 4), "400 ") << json;
  }
}

TEST(EmbeddingFormat, BitsNeedAMultipleOfEight) {
  const Formats all = {kFloat, kBinary};
  check_formats(all, 64, "embedding_type");
  check_formats(Formats{kFloat, kBase64, kInt8}, 65, "embedding_type");
  EXPECT_EQ(refusal_of([&] { check_formats(all, 65, "embedding_type"); }),
            "400 embedding_type: embedding_type: binary puts eight dimensions into a byte, and 65 "
            "is not a multiple of 8");
}

TEST(EmbeddingFormat, TheReservedSizeIsEnough) {
  std::vector<float> vector(1024);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    vector[i] = -0.0123456789f * static_cast<float>(i % 97) / 31.0f;
  }
  for (const EmbeddingFormat format : {kFloat, kBase64, kBinary, kUbinary, kInt8}) {
    const Formats formats = {format};
    EXPECT_LE(written(vector, formats).size(), embedding_size(vector.size(), formats));
  }
}

}  // namespace
}  // namespace nestvec
