// SPDX-License-Identifier: Apache-2.0
// Errors of calls that hold a part of a list.
#pragma once

#include <cstddef>

#include "nestvec/error.h"

namespace nestvec {

// The error of a call whose text 0 is text `first` of the caller's list: "text 3 has 802 tokens"
// becomes "text 1003 has 802 tokens", and so does its detail.
Error as_of_list(const Error& error, std::size_t first);

}  // namespace nestvec
