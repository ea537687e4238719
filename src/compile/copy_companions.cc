// SPDX-License-Identifier: Apache-2.0
#include "compile/copy_companions.h"

#include <filesystem>

#include "base/file.h"
#include "base/mapped_file.h"
#include "config/companions.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

void copy_whole(const fs::path& from, const fs::path& to) {
  fs::create_directories(to.parent_path());
  const MappedFile file(from.string());
  AtomicFile written(to.string());
  written.write(file.text());
  written.commit();
}

// Of a module, as sentence-transformers calls them.
bool is_weights(const fs::path& path) {
  return path.filename() == "model.safetensors" || path.filename() == "pytorch_model.bin";
}

// `folder` lies in the model's own and is "" for that itself.
void copy_from(const fs::path& model, const fs::path& folder, const fs::path& output) {
  for (const fs::directory_entry& entry : fs::directory_iterator(model / folder)) {
    const fs::path path = folder / entry.path().filename();
    const bool wanted = is_companion(path.string()) || (!folder.empty() && is_weights(path));
    if (entry.is_regular_file() && wanted) {
      copy_whole(entry.path(), output / path);
    } else if (folder.empty() && entry.is_directory() && is_module_folder(path.string())) {
      copy_from(model, path, output);
    }
  }
}

}  // namespace

void copy_companions(const std::string& model_folder, const std::string& output_folder) {
  const fs::path model = model_folder;
  copy_from(model, "", output_folder);
  // modules.json may give the folder of a module any name.
  if (!fs::is_regular_file(model / "modules.json")) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(model)) {
    const fs::path folder = entry.path().filename();
    const bool copied = is_module_folder(folder.string());
    if (copied || !entry.is_directory() || !fs::is_regular_file(model / folder / "config.json")) {
      continue;
    }
    for (const char* name : {"config.json", "model.safetensors", "pytorch_model.bin"}) {
      const fs::path path = folder / name;
      if (fs::is_regular_file(model / path)) copy_whole(model / path, output_folder / path);
    }
  }
}

}  // namespace nestvec
