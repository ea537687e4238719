// SPDX-License-Identifier: Apache-2.0
#include "weights/shards.h"

#include <filesystem>
#include <iterator>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::vector<std::string>> checked_index(const fs::path& path) {
  try {
    const JsonDocument document = JsonDocument::load(path.string());
    return parse_shard_index(document.root());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw Error(ErrorCode::kDataLoss, error.what());
  }
}

// Throws Error kDataLoss where one of `names` is not among `tensors`.
void check_listed(const std::vector<TensorView>& tensors, const std::vector<std::string>& names,
                  const std::string& shard, const std::string& index) {
  std::unordered_set<std::string_view> found;
  for (const TensorView& tensor : tensors) found.insert(tensor.name);
  for (const std::string& name : names) {
    if (found.contains(name)) continue;
    throw Error(ErrorCode::kDataLoss, one_line(shard + ": no tensor " + name + ", which " + index +
                                               " lists; fetch the file again"));
  }
}

}  // namespace

std::map<std::string, std::vector<std::string>> parse_shard_index(const JsonValue& index) {
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, file] : index.at("weight_map").members()) {
    const std::string shard(file.string());
    if (shard.empty() || shard[0] == '.' || shard.find('/') != std::string::npos ||
        shard.find('\0') != std::string::npos) {
      throw file.error("a shard must be a file of the same folder, found " + excerpt(shard));
    }
    shards[shard].emplace_back(name);
  }
  return shards;
}

WeightSet read_shards(const std::string& folder, const std::string& index, ParseTensors parse) {
  const fs::path path = fs::path(folder) / index;
  std::vector<MappedFile> files;
  std::vector<TensorView> tensors;
  for (const auto& [shard, names] : checked_index(path)) {
    files.emplace_back((fs::path(folder) / shard).string());
    std::vector<TensorView> part = parse(files.back().bytes(), files.back().path());
    check_listed(part, names, files.back().path(), path.string());
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
