// SPDX-License-Identifier: Apache-2.0
#include "weights/onnx_initializers.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/checkpoint.h"
#include "support/onnx_file.h"

namespace nestvec {
namespace {

using onnx_file::bytes;
using onnx_file::entry;
using onnx_file::floats;
using onnx_file::number;
using onnx_file::varint;

std::string model(const std::string& tensor) { return onnx_file::model({tensor}); }
std::string external_tensor(const std::string& location, const std::string& offset) {
  return number(1, 2) + number(2, 1) + bytes(8, "w") + entry("location", location) +
         entry("offset", offset) + entry("length", "8") + number(14, 1);
}

std::vector<OnnxInitializer> parse(const std::string& file) {
  return parse_onnx_graph(std::as_bytes(std::span(file)), "m.onnx").initializers;
}

std::vector<float> values_of(const TensorView& tensor) {
  std::vector<float> values(tensor.elements());
  read_as_float(tensor, 0, values);
  return values;
}

TEST(OnnxInitializersTest, ReadsRawDataAndFloatData) {
  const std::string raw = model(number(1, 2) + number(1, 1) + number(2, 1) + bytes(8, "raw") +
                                bytes(9, floats({1, 2})));
  const std::vector<OnnxInitializer> from_raw = parse(raw);
  ASSERT_EQ(from_raw.size(), 1u);
  EXPECT_EQ(from_raw[0].tensor.name, "raw");
  EXPECT_EQ(from_raw[0].tensor.shape_text(), "[2, 1]");
  EXPECT_EQ(values_of(from_raw[0].tensor), (std::vector<float>{1, 2}));
  const std::string packed_dims =
      model(bytes(1, varint(1) + varint(3)) + number(2, 1) + bytes(4, floats({3, 4, 5})));
  const std::vector<OnnxInitializer> from_floats = parse(packed_dims);
  ASSERT_EQ(from_floats.size(), 1u);
  EXPECT_EQ(from_floats[0].tensor.shape_text(), "[1, 3]");
  EXPECT_EQ(values_of(from_floats[0].tensor), (std::vector<float>{3, 4, 5}));
}

TEST(OnnxInitializersTest, LeavesOutWhatCannotBeAWeight) {
  EXPECT_TRUE(
      parse(model(number(1, 1) + number(2, 7) + bytes(7, varint(9)))).empty());       // int64_data
  EXPECT_TRUE(parse(model(number(1, 1) + number(2, 8) + bytes(6, "text"))).empty());  // strings
}

TEST(OnnxInitializersTest, ReadsExternalDataOfItsFolder) {
  TemporaryFolder folder;
  write_text(folder / "m.onnx", model(external_tensor("data/w.bin", "4")));
  write_text(folder / "data/w.bin", floats({9, 1, 2}));
  const WeightSet set = read_onnx_weights((folder / "m.onnx").string());
  EXPECT_EQ(values_of(set.at("w", std::vector<std::int64_t>{2})), (std::vector<float>{1, 2}));
}

TEST(OnnxInitializersTest, GivesAnonymousWeightsTheirNamesAndShapes) {
  TemporaryFolder folder;
  const std::string path = (folder / "m.onnx").string();
  write_text(path,
             onnx_file::model(
                 {onnx_file::head("onnx::MatMul_7", {3, 2}) + bytes(9, floats({1, 4, 2, 5, 3, 6})),
                  onnx_file::head("onnx::MatMul_8", {3}) + bytes(9, floats({1, 2, 3})),
                  onnx_file::head("m.bias", {2}) + bytes(9, floats({7, 8}))},
                 {onnx_file::node("MatMul", {"x", "onnx::MatMul_7"}, "y"),
                  onnx_file::node("Add", {"m.bias", "y"}, "z"),
                  onnx_file::node("MatMul", {"z", "onnx::MatMul_8"}, "u"),
                  onnx_file::node("Add", {"n.bias", "u"}, "v")}));
  const WeightSet set = read_onnx_weights(path);
  EXPECT_EQ(values_of(set.at("m.weight", std::vector<std::int64_t>{2, 3})),
            (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values_of(set.at("onnx::MatMul_7", std::vector<std::int64_t>{3, 2})),
            (std::vector<float>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(set.find("n.weight"), nullptr);  // no matrix
}

TEST(OnnxInitializersTest, ListsItsFiles) {
  TemporaryFolder folder;
  const std::string path = (folder / "m.onnx").string();
  write_text(path, onnx_file::model({external_tensor("w.bin", "0"), external_tensor("v.bin", "0"),
                                     external_tensor("w.bin", "8")}));
  EXPECT_EQ(onnx_files(path), (std::vector<std::string>{path, (folder / "w.bin").string(),
                                                        (folder / "v.bin").string()}));
  write_text(path, onnx_file::model({external_tensor("../w.bin", "0")}));
  EXPECT_THROW(onnx_files(path), Error);
}

std::string complaint_about(const std::string& location, const std::string& offset) {
  TemporaryFolder folder;
  write_text(folder / "model/m.onnx", model(external_tensor(location, offset)));
  write_text(folder / "model/w.bin", floats({9, 1, 2}));
  write_text(folder / "secret", floats({9, 1, 2}));
  try {
    read_onnx_weights((folder / "model/m.onnx").string());
  } catch (const Error& error) {
    return std::string(error_code_name(error.code())) + " " + error.what();
  }
  return "";
}

TEST(OnnxInitializersTest, RefusesExternalDataElsewhere) {
  EXPECT_EQ(complaint_about("w.bin", "4"), "");
  for (const char* location : {"../secret", "/etc/passwd", "a/../../secret"}) {
    EXPECT_NE(complaint_about(location, "0").find("outside the model's folder"), std::string::npos)
        << location;
  }
  EXPECT_NE(complaint_about("w.bin", "5").find("takes 8 bytes from byte 5, the file has 12"),
            std::string::npos);
  EXPECT_NE(complaint_about("w.bin", "18446744073709551615").find("DATA_LOSS"), std::string::npos);
  EXPECT_NE(complaint_about("w.bin", "x").find("not a number"), std::string::npos);
  EXPECT_NE(complaint_about("missing.bin", "0").find("NOT_FOUND"), std::string::npos);
  EXPECT_NE(complaint_about("", "0").find("without a location"), std::string::npos);
}

TEST(OnnxInitializersTest, RefusesDamage) {
  EXPECT_THROW(parse(""), Error);
  EXPECT_THROW(parse("not a model"), Error);
  EXPECT_THROW(parse(bytes(1, "text")), Error);
  EXPECT_THROW(parse(onnx_file::model({}, {"\x0f"})), Error);  // a node with a wire type 7
  EXPECT_THROW(parse(onnx_file::model(
                   {}, {bytes(4, "Gemm") + bytes(2, "y") + bytes(1, "x") + bytes(5, "\x12\x7f")})),
               Error);  // an attribute that ends early
  TemporaryFolder folder;
  const std::string tensor = onnx_file::head("w", {1}) + bytes(9, floats({1}));
  write_text(folder / "m.onnx", onnx_file::model({tensor, tensor}));
  EXPECT_THROW(read_onnx_weights((folder / "m.onnx").string()), Error);
  // Shape and bytes disagree; a shape that overflows; a negative extent.
  const std::string raw = number(2, 1) + bytes(9, floats({1, 2}));
  EXPECT_THROW(parse(model(number(1, 3) + raw)), Error);
  EXPECT_THROW(parse(model(number(1, UINT64_MAX / 2) + number(1, 8) + raw)), Error);
  EXPECT_THROW(parse(model(number(1, UINT64_MAX) + raw)), Error);
  const std::string whole = model(number(1, 2) + raw);
  ASSERT_EQ(parse(whole).size(), 1u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    if (size == 2) continue;  // behind the version a message may end, but then there is no graph
    EXPECT_THROW(parse(whole.substr(0, size)), Error) << size;
  }
  EXPECT_THROW(parse(whole.substr(0, 2)), Error);
}

}  // namespace
}  // namespace nestvec
