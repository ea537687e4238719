// SPDX-License-Identifier: Apache-2.0
#include "config/folder_advice.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/excerpt.h"
#include "config/small_files.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// The files of a folder with such an ending, relative to `root`, by name.
std::vector<std::string> files_of(const fs::path& root, const char* below,
                                  const std::string& ending) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(root / below, ignored)) {
    if (entry.path().extension() == ending && is_file(entry.path())) {
      names.push_back((fs::path(below) / entry.path().filename()).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string advice_for_other_weights(const std::string& folder) {
  const fs::path path(folder);
  for (const char* below : {"", "onnx"}) {
    for (const char* ending : {".safetensors", ".onnx"}) {
      const std::vector<std::string> names = files_of(path, below, ending);
      if (names.empty()) continue;
      return "; " + excerpt(names.front()) + " is there: if it is the model, call it " + below +
             (*below == '\0' ? "" : "/") + "model" + ending;
    }
  }
  for (const char* name :
       {"tf_model.h5", "flax_model.msgpack", "openvino/openvino_model.xml", "openvino_model.xml"}) {
    if (is_file(path / name)) return std::string("; ") + name + " is not read";
  }
  const std::vector<std::string> gguf = files_of(path, "", ".gguf");
  return gguf.empty() ? "" : "; " + excerpt(gguf.front()) + " is not read";
}

std::string advice_for_other_tokenizer(const std::string& folder) {
  for (const char* name :
       {"vocab.txt", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "vocab.json"}) {
    if (!is_file(fs::path(folder) / name)) continue;
    return std::string("; ") + name +
           " alone is not read: make tokenizer.json of it with `python -c \"from transformers "
           "import AutoTokenizer as T; T.from_pretrained('FOLDER').save_pretrained('FOLDER')\"`";
  }
  return "";
}

}  // namespace nestvec
