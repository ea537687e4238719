// SPDX-License-Identifier: Apache-2.0
// What browsers load, as the build writes it into the program.
#pragma once

#include <span>

#include "base/embedded_file.h"

namespace nestvec {

// The folder web/ and src/service/openapi.json.
std::span<const EmbeddedFile> web_files();

}  // namespace nestvec
