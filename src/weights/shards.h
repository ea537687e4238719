// SPDX-License-Identifier: Apache-2.0
// A checkpoint in several files, as transformers' index lists them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "weights/weight_set.h"

namespace nestvec {

// The tensors of a file that is in memory; `path` stands in errors.
using ParseTensors = std::vector<TensorView> (*)(std::span<const std::byte> file,
                                                 const std::string& path);

// The names of tensors by shard, of an index's root. Throws Error kInvalidArgument for one without
// them and for a shard that is no file of the folder itself.
std::map<std::string, std::vector<std::string>> parse_shard_index(const JsonValue& index);

// Maps the shards that FOLDER/INDEX lists, which must be files of the folder itself and hold every
// tensor listed for them. Throws Error: kDataLoss for a broken index, else as MappedFile and
// `parse`.
WeightSet read_shards(const std::string& folder, const std::string& index, ParseTensors parse);

// The index and the shards that it lists. Throws Error kDataLoss for a broken index.
std::vector<std::string> shard_files(const std::string& folder, const std::string& index);

}  // namespace nestvec
