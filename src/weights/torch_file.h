// SPDX-License-Identifier: Apache-2.0
// Reads the tensors of a file that torch.save wrote (.pt, .bin): a zip archive of a pickle and one
// entry for each storage. Nothing of the pickle is executed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "weights/weight_set.h"

namespace nestvec {

// The tensors of a torch file that is in memory; views into `file`. `path` stands in errors, with
// the byte. Tables within the table are joined by dots. Throws Error: kUnimplemented for what a
// table of tensors does not need (other Python objects, compression, big-endian storages,
// TorchScript, the format before torch 1.6, strides of neither a whole tensor nor its transpose),
// kDataLoss for a file that breaks the format.
std::vector<TensorView> parse_torch_file(std::span<const std::byte> file, const std::string& path);

// Maps one file. Throws Error as MappedFile and parse_torch_file.
WeightSet read_torch_file(const std::string& path);

// Maps FOLDER/pytorch_model.bin, or the shards that FOLDER/pytorch_model.bin.index.json lists.
// Throws Error: kNotFound when neither file is there, as read_torch_file and read_shards.
WeightSet read_torch_folder(const std::string& folder);

// The files that read_torch_folder would map, the index included; empty when there are none.
std::vector<std::string> torch_files(const std::string& folder);

}  // namespace nestvec
