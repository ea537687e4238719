// SPDX-License-Identifier: Apache-2.0
// Where nestvec keeps what it makes and fetches for itself.
#pragma once

#include <string>

#include "base/environment.h"

namespace nestvec {

// `configured` (runtime.cache_dir) where it is not empty, else NESTVEC_CACHE, else
// HOME/.cache/nestvec. Throws Error: kFailedPrecondition (not even HOME is set).
std::string cache_folder(const std::string& configured, const Environment& environment);

}  // namespace nestvec
