// SPDX-License-Identifier: Apache-2.0
// An input that is a folder: sections of the form "==> NAME" and a line's end, and then the file.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "support/checkpoint.h"

class FolderInput {
 public:
  // `names` are the files that inputs may have; others are left out.
  explicit FolderInput(std::span<const std::string_view> names) : names_(names) {
    for (const std::string_view name : names) {
      std::filesystem::create_directories((folder_ / std::string(name)).parent_path());
    }
  }

  // Lays `input` out as files, and removes those of the input before.
  void fill(std::string_view input) {
    for (const std::string_view name : names_) {
      std::filesystem::remove(folder_ / std::string(name));
    }
    for (std::size_t at = input.find(kMark); at != std::string_view::npos;) {
      const std::size_t name_at = at + kMark.size();
      const std::size_t line_end = std::min(input.find('\n', name_at), input.size());
      const std::string_view name = input.substr(name_at, line_end - name_at);
      at = input.find(kMark, line_end);
      const std::size_t first = std::min(line_end + 1, input.size());
      const std::size_t last = std::max(first, std::min(at, input.size()));
      if (std::ranges::find(names_, name) == names_.end()) continue;
      std::ofstream(folder_ / std::string(name), std::ios::binary)
          << input.substr(first, last - first);
    }
  }

  // Where the input does not have it.
  void put_if_missing(const std::string& name, std::string_view content) {
    if (std::filesystem::exists(folder_ / name)) return;
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }

  std::string path() const { return folder_.string(); }

 private:
  static constexpr std::string_view kMark = "==> ";

  nestvec::TemporaryFolder folder_;
  std::span<const std::string_view> names_;
};
