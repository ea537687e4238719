// SPDX-License-Identifier: Apache-2.0
#include "weights/safetensors.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

std::vector<TensorView> parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "m.safetensors");
}

// What the reader says of a broken file; "" where it finds nothing wrong.
std::string complaint(const std::string& file) {
  const std::string error = error_of([&] { parse(file); }, ErrorCode::kDataLoss);
  EXPECT_TRUE(error.empty() || error.starts_with("m.safetensors: ")) << error;
  return error;
}

std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"("t":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

std::string one(const std::string& type, const std::string& shape, const std::string& offsets,
                std::size_t bytes) {
  return TestCheckpoint::assemble("{" + entry(type, shape, offsets) + "}", std::string(bytes, 'x'));
}

TEST(SafetensorsTest, ReadsTensorsInPlace) {
  TestCheckpoint checkpoint;
  checkpoint.add("b", {2, 2}, std::vector<float>{1, 2, 3, 4});
  checkpoint.add("a", {3}, std::vector<float>{0.5f, -1, 8}, DataType::kBf16);
  checkpoint.add("scalar", {}, std::vector<float>{7});
  checkpoint.add("empty", {0, 5}, {});
  const std::string file = checkpoint.bytes();
  const std::vector<TensorView> tensors = parse(file);
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors[0].name, "b");
  EXPECT_EQ(tensors[0].shape_text(), "[2, 2]");
  EXPECT_GE(reinterpret_cast<const char*>(tensors[0].bytes.data()), file.data());
  EXPECT_LT(reinterpret_cast<const char*>(tensors[0].bytes.data()), file.data() + file.size());
  std::vector<float> values(3);
  read_as_float(tensors[1], 0, values);
  EXPECT_EQ(values, (std::vector<float>{0.5f, -1, 8}));
  EXPECT_EQ(tensors[2].elements(), 1u);
  EXPECT_EQ(tensors[3].elements(), 0u);
}

TEST(SafetensorsTest, ReadsTypesThatAreNoWeightsAndMetadata) {
  const std::string file = TestCheckpoint::assemble(
      R"({"__metadata__":{"format":"pt"},)" + entry("I64", "[2]", "[0,16]") + "}   ",
      std::string(16, '\0'));
  const std::vector<TensorView> tensors = parse(file);
  ASSERT_EQ(tensors.size(), 1u);
  EXPECT_EQ(tensors[0].type, DataType::kI64);
}

struct Damage {
  const char* what;
  std::string file;
  const char* complaint;  // a part of the message
};

class DamagedSafetensorsTest : public testing::TestWithParam<Damage> {};

TEST_P(DamagedSafetensorsTest, IsRefusedWithNumbers) {
  EXPECT_NE(complaint(GetParam().file).find(GetParam().complaint), std::string::npos)
      << GetParam().what << ": \"" << complaint(GetParam().file) << "\"";
}

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string file = TestCheckpoint::assemble("", rest);
  std::memcpy(file.data(), &length, sizeof(length));
  return file;
}

const std::string kTwo =
    "{" + entry("F32", "[1]", "[0,4]") + R"(,"u":{"dtype":"F32","shape":[1],"data_offsets":)";

INSTANTIATE_TEST_SUITE_P(
    All, DamagedSafetensorsTest,
    testing::Values(
        Damage{"empty", "", "0 bytes are too few"},
        Damage{"seven bytes", "1234567", "7 bytes are too few"},
        Damage{"header beyond the file", with_length(100, "{}"), "a header of 100 bytes"},
        Damage{"header over the limit", with_length(kMaxSafetensorsHeader + 1, "{}"), "100000001"},
        Damage{"header of 2^64 - 1", with_length(UINT64_MAX, "{}"), "18446744073709551615"},
        Damage{"no JSON", TestCheckpoint::assemble("{\"t\":", ""), "m.safetensors"},
        Damage{"an array", TestCheckpoint::assemble("[]", ""), "expected an object"},
        Damage{"cut in the header", with_length(40, "{\"t\":{\"dtype\":\"F32\""), "announced"},
        Damage{"unknown type", one("F33", "[1]", "[0,4]", 4), "unknown type F33"},
        Damage{"no type", TestCheckpoint::assemble(R"({"t":{"shape":[]}})", ""), "dtype"},
        Damage{"type is a number", TestCheckpoint::assemble(R"({"t":{"dtype":1}})", ""), "t.dtype"},
        Damage{"negative extent", one("F32", "[-1]", "[0,4]", 4), "found -1"},
        Damage{"fractional extent", one("F32", "[1.5]", "[0,4]", 4), "expected an integer"},
        Damage{"shape too large", one("F32", "[3]", "[0,4]", 4), "takes 12 bytes"},
        Damage{"shape overflows", one("F32", "[4294967296,4294967296]", "[0,4]", 4), "over 2^64"},
        Damage{"one offset", one("F32", "[1]", "[0]", 4), "expected two numbers"},
        Damage{"offsets turned round", one("F32", "[1]", "[4,0]", 4), "4 to 0"},
        Damage{"offset beyond the data", one("F32", "[2]", "[0,8]", 4), "truncated"},
        Damage{"offset over 63 bits", one("F32", "[1]", "[0,18446744073709551615]", 4), "integer"},
        Damage{"a gap before", one("F32", "[1]", "[4,8]", 8), "begins at byte 4"},
        Damage{"a rest behind", one("F32", "[1]", "[0,4]", 9), "take 4 bytes of 9"},
        Damage{"overlap", TestCheckpoint::assemble(kTwo + "[0,4]}}", "xxxx"), "ends at 4"},
        Damage{"overlap by two bytes", TestCheckpoint::assemble(kTwo + "[2,6]}}", "xxxxxx"),
               "begins at byte 2"},
        Damage{"data without tensors", TestCheckpoint::assemble("{}", "x"), "take 0 bytes of 1"}));

TEST(SafetensorsTest, EveryTruncationIsRefused) {
  TestCheckpoint checkpoint;
  checkpoint.add("a", {2}, std::vector<float>{1, 2});
  checkpoint.add("b", {1}, std::vector<float>{3});
  const std::string file = checkpoint.bytes();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(complaint(file.substr(0, size)), "") << size;
  }
}

class SafetensorsFolderTest : public testing::Test {
 protected:
  void write_shards(const std::string& index) {
    TestCheckpoint one;
    one.add("a", {1}, std::vector<float>{1});
    one.save(folder_ / "model-1.safetensors");
    TestCheckpoint two;
    two.add("b", {1}, std::vector<float>{2});
    two.save(folder_ / "model-2.safetensors");
    write_text(folder_ / "model.safetensors.index.json", index);
  }

  std::string complaint() {
    return coded_error_of([&] { read_safetensors_folder(folder_.string()); });
  }

  TemporaryFolder folder_;
};

TEST_F(SafetensorsFolderTest, ReadsShardsAsOneSet) {
  write_shards(R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  const WeightSet set = read_safetensors_folder(folder_.string());
  EXPECT_EQ(set.tensors().size(), 2u);
  std::vector<float> value(1);
  read_as_float(set.at("b", std::vector<std::int64_t>{1}), 0, value);
  EXPECT_EQ(value[0], 2.0f);
  EXPECT_EQ(safetensors_files(folder_.string()).size(), 3u);
}

TEST_F(SafetensorsFolderTest, RefusesBrokenIndexes) {
  EXPECT_NE(complaint().find("NOT_FOUND"), std::string::npos);
  write_shards(R"({"weight_map":{"a":"model-2.safetensors"}})");
  EXPECT_NE(complaint().find("no tensor a"), std::string::npos) << complaint();
  write_shards(R"({"weight_map":{"a":"../model-1.safetensors"}})");
  EXPECT_NE(complaint().find("DATA_LOSS"), std::string::npos) << complaint();
  write_shards(R"({"weight_map":{"a":"model-3.safetensors"}})");
  EXPECT_NE(complaint().find("model-3.safetensors"), std::string::npos) << complaint();
  write_shards(R"({"weight_map":{"a":7}})");
  EXPECT_NE(complaint().find("weight_map.a"), std::string::npos) << complaint();
  write_shards("{}");
  EXPECT_NE(complaint().find("weight_map"), std::string::npos) << complaint();
}

TEST_F(SafetensorsFolderTest, ErrorsNameTheTensorTheShapeAndTheLikest) {
  TestCheckpoint checkpoint;
  checkpoint.add("layer.0.weight", {2, 3}, std::vector<float>(6));
  checkpoint.add("layer.0.bias", {3}, std::vector<float>(3));
  checkpoint.add("other", {1}, std::vector<float>(1));
  checkpoint.add_bytes("ids", "I64", {1}, std::string(8, '\0'));
  checkpoint.save(folder_ / "model.safetensors");
  const WeightSet set = read_safetensors_folder(folder_.string());
  const auto says = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    return error_of([&] { set.at(name, shape); });
  };
  const std::string path = (folder_ / "model.safetensors").string();
  EXPECT_EQ(says("layer.0.weight", {2, 3}), "");
  EXPECT_EQ(says("layer.0.weight", {3, 2}),
            path + ": tensor layer.0.weight has shape [2, 3], expected [3, 2] as config.json says");
  EXPECT_EQ(says("layer.0.weights", {3, 2}),
            path +
                ": no tensor layer.0.weights of shape [3, 2]; of 4 tensors the most similar are "
                "layer.0.weight [2, 3], layer.0.bias [3], ids [1]");
  EXPECT_EQ(says("ids", {1}), path + ": tensor ids has type I64, expected F32, F16 or BF16");
}

TEST(WeightSetTest, RefusesANameThatStandsTwice) {
  TensorView tensor;
  tensor.name = "t";
  EXPECT_THROW(WeightSet("f", {}, {tensor, tensor}), Error);
}

TEST_F(SafetensorsFolderTest, ReleasedPagesAreReadAgain) {
  TestCheckpoint checkpoint;
  std::vector<float> values(300'000, 1.0f);
  values.back() = 2.0f;
  checkpoint.add("t", {300'000}, values);
  checkpoint.save(folder_ / "model.safetensors");
  const WeightSet set = read_safetensors_folder(folder_.string());
  std::vector<float> read(values.size());
  read_as_float(set.tensors()[0], 0, read);
  set.release(set.tensors()[0]);
  std::vector<float> again(values.size());
  read_as_float(set.tensors()[0], 0, again);
  EXPECT_EQ(again, values);
}

}  // namespace
}  // namespace nestvec
