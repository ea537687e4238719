// SPDX-License-Identifier: Apache-2.0
#include "config/model_location.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/suggestion.h"
#include "config/folder_advice.h"
#include "config/local_models.h"
#include "config/onnx_names.h"
#include "config/small_files.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameLength = 96;
constexpr std::size_t kMaxRevisionLength = 255;
constexpr std::size_t kMaxRefBytes = 256;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// A repository's owner or name by the hub's rules.
bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameLength && is_word(name.front()) &&
         is_word(name.back()) && name.find("--") == std::string_view::npos &&
         name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

// Becomes a path below refs/, so git's rules for a ref are applied as far as they keep it there.
bool is_valid_revision(std::string_view revision) {
  return !revision.empty() && revision.size() <= kMaxRevisionLength && revision.front() != '/' &&
         revision.front() != '.' && revision.back() != '/' &&
         revision.find("..") == std::string_view::npos &&
         revision.find("//") == std::string_view::npos &&
         revision.find("/.") == std::string_view::npos &&
         std::all_of(revision.begin(), revision.end(), [](char c) {
           return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '\\';
         });
}

bool exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// "$NAME" and "${NAME}" as Python's os.path.expandvars: an unset name stays as it is.
std::string expand_variables(const std::string& text, const Environment& environment) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '$') {
      out.push_back(text[i++]);
      continue;
    }
    const bool braces = i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t start = i + (braces ? 2 : 1);
    std::size_t end = start;
    while (end < text.size() && is_word(text[end])) ++end;
    const bool closed = !braces || (end < text.size() && text[end] == '}');
    const std::size_t next = end + (braces && closed ? 1 : 0);
    std::optional<std::string> value;
    if (closed && end > start) value = environment(text.substr(start, end - start));
    out.append(value ? *value : text.substr(i, next - i));
    i = next;
  }
  return out;
}

}  // namespace

std::string expand_path(const std::string& text, const Environment& environment) {
  std::string path = text;
  if (path == "~" || path.starts_with("~/")) {
    if (const std::optional<std::string> home = environment("HOME")) path = *home + path.substr(1);
  }
  return expand_variables(path, environment);
}

namespace {

fs::path hub_home(const Environment& environment) {
  if (const auto home = environment("HF_HOME")) return expand_path(*home, environment);
  if (const auto cache = environment("XDG_CACHE_HOME")) {
    return fs::path(expand_path(*cache, environment)) / "huggingface";
  }
  if (const auto home = environment("HOME")) return fs::path(*home) / ".cache" / "huggingface";
  throw Error(
      ErrorCode::kFailedPrecondition,
      "no folder for the model cache: neither HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME nor HOME "
      "is set; set HF_HOME");
}

std::string pull_command(const std::string& repo, const std::string& revision) {
  return "nestvec pull " + repo + (revision.empty() ? "" : "@" + revision);
}

// "OWNER/NAME" at the start of `path`, or nothing.
std::string repository_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view owner = path.substr(0, slash);
  const std::string_view name =
      path.substr(slash + 1, path.find_first_of("/?#:", slash + 1) - (slash + 1));
  if (!is_valid_name(owner) || !is_valid_name(name)) return {};
  return std::string(owner) + "/" + std::string(name);
}

// "; did you mean BAAI/bge-m3?" for the address of a page of the hub, a folder as an address, and a
// revision behind a colon; else nothing.
std::string meant_by_address(std::string_view text) {
  std::string meant;
  constexpr std::string_view kFile = "file://";
  if (text.starts_with(kFile)) meant = text.substr(kFile.size());
  for (const std::string_view host : {"huggingface.co/", "hf.co/", "hf://"}) {
    const std::size_t at = text.find(host);
    if (at != std::string_view::npos) meant = repository_of(text.substr(at + host.size()));
  }
  const std::size_t colon = text.find(':');
  if (meant.empty() && colon != std::string_view::npos) {
    const std::string repository = repository_of(text);
    const std::string revision(text.substr(colon + 1));
    if (repository.size() == colon && is_valid_revision(revision)) {
      meant = repository + "@" + revision;
    }
  }
  return meant.empty() ? "" : "; did you mean " + meant + "?";
}

// A name that can only be meant as a path, whose error should not speak of repositories.
bool looks_like_path(std::string_view text) {
  text = text.substr(0, text.find('@'));
  return text.empty() || text.front() == '/' || text.front() == '.' || text.front() == '~' ||
         text.back() == '/' || std::count(text.begin(), text.end(), '/') > 1;
}

std::optional<std::string> missing_shard(const fs::path& folder, const std::string& index) {
  const JsonDocument document = JsonDocument::load((folder / index).string());
  std::set<std::string> seen;
  for (const auto& [tensor, file] : document.root().at("weight_map").members()) {
    const std::string name(file.string());
    if (seen.insert(name).second && !is_file(folder / name)) return name;
  }
  return std::nullopt;
}

std::string locate_in_cache(const RepoReference& reference, const Environment& environment) {
  const std::string cache = hub_cache_folder(environment);
  const std::optional<std::string> snapshot =
      find_snapshot(cache, reference.repo, reference.revision);
  const std::string command = pull_command(reference.repo, reference.revision);
  if (!snapshot) {
    const std::string short_name = short_model_name(reference.repo);
    std::string hint;
    for (const LocalModel& model : models_called(short_name, local_models(environment))) {
      if (reference.revision.empty()) hint = "; " + model.name + " is here";
    }
    throw Error(ErrorCode::kNotFound,
                "model " + reference.repo +
                    (reference.revision.empty() ? "" : "@" + reference.revision) +
                    " is neither a folder nor in the cache " + cache + hint +
                    "; fetch it with: " + command);
  }
  if (const std::optional<std::string> missing = missing_model_file(*snapshot)) {
    throw Error(ErrorCode::kNotFound, "model " + reference.repo +
                                          " is incomplete in the cache: " + *snapshot + " lacks " +
                                          *missing + "; fetch the rest with: " + command);
  }
  return *snapshot;
}

Error unknown_short_name(const std::string& name, const std::vector<LocalModel>& models) {
  std::vector<std::string> names;
  for (const LocalModel& model : models) names.push_back(short_model_name(model.name));
  const std::string near = nearest_word(name, names);
  std::string advice;
  if (!near.empty()) {
    advice = "; did you mean \"" + near + "\"?";
  } else if (const auto likely = likely_repositories(name); !likely.empty()) {
    advice = "; fetch it with: " + pull_command(likely.front(), "");
  } else {
    advice = "; nestvec pull OWNER/NAME fetches a model from the hub";
  }
  return Error(ErrorCode::kNotFound,
               "there is no model \"" + name + "\" here (" + listing(models) + ")" + advice);
}

// A file of a model, where its folder was expected.
Error not_a_folder(const std::string& path) {
  const bool gguf = path.ends_with(".gguf");
  return Error(ErrorCode::kInvalidArgument,
               path + (gguf ? ": GGUF files are not supported; give a model folder as Hugging Face "
                              "lays it out, or a repository such as jinaai/jina-embeddings-v3"
                            : ": is a file; give the model folder that holds it"));
}

// The model that a name without an owner stands for.
LocalModel find_short_name(const std::string& name, const Environment& environment) {
  const std::vector<LocalModel> models = local_models(environment);
  std::vector<LocalModel> found = models_called(name, models);
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) throw unknown_short_name(name, models);
  throw Error(ErrorCode::kInvalidArgument, "\"" + name + "\" is more than one model (" +
                                               listing(found) + "); give the name with its owner");
}

// Whether it can only mean a model by a name without an owner.
bool is_short_name(const std::string& text, const Environment& environment) {
  return !looks_like_path(text) && text.find_first_of("/@") == std::string::npos &&
         !exists(expand_path(text, environment));
}

}  // namespace

std::string full_model_name(const std::string& text, const Environment& environment) {
  return is_short_name(text, environment) ? find_short_name(text, environment).name : text;
}

bool is_absent_repository(const std::string& text, const Environment& environment) {
  if (looks_like_path(text) || text.find('/') == std::string::npos) return false;
  if (exists(expand_path(text, environment))) return false;
  const RepoReference reference = parse_repo_reference(text);
  return !find_in_cache(hub_cache_folder(environment), reference.repo, reference.revision);
}

bool is_commit_hash(const std::string& revision) {
  return revision.size() == 40 && std::all_of(revision.begin(), revision.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

RepoReference parse_repo_reference(const std::string& text) {
  const std::size_t at = text.find('@');
  RepoReference reference{.repo = text.substr(0, at), .revision = {}};
  if (at != std::string::npos) reference.revision = text.substr(at + 1);
  const std::string_view repo = reference.repo;
  const std::size_t slash = repo.find('/');
  const bool named = slash == std::string_view::npos ? is_valid_name(repo)
                                                     : is_valid_name(repo.substr(0, slash)) &&
                                                           is_valid_name(repo.substr(slash + 1));
  if (!named || repo.ends_with(".git")) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + reference.repo +
                    "' is not the name of a repository; expected OWNER/NAME[@REVISION] of letters, "
                    "digits, '-', '_' and '.', such as jinaai/jina-embeddings-v3" +
                    meant_by_address(reference.repo));
  }
  if (at != std::string::npos && !is_valid_revision(reference.revision)) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + reference.revision +
                    "' is not a revision; expected a branch, a tag or a commit after '@'");
  }
  return reference;
}

std::string hub_cache_folder(const Environment& environment) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const auto cache = environment(name)) return expand_path(*cache, environment);
  }
  return (hub_home(environment) / "hub").string();
}

std::string hub_token_file(const Environment& environment) {
  if (const auto path = environment("HF_TOKEN_PATH")) return expand_path(*path, environment);
  return (hub_home(environment) / "token").string();
}

std::string repo_folder_name(const std::string& repo) {
  std::string name = "models--" + repo;
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
    name.replace(slash, 1, "--");
  }
  return name;
}

std::string repo_of_path(std::string_view path) {
  constexpr std::string_view kPrefix = "models--";
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    const std::string_view part = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (part.starts_with(kPrefix)) {
      std::string repo(part.substr(kPrefix.size()));
      if (const std::size_t parting = repo.find("--"); parting != std::string::npos) {
        repo.replace(parting, 2, "/");
      }
      return repo;
    }
    if (slash == std::string_view::npos) break;
    path = path.substr(0, slash);
  }
  return "";
}

std::optional<std::string> find_snapshot(const std::string& cache_folder, const std::string& repo,
                                         const std::string& revision) {
  const fs::path folder = fs::path(cache_folder) / repo_folder_name(repo);
  std::string name = revision.empty() ? "main" : revision;
  if (!is_commit_hash(name) && is_valid_revision(name) && is_file(folder / "refs" / name)) {
    name = read_file((folder / "refs" / name).string(), kMaxRefBytes);
    while (!name.empty() && std::isspace(static_cast<unsigned char>(name.back())) != 0) {
      name.pop_back();
    }
  }
  // Usually a commit, but a cache that was made by hand may call its snapshots what it likes.
  if (!is_valid_revision(name) || name.find('/') != std::string::npos) return std::nullopt;
  const fs::path snapshot = folder / "snapshots" / name;
  if (!is_folder(snapshot)) return std::nullopt;
  return snapshot.string();
}

std::optional<std::string> missing_model_file(const std::string& folder) {
  const fs::path path(folder);
  for (const char* name : {"config.json", "tokenizer.json"}) {
    if (!is_file(path / name)) return name;
  }
  if (is_file(path / "model.safetensors")) return std::nullopt;
  const char* const index = "model.safetensors.index.json";
  if (is_file(path / index)) return missing_shard(path, index);
  if (!find_onnx_graphs(folder).empty()) return std::nullopt;
  if (is_file(path / "pytorch_model.bin")) return std::nullopt;
  const char* const torch_index = "pytorch_model.bin.index.json";
  if (is_file(path / torch_index)) return missing_shard(path, torch_index);
  return "its weights (model.safetensors or onnx/model.onnx" + advice_for_other_weights(folder) +
         ")";
}

std::optional<std::string> find_in_cache(const std::string& cache_folder, const std::string& repo,
                                         const std::string& revision) {
  std::optional<std::string> snapshot = find_snapshot(cache_folder, repo, revision);
  if (snapshot && missing_model_file(*snapshot)) snapshot.reset();
  return snapshot;
}

std::string locate_model(const std::string& folder_or_repo, const std::string& revision,
                         const Environment& environment) {
  const std::string folder = expand_path(folder_or_repo, environment);
  if (is_folder(folder)) {
    if (is_file(fs::path(folder) / "config.json")) return folder;
    if (is_file(fs::path(folder) / "0_Transformer" / "config.json")) {
      throw Error(ErrorCode::kNotFound,
                  folder +
                      ": its transformer is in 0_Transformer/, as old versions of "
                      "sentence-transformers saved it, which is not supported; move the files of "
                      "that folder up "
                      "into this one, and make its \"path\" in modules.json empty");
    }
    throw Error(ErrorCode::kNotFound,
                folder +
                    ": no config.json in this folder; expected a model folder as Hugging Face "
                    "lays it out (config.json, tokenizer.json, and model.safetensors or "
                    "onnx/model.onnx)");
  }
  if (is_file(folder)) throw not_a_folder(folder);
  if (looks_like_path(folder_or_repo)) {
    const std::string meant = meant_by_address(folder_or_repo);
    throw Error(ErrorCode::kNotFound, "no such model folder: '" + folder_or_repo + "'" +
                                          (meant.empty() ? "; give a folder, or a repository such "
                                                           "as jinaai/jina-embeddings-v3"
                                                         : meant));
  }
  RepoReference reference = parse_repo_reference(folder_or_repo);
  if (is_short_name(folder_or_repo, environment)) {
    return find_short_name(folder_or_repo, environment).folder;
  }
  if (reference.revision.empty()) reference.revision = revision;
  return locate_in_cache(reference, environment);
}

std::string short_model_name(std::string folder_or_repo) {
  while (folder_or_repo.size() > 1 && folder_or_repo.ends_with('/')) folder_or_repo.pop_back();
  folder_or_repo.erase(0, folder_or_repo.rfind('/') + 1);
  return folder_or_repo.substr(0, folder_or_repo.find('@'));
}

}  // namespace nestvec
