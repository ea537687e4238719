// SPDX-License-Identifier: Apache-2.0
// Where a model lies on this machine: a folder, or a snapshot in the Hugging Face cache. Looks
// only, never downloads; the layout is that of the Python library huggingface_hub
// (https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/environment.h"

namespace nestvec {

// A repository of a hub and, where one was named, a branch, tag or commit of it.
struct RepoReference {
  std::string repo;      // "jinaai/jina-embeddings-v3", or a name without an owner
  std::string revision;  // empty = "main"
};

// Splits "OWNER/NAME[@REVISION]" and checks it by the hub's own rules (ASCII letters, digits, "-",
// "_", ".", at most 96 each; no "--" and no ".."). Throws Error: kInvalidArgument.
RepoReference parse_repo_reference(const std::string& text);

// True for the full name of a commit: 40 hexadecimal digits, lower case.
bool is_commit_hash(const std::string& revision);

// HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub,
// else ~/.cache/huggingface/hub. "~" and "$NAME" in them are expanded. Throws Error:
// kFailedPrecondition (not even HOME is set).
std::string hub_cache_folder(const Environment& environment);

// HF_TOKEN_PATH, else HF_HOME/token with the same defaults. Throws as hub_cache_folder.
std::string hub_token_file(const Environment& environment);

// "models--OWNER--NAME", a repository's folder in the cache.
std::string repo_folder_name(const std::string& repo);

// "OWNER/NAME" of a path through that folder, such as a snapshot's; empty for another path.
std::string repo_of_path(std::string_view path);

// The snapshot folder that holds `revision` of a repository (empty = "main"), whether complete or
// not; nullopt where the cache knows no such revision. A revision that no ref names may be the name
// of a snapshot. Blocks on file I/O.
std::optional<std::string> find_snapshot(const std::string& cache_folder, const std::string& repo,
                                         const std::string& revision);

// What a folder lacks to be loaded: "config.json", "tokenizer.json", a shard that the index of
// the weights lists, ...; nullopt for a complete one. Blocks on file I/O. Throws Error:
// kInvalidArgument (the index of the weights is broken).
std::optional<std::string> missing_model_file(const std::string& folder);

// find_snapshot for complete ones only.
std::optional<std::string> find_in_cache(const std::string& cache_folder, const std::string& repo,
                                         const std::string& revision);

// The full name of the model that a name without an owner means: "BAAI/bge-m3" for "bge-m3" where
// that repository is in the cache. Any other text comes back as it is. Blocks on file I/O. Throws
// Error: kNotFound (no such model on this machine; the message lists those that are),
// kInvalidArgument (several).
std::string full_model_name(const std::string& text, const Environment& environment);

// True for the name of a repository, with its owner, that is not, or not wholly, in the cache.
// Blocks on file I/O. Throws Error as parse_repo_reference and hub_cache_folder.
bool is_absent_repository(const std::string& text, const Environment& environment);

// A path with ~ and variables of the environment replaced, as a shell would.
std::string expand_path(const std::string& text, const Environment& environment);

// The folder to load for what a user wrote: a folder that holds config.json, else a repository
// ("OWNER/NAME" or "OWNER/NAME@REVISION") in the cache, else a model on this machine by its name
// without the owner. `revision` counts where the text names none. Blocks on file I/O. Safe for
// concurrent use. Throws Error: kNotFound (with the `nestvec pull` command that fetches the
// repository), kInvalidArgument (neither a folder nor the name of a repository, or a short name of
// several).
std::string locate_model(const std::string& folder_or_repo, const std::string& revision,
                         const Environment& environment);

// What a model is called for short: "all-MiniLM-L6-v2" of a folder's path or of
// "OWNER/all-MiniLM-L6-v2@REVISION".
std::string short_model_name(std::string folder_or_repo);

}  // namespace nestvec
