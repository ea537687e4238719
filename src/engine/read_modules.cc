// SPDX-License-Identifier: Apache-2.0
#include "engine/read_modules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "config/companions.h"
#include "config/small_files.h"
#include "engine/unsupported.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModules = "modules.json";

Pooling pooling_named(const JsonValue& value, std::string_view name) {
  if (const std::optional<Pooling> pooling = find_pooling(name)) return *pooling;
  throw unsupported_value(
      value, "pooling \"" + excerpt(name) + "\" is not supported; " + pooling_names() + " are");
}

// "pooling_mode": a name, or a list of names of which the vectors stand behind one another.
Pooling new_mode(const JsonValue& mode) {
  if (mode.kind() != JsonValue::Kind::kArray) return pooling_named(mode, mode.string());
  const std::vector<JsonValue> all = mode.elements();
  if (all.size() != 1) {
    throw unsupported_value(mode, std::to_string(all.size()) +
                                      " kinds of pooling in one vector are not supported, one is");
  }
  return pooling_named(mode, all[0].string());
}

// A flag for each kind; none means the mean.
Pooling flagged_mode(const JsonValue& config) {
  constexpr std::array<std::pair<const char*, const char*>, 6> kFlags = {
      {{"pooling_mode_cls_token", "cls"},
       {"pooling_mode_max_tokens", "max"},
       {"pooling_mode_mean_tokens", "mean"},
       {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
       {"pooling_mode_weightedmean_tokens", "weightedmean"},
       {"pooling_mode_lasttoken", "lasttoken"}}};
  std::optional<JsonValue> chosen;
  Pooling pooling = Pooling::kMean;
  for (const auto& [key, name] : kFlags) {
    const std::optional<JsonValue> flag = config.find(key);
    if (!flag || !flag->boolean()) continue;
    if (chosen) {
      throw unsupported_value(*flag, "is set together with " + chosen->path() +
                                         "; several kinds of pooling in one vector are not "
                                         "supported, one is");
    }
    chosen = flag;
    pooling = pooling_named(*flag, name);
  }
  return pooling;
}

// sentence-transformers takes no other, so that a misspelt one is not the mean.
void check_pooling_keys(const JsonValue& config) {
  constexpr std::array<std::string_view, 10> kKeys = {"word_embedding_dimension",
                                                      "embedding_dimension",
                                                      "include_prompt",
                                                      "pooling_mode",
                                                      "pooling_mode_cls_token",
                                                      "pooling_mode_max_tokens",
                                                      "pooling_mode_mean_tokens",
                                                      "pooling_mode_mean_sqrt_len_tokens",
                                                      "pooling_mode_weightedmean_tokens",
                                                      "pooling_mode_lasttoken"};
  for (const auto& [key, value] : config.members()) {
    if (std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end()) continue;
    throw unsupported_value(value, "is not a key of a pooling");
  }
}

// The folder of a module, which must not lead out of the model's.
fs::path module_folder(const fs::path& root, const JsonValue& module, const std::string& place) {
  const fs::path path = place;
  const bool outside =
      path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
  if (!outside) return root / path;
  throw unsupported_value(
      module, "expected the name of a folder in \"path\", found \"" + excerpt(place) + "\"");
}

// That of a module with a config.json, which cannot be the model's.
fs::path own_folder(const fs::path& root, const JsonValue& module, const std::string& place) {
  if (!place.empty() && place != ".") return module_folder(root, module, place);
  throw unsupported_value(module, "expected the name of a folder in \"path\", found none");
}

void read_pooling(const fs::path& path, ModelFolder& folder) {
  const JsonDocument config = JsonDocument::load(path.string());
  const JsonValue root = config.root();
  check_pooling_keys(root);
  const std::optional<JsonValue> mode = root.find("pooling_mode");
  folder.pooling = mode ? new_mode(*mode) : flagged_mode(root);
  const std::optional<JsonValue> prompt = root.find("include_prompt");
  folder.include_prompt = !prompt || prompt->boolean();
  folder.names_pooling = true;
}

// Normalize works on the pooled vector; one that is told to work on tokens is another model.
void check_normalize(const fs::path& place) {
  const std::optional<JsonDocument> config = load_if_there(place.string(), "config.json");
  if (!config) return;
  for (const char* key : {"module_input_name", "module_output_name"}) {
    const std::optional<JsonValue> name = config->root().find(key);
    if (name && name->string() != "sentence_embedding") {
      throw unsupported_value(
          *name, "\"" + std::string(name->string()) + "\" is not supported; sentence_embedding is");
    }
  }
}

// The steps of modules.json in their order.
class ModuleList {
 public:
  explicit ModuleList(ModelFolder& folder) : folder_(folder), root_(folder.path) {}

  void add(const JsonValue& module) {
    const JsonValue type = module.at("type");
    const std::string name(type.string());
    const std::string step = name.substr(name.rfind('.') + 1);
    const bool known = name.starts_with("sentence_transformers.") ||
                       (name.starts_with("custom_st.") && step == "Transformer");
    const std::optional<JsonValue> path = module.find("path");
    const std::string place(path ? path->string() : "");
    if (known && (step == "Transformer" || step == "MLMTransformer")) {
      add_transformer(module, place);
    } else if (known && step == "SpladePooling") {
      add_splade(module);
    } else if (known && step == "LogitScore" && folder_.is_logit_score) {
      add_logit_score(module);
    } else if (known && step == "Pooling") {
      read_pooling(own_folder(root_, module, place) / "config.json", folder_);
      folder_.normalize = false;  // a later pooling begins anew
      folder_.modules.clear();
    } else if (known && (step == "Dense" || step == "LayerNorm")) {
      add_weighted(module, step, own_folder(root_, module, place).string());
    } else if (known && step == "Normalize") {
      add_normalize(module_folder(root_, module, place));
    } else if (!known || step != "Dropout") {  // which only training does
      throw unsupported_value(type,
                              "module " + name +
                                  " is not supported; Transformer, Pooling, Dense, LayerNorm, "
                                  "Normalize, Dropout, SpladePooling and, behind a language model, "
                                  "LogitScore of sentence-transformers are");
    }
    ++count_;
  }

 private:
  void add_transformer(const JsonValue& module, const std::string& place) {
    if (count_ > 0)
      throw unsupported_value(module, "a Transformer behind another module is not supported");
    if (!place.empty() && place != ".") {
      throw unsupported_value(module.at("path"),
                              "the Transformer lies in " + place +
                                  ", which is not supported; move the files of that folder beside "
                                  "modules.json and make its path empty");
    }
  }

  // What it computes is read with the weights (compile/read_heads.h).
  void add_splade(const JsonValue& module) {
    if (count_ != 1) throw unsupported_value(module, "SpladePooling is the second of two modules");
    folder_.is_splade = true;
    folder_.names_pooling = true;
  }

  // Likewise (compile/logit_score.h).
  void add_logit_score(const JsonValue& module) {
    if (count_ != 1) throw unsupported_value(module, "LogitScore is the second of two modules");
  }

  // A Normalize before it is a step of its own; behind the last one it can be turned off.
  void add_weighted(const JsonValue& module, const std::string& step, const std::string& place) {
    if (!folder_.names_pooling || folder_.is_splade) {
      throw unsupported_value(module, step + " is supported behind Pooling");
    }
    if (std::exchange(folder_.normalize, false)) folder_.modules.emplace_back();
    folder_.modules.push_back(step == "Dense" ? read_dense(place, folder_.notes)
                                              : read_layer_norm(place));
  }

  void add_normalize(const fs::path& place) {
    if (folder_.is_splade) {
      throw Error(
          ErrorCode::kUnimplemented,
          (root_ / kModules).string() + ": Normalize behind SpladePooling is not supported");
    }
    check_normalize(place);
    if (folder_.names_pooling) {
      folder_.normalize = true;
      return;
    }
    folder_.notes.push_back("warning: " + (root_ / kModules).string() +
                            ": Normalize stands before Pooling, where sentence-transformers has "
                            "nothing to normalise: it has no effect");
  }

  ModelFolder& folder_;
  fs::path root_;
  std::size_t count_ = 0;
};

// "1_Pooling" and the like of the folder itself, by number: there may be no modules.json.
std::map<unsigned long, std::string> module_folders(const fs::path& root) {
  std::map<unsigned long, std::string> found;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, failed)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && is_module_folder(name) && name.size() < 64) {
      found.emplace(std::strtoul(name.c_str(), nullptr, 10), name);
    }
  }
  return found;
}

void read_loose_folders(ModelFolder& folder) {
  const fs::path root = folder.path;
  for (const auto& [number, name] : module_folders(root)) {
    const std::string step = name.substr(name.find('_') + 1);
    if (step == "Pooling") {
      if (!folder.names_pooling) read_pooling(root / name / "config.json", folder);
    } else if (step == "Normalize") {
      check_normalize(root / name);
      folder.normalize = true;
      folder.names_normalization = true;
    } else if (step != "Transformer" && step != "Dropout") {
      throw Error(ErrorCode::kUnimplemented,
                  (root / name).string() + ": the module " + step +
                      " is not supported, and no modules.json says that it does not count");
    }
  }
}

}  // namespace

void read_modules(ModelFolder& folder) {
  const std::optional<JsonDocument> modules = load_if_there(folder.path, kModules);
  if (!modules) {
    read_loose_folders(folder);
    return;
  }
  folder.normalize = false;
  folder.names_normalization = true;
  ModuleList list(folder);
  for (const JsonValue& module : modules->root().elements()) list.add(module);
  if (folder.names_pooling) return;
  // Whoever wrote the list forgot the pooling; its folder may still be there.
  for (const auto& [number, name] : module_folders(folder.path)) {
    if (!name.ends_with("_Pooling")) continue;
    read_pooling(fs::path(folder.path) / name / "config.json", folder);
    folder.notes.push_back("warning: " + modules->name() + ": lists no Pooling; " + name +
                           "/config.json is followed");
    return;
  }
}

}  // namespace nestvec
