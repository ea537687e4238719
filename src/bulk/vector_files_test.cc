// SPDX-License-Identifier: Apache-2.0
// Output files: what they hold at each sync, and that a cut-back file goes on as if it had never
// been longer.
#include "bulk/vector_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class VectorFilesTest : public testing::Test {
 protected:
  VectorFilesTest()
      : folder_(fs::temp_directory_path() / ("vector-files-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~VectorFilesTest() override { fs::remove_all(folder_); }

  OutputSpec spec(const std::string& name, VectorFormat format,
                  EmbeddingFormat type = EmbeddingFormat::kFloat) const {
    return {(folder_ / name).string(), format, type};
  }
  static std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }

  fs::path folder_;
};

const std::vector<float> kVector = {0.5f, -1.0f, 0.25f, 0, 1, -0.125f, 0, 0};

std::vector<OutputSpec> all_specs(
    const std::function<OutputSpec(VectorFormat, EmbeddingFormat)>& make) {
  std::vector<OutputSpec> specs = {make(VectorFormat::kRaw, EmbeddingFormat::kFloat),
                                   make(VectorFormat::kJsonLines, EmbeddingFormat::kFloat)};
  for (const EmbeddingFormat type : {EmbeddingFormat::kFloat, EmbeddingFormat::kFloat16,
                                     EmbeddingFormat::kInt8, EmbeddingFormat::kUbinary}) {
    specs.push_back(make(VectorFormat::kNpy, type));
  }
  return specs;
}

TEST_F(VectorFilesTest, CutBackTheyGoOnTheSame) {
  const auto specs = all_specs(
      [&](VectorFormat format, EmbeddingFormat type) { return spec("whole", format, type); });
  for (const OutputSpec& whole : specs) {
    const auto append = [](VectorFiles& files, std::uint64_t i) {
      std::vector<float> vector = kVector;
      vector[0] = static_cast<float>(i);
      files.write({i, i == 1 ? "\"id\"" : ""}, vector);
    };
    OutputSpec cut = whole;
    cut.path = (folder_ / "cut").string();
    {
      VectorFiles files(whole, kVector.size(), true, {});
      for (std::uint64_t i = 0; i < 6; ++i) append(files, i);
      files.sync();
    }
    OutputSizes sizes;
    {
      VectorFiles files(cut, kVector.size(), true, {});
      for (std::uint64_t i = 0; i < 3; ++i) append(files, i);
      sizes = files.sync();
      files.write_null({9, ""});
      files.note_error("{}");
      files.sync();
    }
    {
      VectorFiles files(cut, kVector.size(), true, sizes);
      for (std::uint64_t i = 3; i < 6; ++i) append(files, i);
      files.sync();
    }
    VectorFiles::publish(whole, false);
    VectorFiles::publish(cut, false);
    EXPECT_EQ(content(cut.path), content(whole.path));
    EXPECT_EQ(content(cut.ids_path()), content(whole.ids_path()));
    EXPECT_EQ(content(cut.scales_path()), content(whole.scales_path()));
    EXPECT_FALSE(content(whole.path).empty());
    EXPECT_FALSE(fs::exists(cut.errors_path()));
    EXPECT_FALSE(fs::exists(partial_path(cut.digests_path())));
    VectorFiles::publish(cut, false);  // as after a kill in the middle of it
  }
}

TEST_F(VectorFilesTest, ALinkStaysAndTheFileLiesWhereItLeads) {
  const OutputSpec link = spec("link.f32", VectorFormat::kRaw);
  fs::create_directories(folder_ / "disk");
  fs::create_symlink("disk/vectors", link.path);
  {
    VectorFiles files(link, kVector.size(), false, {});
    files.write({0, ""}, kVector);
    files.sync();
    EXPECT_TRUE(fs::exists(folder_ / "disk/vectors.partial"));
  }
  VectorFiles::publish(link, false);
  EXPECT_TRUE(fs::is_symlink(link.path));
  EXPECT_EQ(content((folder_ / "disk/vectors").string()).size(), kVector.size() * sizeof(float));
}

TEST_F(VectorFilesTest, ARepeatedVectorIsTheSame) {
  const auto specs = all_specs(
      [&](VectorFormat format, EmbeddingFormat type) { return spec("out", format, type); });
  for (const OutputSpec& out : specs) {
    std::string twice;
    std::string repeated;
    for (std::string* text : {&twice, &repeated}) {
      VectorFiles files(out, kVector.size(), true, {});
      const VectorLocation first = files.write({0, ""}, kVector);
      files.write({1, ""}, std::vector<float>(8, 3));
      if (text == &twice) files.write({2, ""}, kVector);
      if (text == &repeated) files.repeat({2, ""}, first);
      files.sync();
      *text = content(partial_path(out.path)) + content(partial_path(out.scales_path()));
    }
    EXPECT_EQ(repeated, twice);
  }
}

TEST_F(VectorFilesTest, JsonLines) {
  const OutputSpec out = spec("out.jsonl", VectorFormat::kJsonLines);
  VectorFiles files(out, 2, false, {});
  files.write({0, ""}, std::vector<float>{1, -0.5f});
  files.write({3, "\"k\""}, std::vector<float>{0, 2});
  files.write_null({4, "7"});
  files.sync();
  EXPECT_EQ(content(partial_path(out.path)),
            "{\"index\":0,\"embedding\":[1,-0.5]}\n"
            "{\"index\":3,\"id\":\"k\",\"embedding\":[0,2]}\n"
            "{\"index\":4,\"id\":7,\"embedding\":null}\n");
}

TEST_F(VectorFilesTest, WhatCannotGoOn) {
  const OutputSpec out = spec("out", VectorFormat::kRaw);
  {
    const VectorFiles files(out, 8, false, {});
    EXPECT_THROW(VectorFiles(out, 8, false, {}), Error) << "two runs write one file";
  }
  OutputSizes more;
  more.vectors = 32;
  try {
    const VectorFiles files(out, 8, false, more);
    ADD_FAILURE() << "vectors that were counted are gone, and nobody says so";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
  }
  EXPECT_THROW(VectorFiles(spec("b", VectorFormat::kNpy, EmbeddingFormat::kUbinary), 12, false, {}),
               Error);
  EXPECT_THROW(spec("b", VectorFormat::kRaw, EmbeddingFormat::kInt8).check(), Error);
}

TEST(OutputSpec, NamesBeside) {
  const OutputSpec out{"some/where.x/vectors.npy", VectorFormat::kNpy, EmbeddingFormat::kInt8};
  EXPECT_EQ(out.ids_path(), "some/where.x/vectors.ids.jsonl");
  EXPECT_EQ(out.scales_path(), "some/where.x/vectors.scales.npy");
  EXPECT_EQ(out.errors_path(), "some/where.x/vectors.errors.jsonl");
  EXPECT_EQ(guess_vector_format("a.f32"), VectorFormat::kRaw);
  EXPECT_THROW(guess_vector_format("a.txt"), Error);
}

}  // namespace
}  // namespace nestvec
