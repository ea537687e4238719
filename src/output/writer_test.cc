// SPDX-License-Identifier: Apache-2.0
// Packed forms and file formats against values from NumPy and Python's base64.
#include "output/writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <sstream>

#include "base/json.h"
#include "nestvec/error.h"
#include "output/pack.h"

namespace nestvec {
namespace {

std::string written(OutputFormat format, const std::vector<std::vector<float>>& rows) {
  std::ostringstream out;
  VectorWriter writer(format, rows.empty() ? 2 : rows[0].size(), out);
  for (const std::vector<float>& row : rows) writer.write(row);
  writer.finish();
  return out.str();
}

TEST(Base64, IsLittleEndianFloat32) {
  // base64.b64encode(numpy.array(values, "<f4")) for 1, 2 and 3 values: all paddings.
  const std::vector<float> values = {1.0f, -2.5f, 0.1f};
  const auto encoded = [&](std::size_t count) {
    std::string out;
    append_base64({values.data(), count}, out);
    return out;
  };
  EXPECT_EQ(encoded(0), "");
  EXPECT_EQ(encoded(1), "AACAPw==");
  EXPECT_EQ(encoded(2), "AACAPwAAIMA=");
  EXPECT_EQ(encoded(3), "AACAPwAAIMDNzMw9");
}

TEST(Binary, IsMostSignificantBitFirstAndZeroCountsAsSet) {
  const std::vector<float> vector = {1, -1, 0, -1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, -1, -1};
  EXPECT_EQ(pack_ubinary(vector), (std::vector<std::uint8_t>{0b10100001, 0}));
  EXPECT_EQ(pack_binary(vector), (std::vector<std::int8_t>{0b10100001 - 128, -128}));
  EXPECT_THROW(pack_ubinary(std::span(vector).first(7)), Error);
}

TEST(Int8, SpansTheRowAndIsWithinHalfAStep) {
  const Int8Vector small = pack_int8(std::vector<float>{-2, 1, 0.5f, 0, 2});
  EXPECT_EQ(small.values, (std::vector<std::int8_t>{-127, 64, 32, 0, 127}));  // 63.5 goes to even
  EXPECT_FLOAT_EQ(small.scale, 2.0f / 127.0f);
  EXPECT_EQ(pack_int8(std::vector<float>{0, 0}).values, (std::vector<std::int8_t>{0, 0}));
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (const float size : {1e-40f, 1e-3f, 1e38f}) {
    std::vector<float> row(512);
    for (float& value : row) value = std::clamp(normal(random), -3.0f, 3.0f) * size;
    const Int8Vector packed = pack_int8(row);
    double most = 0;
    for (const float value : row) most = std::max(most, std::fabs(static_cast<double>(value)));
    for (std::size_t i = 0; i < row.size(); ++i) {
      const double restored = packed.values[i] * most / 127.0;
      EXPECT_NEAR(restored, static_cast<double>(row[i]), most / 254.0 * (1 + 1e-9));
    }
  }
}

TEST(VectorWriter, JsonFormsHoldTheValuesExactly) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> rows(5, std::vector<float>(16));
  for (auto& row : rows) {
    for (float& value : row) value = normal(random) * 1e-3f;
  }
  std::istringstream lines(written(OutputFormat::kJsonLines, rows));
  std::string line;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    const auto document = JsonDocument::parse(line, "line");
    EXPECT_EQ(document.root().at("index").integer(), static_cast<std::int64_t>(i));
    const std::vector<JsonValue> values = document.root().at("embedding").elements();
    ASSERT_EQ(values.size(), rows[i].size());
    for (std::size_t k = 0; k < values.size(); ++k) {
      EXPECT_EQ(static_cast<float>(values[k].number()), rows[i][k]);
    }
  }
  const auto whole = JsonDocument::parse(written(OutputFormat::kJson, rows), "whole");
  EXPECT_EQ(whole.root().at("dimensions").integer(), 16);
  EXPECT_EQ(whole.root().at("embeddings").size(), 5u);
}

TEST(VectorWriter, PackedFormsAreLines) {
  const std::vector<std::vector<float>> rows = {{1, -1, 1, 1, 1, 1, 1, 1}};
  EXPECT_EQ(written(OutputFormat::kUbinary, rows), "{\"index\":0,\"embedding\":[191]}\n");
  EXPECT_EQ(written(OutputFormat::kBinary, rows), "{\"index\":0,\"embedding\":[63]}\n");
  EXPECT_EQ(written(OutputFormat::kBase64, {{1, -2.5}}),
            "{\"index\":0,\"embedding\":\"AACAPwAAIMA=\"}\n");
}

TEST(VectorWriter, NpyIsAlignedAndComplete) {
  const std::vector<std::vector<float>> rows = {{1, 2, 3}, {4, 5, 6}};
  const std::string file = written(OutputFormat::kNpy, rows);
  const std::size_t header =
      static_cast<unsigned char>(file[8]) + 256u * static_cast<unsigned char>(file[9]);
  EXPECT_EQ(file.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ((10 + header) % 64, 0u);
  EXPECT_NE(file.find("'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"),
            std::string::npos);
  ASSERT_EQ(file.size(), 10 + header + 6 * sizeof(float));
  float last = 0;
  std::memcpy(&last, file.data() + file.size() - sizeof(float), sizeof(float));
  EXPECT_EQ(last, 6.0f);
}

TEST(VectorWriter, NoRowsAreStillADocument) {
  EXPECT_EQ(written(OutputFormat::kJson, {}), "{\"dimensions\":2,\"embeddings\":[]}\n");
  EXPECT_NE(written(OutputFormat::kNpy, {}).find("'shape': (0, 2)"), std::string::npos);
  EXPECT_EQ(written(OutputFormat::kJsonLines, {}), "");
}

TEST(ParseOutputFormat, ListsTheNames) {
  EXPECT_EQ(parse_output_format("npy"), OutputFormat::kNpy);
  try {
    parse_output_format("xml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(
        error.what(),
        "unknown format \"xml\"; expected one of json, jsonl, npy, base64, binary, ubinary");
  }
}

}  // namespace
}  // namespace nestvec
