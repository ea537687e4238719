// SPDX-License-Identifier: Apache-2.0
#include "weights/shards.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// Tensor names by shard.
std::map<std::string, std::vector<std::string>> read_index(const fs::path& path) {
  const JsonDocument document = JsonDocument::load(path.string());
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, file] : document.root().at("weight_map").members()) {
    const std::string shard(file.string());
    if (shard.empty() || shard[0] == '.' || shard.find('/') != std::string::npos) {
      throw file.error("a shard must be a file of the same folder, found " + shard);
    }
    shards[shard].emplace_back(name);
  }
  return shards;
}

std::map<std::string, std::vector<std::string>> checked_index(const fs::path& path) {
  try {
    return read_index(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw Error(ErrorCode::kDataLoss, error.what());
  }
}

}  // namespace

WeightSet read_shards(const std::string& folder, const std::string& index, ParseTensors parse) {
  const fs::path path = fs::path(folder) / index;
  std::vector<MappedFile> files;
  std::vector<TensorView> tensors;
  for (const auto& [shard, names] : checked_index(path)) {
    files.emplace_back((fs::path(folder) / shard).string());
    std::vector<TensorView> part = parse(files.back().bytes(), files.back().path());
    for (const std::string& name : names) {
      if (std::ranges::find(part, name, &TensorView::name) != part.end()) continue;
      throw Error(ErrorCode::kDataLoss,
                  one_line(files.back().path() + ": no tensor " + name + ", which " +
                           path.string() + " lists; fetch the file again"));
    }
    std::move(part.begin(), part.end(), std::back_inserter(tensors));
  }
  return WeightSet(folder, std::move(files), std::move(tensors));
}

std::vector<std::string> shard_files(const std::string& folder, const std::string& index) {
  const fs::path path = fs::path(folder) / index;
  std::vector<std::string> files = {path.string()};
  for (const auto& [shard, names] : checked_index(path)) {
    files.push_back((fs::path(folder) / shard).string());
  }
  return files;
}

}  // namespace nestvec
