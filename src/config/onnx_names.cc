// SPDX-License-Identifier: Apache-2.0
#include "config/onnx_names.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <tuple>

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = "onnx/";
constexpr std::string_view kEnding = ".onnx";

// From the most exact on; of equal ones the fastest. O1 to O4 are levels of Hugging Face's optimum,
// of which the last is for GPUs.
constexpr std::array<std::string_view, 14> kNames = {
    "model",      "model_fp16", "model_O3",        "model_optimized", "model_O2",
    "model_O1",   "model_O4",   "model_quantized", "model_int8",      "model_uint8",
    "model_bnb4", "model_q4",   "model_q4f16",     "model_simplified"};

std::string_view stem_of(std::string_view path) {
  if (path.starts_with(kFolder)) path.remove_prefix(kFolder.size());
  path.remove_suffix(kEnding.size());
  return path;
}

bool is_graph(std::string_view path) {
  if (!path.ends_with(kEnding)) return false;
  const std::string_view stem = stem_of(path);
  return stem.find('/') == std::string_view::npos &&
         (stem == "model" || stem.starts_with("model_"));
}

}  // namespace

std::vector<std::string> onnx_graphs(const std::vector<std::string>& paths) {
  std::vector<std::string> graphs;
  std::copy_if(paths.begin(), paths.end(), std::back_inserter(graphs), is_graph);
  const auto rank = [](const std::string& path) {
    const std::string_view stem = stem_of(path);
    const auto place = std::find(kNames.begin(), kNames.end(), stem) - kNames.begin();
    return std::tuple(place, stem, !path.starts_with(kFolder));
  };
  std::sort(graphs.begin(), graphs.end(),
            [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return graphs;
}

std::vector<std::string> find_onnx_graphs(const std::string& folder) {
  std::vector<std::string> paths;
  for (const fs::path& place : {fs::path(), fs::path("onnx")}) {
    std::error_code failed;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder / place, failed)) {
      std::error_code ignored;
      if (!entry.is_regular_file(ignored)) continue;
      paths.push_back((place / entry.path().filename()).generic_string());
    }
  }
  return onnx_graphs(paths);
}

}  // namespace nestvec
