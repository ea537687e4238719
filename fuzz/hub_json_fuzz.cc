// SPDX-License-Identifier: Apache-2.0
// A hub's list of files: what is accepted must be safe to make paths of.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "hub/file_selection.h"
#include "hub/repo_info.h"
#include "nestvec/error.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// True where `path` names something below the folder that it is resolved in.
bool stays_inside(const std::string& path) {
  const std::filesystem::path root = "/snapshot";
  const std::string resolved = (root / path).lexically_normal().string();
  return resolved.starts_with("/snapshot/") && resolved.size() == 10 + path.size() &&
         path.find('\\') == std::string::npos && path.find('\0') == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const nestvec::RepoInfo info = nestvec::parse_repo_info(text, "fuzz");
    require(nestvec::is_sha1(info.commit));
    for (const nestvec::RepoFile& file : info.files) {
      require(stays_inside(file.path));
      const std::string& etag = file.etag();
      require(etag.empty() || nestvec::is_sha1(etag) || nestvec::is_sha256(etag));
    }
    for (const char c : info.license) require(c >= 0x20 && c < 0x7f);
    nestvec::select_files(info.files, {.all = false, .include = {"*"}}, "fuzz");
  } catch (const nestvec::Error& error) {
    for (const char c : std::string_view(error.what()))
      require(static_cast<unsigned char>(c) >= 0x20);
  }
  return 0;
}
