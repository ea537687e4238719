// SPDX-License-Identifier: Apache-2.0
// Calls that end with an error.
#pragma once

#include "nestvec/error.h"

namespace nestvec {

// The error that stands for an exception on its way through catch (...).
Error current_error() noexcept;

// The error as one to keep; out_of_memory() where there is none for its text.
Error copy_of(const Error& error) noexcept;

// What is told, with a time to come again, while the model is being loaded.
Error still_loading();

// What is told, with a time to come again, to calls that come once the server has begun to drain.
Error shutting_down();

}  // namespace nestvec
