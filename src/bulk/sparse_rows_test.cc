// SPDX-License-Identifier: Apache-2.0
#include "bulk/sparse_rows.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bulk/vector_files.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kVocabulary = 300;
const SparseVectors kRows = {{0, 2, 2, 5}, {7, 250, 0, 8, 299}, {0.5F, 0.1F, 3.0F, 1e-7F, 2.0F}};

class SparseRowsTest : public testing::Test {
 protected:
  SparseRowsTest()
      : folder_(fs::temp_directory_path() / ("sparse-rows-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~SparseRowsTest() override { fs::remove_all(folder_); }

  OutputSpec spec(const std::string& name, VectorFormat format) const {
    return {(folder_ / name).string(), format, EmbeddingFormat::kFloat, true};
  }
  static std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }

  fs::path folder_;
};

// The bytes of a member that is stored as it is, behind its name and its sizes of 64 bits.
std::string member(const std::string& archive, const std::string& name, std::size_t bytes) {
  const std::size_t at = archive.find(name);
  EXPECT_NE(at, std::string::npos) << name;
  return archive.substr(at + name.size() + 20, bytes);
}

template <typename Value>
std::vector<Value> array(const std::string& archive, const std::string& name, std::size_t count) {
  const std::string bytes = member(archive, name, 128 + count * sizeof(Value)).substr(128);
  std::vector<Value> out(count);
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

TEST_F(SparseRowsTest, AsJson) {
  EXPECT_EQ(sparse_json(sparse_row(kRows, 0)), R"({"indices":[7,250],"values":[0.5,0.100000001]})");
  EXPECT_EQ(sparse_json(sparse_row(kRows, 1)), R"({"indices":[],"values":[]})");
}

TEST_F(SparseRowsTest, AsAnArchiveOfArrays) {
  const OutputSpec output = spec("rows.npz", VectorFormat::kNpz);
  {
    VectorFiles files(output, kVocabulary, false, {});
    const VectorLocation first = files.write({0, {}}, sparse_row(kRows, 0));
    files.write({1, "\"one\""}, sparse_row(kRows, 1));
    files.write({2, {}}, sparse_row(kRows, 2));
    files.repeat({3, {}}, first);
    files.write_null({4, {}});
    files.sync();
  }
  VectorFiles::publish(output, false);
  VectorFiles::publish(output, false);  // as after a kill in the middle of it
  EXPECT_FALSE(fs::exists(partial_path(output.path)));
  EXPECT_EQ(content(output.ids_path()), "0\n\"one\"\n2\n3\n4\n");
  const std::string archive = content(output.path);
  EXPECT_EQ(array<std::int32_t>(archive, "indices.npy", 7),
            (std::vector<std::int32_t>{7, 250, 0, 8, 299, 7, 250}));
  EXPECT_EQ(array<std::int64_t>(archive, "indptr.npy", 6),
            (std::vector<std::int64_t>{0, 2, 2, 5, 7, 7}));
  EXPECT_EQ(array<std::int64_t>(archive, "shape.npy", 2), (std::vector<std::int64_t>{5, 300}));
  EXPECT_EQ(array<float>(archive, "data.npy", 7),
            (std::vector<float>{0.5F, 0.1F, 3.0F, 1e-7F, 2.0F, 0.5F, 0.1F}));
  const std::string format = member(archive, "format.npy", 131);
  EXPECT_NE(format.find("'shape': ()"), std::string::npos);
  EXPECT_TRUE(format.ends_with("csr"));
}

TEST_F(SparseRowsTest, CutBackTheyGoOnTheSame) {
  for (const VectorFormat format : {VectorFormat::kNpz, VectorFormat::kJsonLines}) {
    const std::string ending = format == VectorFormat::kNpz ? ".npz" : ".jsonl";
    const OutputSpec whole = spec("whole" + ending, format);
    const OutputSpec cut = spec("cut" + ending, format);
    {
      VectorFiles files(whole, kVocabulary, false, {});
      for (std::size_t i = 0; i < 3; ++i) files.write({i, {}}, sparse_row(kRows, i));
      files.sync();
    }
    OutputSizes sizes;
    {
      VectorFiles files(cut, kVocabulary, false, {});
      files.write({0, {}}, sparse_row(kRows, 0));
      sizes = files.sync();
      files.write({1, {}}, sparse_row(kRows, 2));
      files.sync();
    }
    {
      VectorFiles files(cut, kVocabulary, false, sizes);
      for (std::size_t i = 1; i < 3; ++i) files.write({i, {}}, sparse_row(kRows, i));
      files.sync();
    }
    VectorFiles::publish(whole, false);
    VectorFiles::publish(cut, false);
    EXPECT_EQ(content(cut.path), content(whole.path));
  }
  EXPECT_EQ(content((folder_ / "whole.jsonl").string()).substr(0, 45),
            R"({"index":0,"sparse":{"indices":[7,250],"value)");
}

TEST_F(SparseRowsTest, RefusesAStreamThatEndsWithinARow) {
  const std::string stream = sparse_stream_head(kVocabulary) +
                             sparse_stream_row(sparse_row(kRows, 0)) +
                             sparse_stream_row(sparse_row(kRows, 2));
  const std::string path = (folder_ / "stream").string();
  const std::string out = (folder_ / "out.npz").string();
  for (std::size_t bytes = 1; bytes <= stream.size(); ++bytes) {
    std::ofstream(path, std::ios::binary) << stream.substr(0, bytes);
    const bool whole = bytes == 8 || bytes == 28 || bytes == stream.size();
    if (whole) {
      EXPECT_NO_THROW(write_npz(path, out)) << bytes;
    } else {
      EXPECT_THROW(write_npz(path, out), Error) << bytes;
    }
  }
}

TEST(SparseOutput, RefusesFormatsForDenseVectors) {
  const auto check = [](VectorFormat format, EmbeddingFormat type, bool sparse) {
    OutputSpec{"x", format, type, sparse}.check();
  };
  EXPECT_NO_THROW(check(VectorFormat::kNpz, EmbeddingFormat::kFloat, true));
  EXPECT_NO_THROW(check(VectorFormat::kJsonLines, EmbeddingFormat::kFloat, true));
  EXPECT_THROW(check(VectorFormat::kNpz, EmbeddingFormat::kFloat, false), Error);
  EXPECT_THROW(check(VectorFormat::kNpy, EmbeddingFormat::kFloat, true), Error);
  EXPECT_THROW(check(VectorFormat::kRaw, EmbeddingFormat::kFloat, true), Error);
  EXPECT_THROW(check(VectorFormat::kNpz, EmbeddingFormat::kInt8, true), Error);
}

}  // namespace
}  // namespace nestvec
