// SPDX-License-Identifier: Apache-2.0
// Which files of a repository a model needs.
#pragma once

#include <string>
#include <vector>

#include "hub/repo_info.h"

namespace nestvec {

// What a user asks for beyond what the model needs.
struct FileSelection {
  bool all = false;                  // every file
  std::vector<std::string> include;  // shell patterns over the whole path; "*" crosses "/"
};

// The files that nestvec reads: configuration, tokenizer, sentence-transformers' modules, PEFT
// adapters, model.safetensors or its shards; onnx/model.onnx (or model.onnx) with its external data
// only where there is no safetensors; bge-m3's heads; the model card and the licence; and what
// `selection` adds. Other pickles (.bin), .msgpack, .h5 and other precisions come only by
// `selection`. Throws Error: kFailedPrecondition (no weights that nestvec reads and nothing asked
// for besides), kNotFound (a pattern of `include` matches nothing); `repo` is for their text.
std::vector<RepoFile> select_files(const std::vector<RepoFile>& files,
                                   const FileSelection& selection, const std::string& repo);

}  // namespace nestvec
