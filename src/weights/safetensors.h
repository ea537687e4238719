// SPDX-License-Identifier: Apache-2.0
// Reads safetensors files in place (https://github.com/huggingface/safetensors, "Format").
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "weights/weight_set.h"

namespace nestvec {

// A header may be as long as the format's own library allows.
inline constexpr std::size_t kMaxSafetensorsHeader = 100'000'000;

// The tensors of a safetensors file that is in memory. `path` stands in errors. Throws Error
// kDataLoss for a file that breaks the format: header length, JSON, types, shapes, offsets that lie
// outside the file, overlap, or leave bytes unused.
std::vector<TensorView> parse_safetensors(std::span<const std::byte> file, const std::string& path);

// Maps one file. Throws Error as MappedFile and parse_safetensors.
WeightSet read_safetensors(const std::string& path);

// Maps FOLDER/STEM.safetensors, or the shards that FOLDER/STEM.safetensors.index.json lists, which
// must be files of the folder itself and hold every tensor listed for them. Throws Error: kNotFound
// when neither file is there, kDataLoss for a broken index, else as read_safetensors.
WeightSet read_safetensors_folder(const std::string& folder, const std::string& stem = "model");

// The files that read_safetensors_folder would map, the index included; empty when there are none.
std::vector<std::string> safetensors_files(const std::string& folder,
                                           const std::string& stem = "model");

}  // namespace nestvec
