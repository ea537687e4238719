// SPDX-License-Identifier: Apache-2.0
#include "config/cache_folder.h"

#include "nestvec/error.h"

namespace nestvec {

std::string cache_folder(const std::string& configured, const Environment& environment) {
  if (!configured.empty()) return configured;
  if (const auto folder = environment("NESTVEC_CACHE")) return *folder;
  if (const auto home = environment("HOME")) return *home + "/.cache/nestvec";
  throw Error(ErrorCode::kFailedPrecondition,
              "no folder for compiled models: HOME is not set; set NESTVEC_CACHE_DIR to a folder "
              "that can be written");
}

}  // namespace nestvec
