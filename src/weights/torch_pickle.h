// SPDX-License-Identifier: Apache-2.0
// The pickle in a torch file, as a table of tensors. Nothing in it is executed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor.h"

namespace nestvec {

// What a hostile pickle may cost at most. A model of 1,000 tensors has some 40,000 opcodes.
inline constexpr std::size_t kMaxPickleBytes = 16'000'000;
inline constexpr std::size_t kMaxPickleOpcodes = 1'000'000;
inline constexpr std::size_t kMaxPickledTensors = 65'536;
inline constexpr std::size_t kMaxPickledName = 1'024;
inline constexpr std::size_t kMaxPickledAxes = 16;

// A tensor as the pickle describes it: a view of a storage, which is an entry of the archive.
// Nothing of it is checked yet against the size of that entry.
struct PickledTensor {
  std::string name;  // keys of nested tables are joined by dots
  DataType type = DataType::kF32;
  std::string_view storage;   // the key of the storage; points into the pickle
  std::int64_t elements = 0;  // of the storage
  std::int64_t offset = 0;    // of the first element
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

// Reads the pickle (protocol 2) that torch.save writes for a table of tensors, a "state dict";
// numbers and texts beside them are left out. Knows the opcodes and the few names such a table
// needs, builds data from them and refuses all others. `offset` is the pickle's place in the file
// `path`, for errors. Throws Error: kUnimplemented for another opcode, name or value and for a
// pickle over the limits above, kDataLoss for a broken one.
std::vector<PickledTensor> read_torch_pickle(std::span<const std::byte> pickle,
                                             const std::string& path, std::size_t offset);

}  // namespace nestvec
