// SPDX-License-Identifier: Apache-2.0
// Float vectors in the packed forms that the command and the server write.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <string>

namespace nestvec {

using RowsToPack =
    nanobind::ndarray<const float, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>;
using PackedRows = nanobind::ndarray<nanobind::numpy, std::uint8_t, nanobind::ndim<2>>;

// The bytes of each row as an array of type `dtype` holds them ("int8", "binary", ...). Throws
// Error: kInvalidArgument (no such form, dimensions that it does not take).
PackedRows pack_rows(const RowsToPack& rows, const std::string& dtype);

}  // namespace nestvec
