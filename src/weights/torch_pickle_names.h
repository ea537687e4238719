// SPDX-License-Identifier: Apache-2.0
// What a pickle of tensors may name.
#pragma once

#include <array>
#include <string_view>

#include "weights/tensor.h"

namespace nestvec {

// The names that a table of tensors needs. All others are refused: a name is what a pickle calls.
enum class PickleGlobal { kOrderedDict, kRebuildTensor, kStorageType };

struct PickleName {
  std::string_view name;
  PickleGlobal global;
  DataType type = DataType::kF32;
};

inline constexpr std::array kPickleNames = {
    PickleName{"collections OrderedDict", PickleGlobal::kOrderedDict},
    PickleName{"torch._utils _rebuild_tensor_v2", PickleGlobal::kRebuildTensor},
    PickleName{"torch FloatStorage", PickleGlobal::kStorageType, DataType::kF32},
    PickleName{"torch HalfStorage", PickleGlobal::kStorageType, DataType::kF16},
    PickleName{"torch BFloat16Storage", PickleGlobal::kStorageType, DataType::kBf16},
    PickleName{"torch DoubleStorage", PickleGlobal::kStorageType, DataType::kF64},
    PickleName{"torch LongStorage", PickleGlobal::kStorageType, DataType::kI64},
    PickleName{"torch IntStorage", PickleGlobal::kStorageType, DataType::kI32},
    PickleName{"torch ShortStorage", PickleGlobal::kStorageType, DataType::kI16},
    PickleName{"torch CharStorage", PickleGlobal::kStorageType, DataType::kI8},
    PickleName{"torch ByteStorage", PickleGlobal::kStorageType, DataType::kU8},
    PickleName{"torch BoolStorage", PickleGlobal::kStorageType, DataType::kBool}};

}  // namespace nestvec
