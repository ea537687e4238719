// SPDX-License-Identifier: Apache-2.0
#include "compile/companions.h"

#include <array>
#include <filesystem>

#include "base/file.h"
#include "base/mapped_file.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::array kNames = {"config.json",
                               "config_sentence_transformers.json",
                               "modules.json",
                               "sentence_bert_config.json",
                               "special_tokens_map.json",
                               "tokenizer.json",
                               "tokenizer_config.json"};

void copy_if_there(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  if (!fs::is_regular_file(from, ignored)) return;
  fs::create_directories(to.parent_path());
  const MappedFile file(from.string());
  AtomicFile copy(to.string());
  copy.write(file.text());
  copy.commit();
}

// sentence-transformers numbers the folders of its modules: "1_Pooling".
bool is_module(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  return entry.is_directory() && name.size() > 2 && name[0] >= '0' && name[0] <= '9' &&
         name[1] == '_';
}

}  // namespace

void copy_companions(const std::string& model_folder, const std::string& output_folder) {
  const fs::path from = model_folder;
  const fs::path to = output_folder;
  for (const char* name : kNames) copy_if_there(from / name, to / name);
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    if (!is_module(entry)) continue;
    copy_if_there(entry.path() / "config.json", to / entry.path().filename() / "config.json");
  }
}

}  // namespace nestvec
