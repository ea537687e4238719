// SPDX-License-Identifier: Apache-2.0
#include "config/local_models.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "base/lower.h"
#include "config/cache_folder.h"
#include "config/model_location.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRepoPrefix = "models--";

// The names of the folders and files in a folder; none where it cannot be read.
std::vector<std::string> entries_of(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string hub_cache_or_empty(const Environment& environment) {
  try {
    return hub_cache_folder(environment);
  } catch (const Error&) {
    return {};
  }
}

bool is_complete(const fs::path& folder) {
  try {
    return !missing_model_file(folder.string());
  } catch (const Error&) {
    return false;
  }
}

std::optional<std::string> complete_snapshot(const std::string& cache, const std::string& repo,
                                             const std::string& revision) {
  try {
    return find_in_cache(cache, repo, revision);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// The main branch of a repository in the cache, else the first other branch that is whole.
std::optional<LocalModel> cached_model(const std::string& cache, const std::string& repo) {
  if (const auto folder = complete_snapshot(cache, repo, "")) return LocalModel{repo, *folder};
  for (const std::string& branch : entries_of(fs::path(cache) / repo_folder_name(repo) / "refs")) {
    if (const auto folder = complete_snapshot(cache, repo, branch)) {
      return LocalModel{repo + "@" + branch, *folder};
    }
  }
  return std::nullopt;
}

// "jina-embeddings-v3" of "jinaai/jina-embeddings-v3@main".
std::string_view name_behind_owner(std::string_view name) {
  name = name.substr(0, name.find('@'));
  return name.substr(name.find('/') + 1);
}

// What a name that is, or begins with, `name` belongs to.
struct KnownOwner {
  std::string_view name;
  std::string_view owner;
};

// More telling beginnings first. Facts of the hub, 2026-11.
constexpr std::array<KnownOwner, 39> kOwners = {{
    {"jina-", "jinaai"},
    {"bge-", "BAAI"},
    {"llm-embedder", "BAAI"},
    {"multilingual-e5-", "intfloat"},
    {"e5-", "intfloat"},
    {"gte-multilingual-", "Alibaba-NLP"},
    {"gte-modernbert-", "Alibaba-NLP"},
    {"gte-qwen", "Alibaba-NLP"},
    {"gte-", "thenlper"},
    {"gte-", "Alibaba-NLP"},
    {"nomic-embed-", "nomic-ai"},
    {"modernbert-embed-", "nomic-ai"},
    {"snowflake-arctic-embed", "Snowflake"},
    {"mxbai-", "mixedbread-ai"},
    {"deepset-mxbai-", "mixedbread-ai"},
    {"qwen3-embedding-", "Qwen"},
    {"embeddinggemma-", "google"},
    {"granite-embedding-", "ibm-granite"},
    {"uae-", "WhereIsAI"},
    {"gist-", "avsolatorio"},
    {"stella", "NovaSearch"},
    {"all-minilm-", "sentence-transformers"},
    {"all-", "sentence-transformers"},
    {"paraphrase-", "sentence-transformers"},
    {"multi-qa-", "sentence-transformers"},
    {"msmarco-", "sentence-transformers"},
    {"distiluse-", "sentence-transformers"},
    {"labse", "sentence-transformers"},
    {"gtr-t5-", "sentence-transformers"},
    {"sentence-t5-", "sentence-transformers"},
    {"stsb-", "sentence-transformers"},
    {"nli-", "sentence-transformers"},
    {"static-", "sentence-transformers"},
    {"bert-", "google-bert"},
    {"xlm-roberta-", "FacebookAI"},
    {"roberta-", "FacebookAI"},
    {"distilbert-", "distilbert"},
    {"minilm-l12-", "microsoft"},
    {"modernbert-", "answerdotai"},
}};

// What other programs call them.
constexpr std::array<KnownOwner, 8> kOtherNames = {{
    {"all-minilm", "sentence-transformers/all-MiniLM-L6-v2"},
    {"minilm", "sentence-transformers/all-MiniLM-L6-v2"},
    {"nomic-embed-text", "nomic-ai/nomic-embed-text-v1.5"},
    {"mxbai-embed-large", "mixedbread-ai/mxbai-embed-large-v1"},
    {"bge-large", "BAAI/bge-large-en-v1.5"},
    {"paraphrase-multilingual", "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"},
    {"jina", "jinaai/jina-embeddings-v3"},
    {"jina-v3", "jinaai/jina-embeddings-v3"},
}};

}  // namespace

std::string own_models_folder(const Environment& environment) {
  try {
    return (fs::path(cache_folder("", environment)) / "models").string();
  } catch (const Error&) {
    return {};
  }
}

std::vector<LocalModel> local_models(const Environment& environment) {
  std::vector<LocalModel> models;
  if (const fs::path own = own_models_folder(environment); !own.empty()) {
    for (const std::string& name : entries_of(own)) {
      // Scripts put models together under names with a dot before them.
      if (name.front() != '.' && is_complete(own / name)) {
        models.push_back({name, (own / name).string()});
      }
    }
  }
  const std::string cache = hub_cache_or_empty(environment);
  if (cache.empty()) return models;
  for (const std::string& entry : entries_of(cache)) {
    if (!entry.starts_with(kRepoPrefix)) continue;
    std::string repo = entry.substr(kRepoPrefix.size());
    if (const std::size_t gap = repo.find("--"); gap != std::string::npos) {
      repo.replace(gap, 2, "/");
    }
    if (auto model = cached_model(cache, repo)) models.push_back(std::move(*model));
  }
  return models;
}

std::vector<LocalModel> models_called(std::string_view name,
                                      const std::vector<LocalModel>& models) {
  for (const LocalModel& model : models) {
    if (model.name == name) return {model};
  }
  std::vector<LocalModel> exact;
  std::vector<LocalModel> similar;
  for (const LocalModel& model : models) {
    const std::string_view own = name_behind_owner(model.name);
    if (own == name) exact.push_back(model);
    if (ascii_lower(own) == ascii_lower(name)) similar.push_back(model);
  }
  return exact.empty() ? similar : exact;
}

std::string listing(const std::vector<LocalModel>& models) {
  constexpr std::size_t kShown = 6;
  if (models.empty()) return "there is no model on this machine";
  std::string text = "on this machine: ";
  for (std::size_t i = 0; i < std::min(models.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + models[i].name;
  }
  if (models.size() > kShown) text += " and " + std::to_string(models.size() - kShown) + " more";
  return text;
}

std::vector<std::string> likely_repositories(std::string_view name) {
  const std::string word = ascii_lower(name);
  std::vector<std::string> found;
  for (const auto& [other, repository] : kOtherNames) {
    if (word == other) found.emplace_back(repository);
  }
  if (!found.empty()) return found;
  std::string_view matched;  // several owners may share a beginning
  for (const auto& [start, owner] : kOwners) {
    if (!word.starts_with(start) || (!matched.empty() && start != matched)) continue;
    matched = start;
    found.push_back(std::string(owner) + "/" + std::string(name));
  }
  return found;
}

}  // namespace nestvec
