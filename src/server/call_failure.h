// SPDX-License-Identifier: Apache-2.0
// Calls that end with an error.
#pragma once

#include "api/service.h"
#include "nestvec/error.h"

namespace nestvec {

// Adds a call that failed to the metrics.
void count_failure(const Service& service, const Error& error);

// The error that stands for an exception on its way through catch (...).
Error current_error();

// What is told, with a time to come again, while the model is being loaded.
Error still_loading();

}  // namespace nestvec
