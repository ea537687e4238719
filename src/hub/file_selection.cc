// SPDX-License-Identifier: Apache-2.0
#include "hub/file_selection.h"

#include <fnmatch.h>

#include <algorithm>
#include <string_view>

#include "config/companions.h"
#include "config/onnx_names.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// "model-00001-of-00002.safetensors"
bool is_shard(std::string_view name) {
  return fnmatch("model-*[0-9]-of-[0-9]*.safetensors", std::string(name).c_str(), 0) == 0;
}

// What torch.save wrote, which counts where there is nothing else.
bool is_torch_weights(const std::string& path) {
  return path == "pytorch_model.bin" || path == "pytorch_model.bin.index.json" ||
         fnmatch("pytorch_model-*[0-9]-of-[0-9]*.bin", path.c_str(), FNM_PATHNAME) == 0;
}

bool is_safetensors_weights(std::string_view path) {
  return path == "model.safetensors" || path == "model.safetensors.index.json" || is_shard(path);
}

// `graph` or its external data: "model.onnx_data", "model.onnx.data", "model.onnx_data_1".
bool belongs_to_graph(std::string_view path, std::string_view graph) {
  return path == graph ||
         (path.starts_with(graph) && (path.substr(graph.size()).starts_with("_data") ||
                                      path.substr(graph.size()).starts_with(".data")));
}

bool has_file(const std::vector<RepoFile>& files, const std::string& path) {
  return std::ranges::find(files, path, &RepoFile::path) != files.end();
}

bool is_module_weights(const std::string& path, const std::vector<RepoFile>& files) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || !is_module_folder(path.substr(0, slash))) return false;
  const std::string name = path.substr(slash + 1);
  return name == "model.safetensors" ||
         (name == "pytorch_model.bin" &&
          !has_file(files, path.substr(0, slash) + "/model.safetensors"));
}

// modules.json may give the folder of a module any name; those of other formats' graphs are none.
bool is_module_config(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash != std::string_view::npos && path.substr(slash + 1) == "config.json" &&
         !path.starts_with("onnx/") && !path.starts_with("openvino/");
}

// The model card and the licence, without which nobody may pass the model on.
bool is_licence(std::string_view path) {
  return path == "README.md" || path == "LICENSE" || path == "LICENSE.txt" ||
         path == "LICENSE.md" || path == "NOTICE";
}

bool is_adapter(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "adapter_config.json" || name == "adapter_model.safetensors";
}

// bge-m3's heads for sparse vectors and vectors of tokens.
bool is_head(std::string_view path) {
  return path == "sparse_linear.pt" || path == "colbert_linear.pt" ||
         path == "sparse_linear.safetensors" || path == "colbert_linear.safetensors";
}

// The graph to take where there are no safetensors; empty = none.
std::string find_graph(const std::vector<RepoFile>& files) {
  std::vector<std::string> paths;
  for (const RepoFile& file : files) paths.push_back(file.path);
  const std::vector<std::string> graphs = onnx_graphs(paths);
  return graphs.empty() ? "" : graphs.front();
}

// "onnx/" means all below it, as huggingface_hub has it.
bool matches(const std::string& pattern, const std::string& path) {
  const std::string full = pattern.ends_with('/') ? pattern + "*" : pattern;
  return fnmatch(full.c_str(), path.c_str(), 0) == 0;
}

void check_patterns(const std::vector<RepoFile>& files, const FileSelection& selection,
                    const std::string& repo) {
  for (const std::string& pattern : selection.include) {
    if (std::none_of(files.begin(), files.end(),
                     [&](const RepoFile& file) { return matches(pattern, file.path); })) {
      throw Error(ErrorCode::kNotFound, "no file of " + repo + " matches '" + pattern + "'");
    }
  }
}

}  // namespace

std::vector<RepoFile> select_files(const std::vector<RepoFile>& files,
                                   const FileSelection& selection, const std::string& repo) {
  if (selection.all) return files;
  check_patterns(files, selection, repo);
  const bool has_safetensors = std::any_of(files.begin(), files.end(), [](const RepoFile& file) {
    return file.path.ends_with(".safetensors") && is_safetensors_weights(file.path);
  });
  const std::string graph = has_safetensors ? "" : find_graph(files);
  const bool takes_torch =
      !has_safetensors && graph.empty() && std::ranges::any_of(files, [](const RepoFile& file) {
        return is_torch_weights(file.path) && file.path.ends_with(".bin");
      });
  if (!has_safetensors && graph.empty() && !takes_torch && selection.include.empty()) {
    throw Error(ErrorCode::kFailedPrecondition,
                repo +
                    " holds no weights that nestvec reads (model.safetensors, its shards, "
                    "onnx/model.onnx, or pytorch_model.bin); choose files with --include or --all");
  }
  const bool has_modules = has_file(files, "modules.json");
  std::vector<RepoFile> selected;
  std::copy_if(files.begin(), files.end(), std::back_inserter(selected), [&](const RepoFile& file) {
    return is_companion(file.path) || is_licence(file.path) ||
           is_module_weights(file.path, files) || is_adapter(file.path) ||
           is_safetensors_weights(file.path) || is_head(file.path) ||
           (takes_torch && is_torch_weights(file.path)) ||
           (has_modules && is_module_config(file.path)) ||
           (!graph.empty() && belongs_to_graph(file.path, graph)) ||
           std::any_of(selection.include.begin(), selection.include.end(),
                       [&](const std::string& pattern) { return matches(pattern, file.path); });
  });
  return selected;
}

}  // namespace nestvec
