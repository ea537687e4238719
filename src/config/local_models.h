// SPDX-License-Identifier: Apache-2.0
// Which models are on this machine, and what a short name is likely to stand for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"

namespace nestvec {

// A model that can be loaded without a download.
struct LocalModel {
  // As a user names it: "jinaai/jina-embeddings-v3" of the hub cache, with "@REVISION" where the
  // cache has no main branch; "all-MiniLM-L6-v2" of nestvec's own models.
  std::string name;
  std::string folder;
};

// The folder where `make quickstart` puts models: $NESTVEC_CACHE/models, else
// ~/.cache/nestvec/models; empty where neither variable is set.
std::string own_models_folder(const Environment& environment);

// The complete models in nestvec's own folder and in the hub cache, by name. Blocks on file I/O.
// What cannot be read is left out.
std::vector<LocalModel> local_models(const Environment& environment);

// Those of `models` that the short name `name`, without an owner, means: the one of exactly that
// name, else all repositories whose name behind the owner it is; where there are none, the same
// whatever the case of letters.
std::vector<LocalModel> models_called(std::string_view name, const std::vector<LocalModel>& models);

// "here are a, b and 3 more", for error messages; "there is no model on this machine" without any.
std::string listing(const std::vector<LocalModel>& models);

// Repositories of the hub that a name without an owner is likely to mean, best first:
// "BAAI/bge-m3" for "bge-m3". A table of well-known owners; empty where it has none.
std::vector<std::string> likely_repositories(std::string_view name);

}  // namespace nestvec
