// SPDX-License-Identifier: Apache-2.0
// For tests that change a model of tests/models: a folder of the test's own, and a copy in it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "support/folders.h"

namespace nestvec {

inline std::string model_path(const std::string& name) {
  return test_data() + "/../models/" + name;
}

class ModelCopyTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = std::filesystem::path(test_build()) / test->test_suite_name() / test->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  // A fresh copy of a model, to be damaged.
  std::filesystem::path copy_of(const std::string& model) {
    folder_ = root_ / "model";
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(model_path(model), folder_, std::filesystem::copy_options::recursive);
    return folder_;
  }

  static std::string read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

  std::filesystem::path root_;
  std::filesystem::path folder_;  // the copy
};

}  // namespace nestvec
