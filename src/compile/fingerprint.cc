// SPDX-License-Identifier: Apache-2.0
#include "compile/fingerprint.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/platform.h"
#include "compile/read_heads.h"
#include "weights/model_weights.h"
#include "weights/peft_adapter.h"
#include "weights/safetensors.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

std::string_view header_of(const MappedFile& file) {
  std::uint64_t length = 0;
  const std::string_view text = file.text();
  if (text.size() >= sizeof(length)) std::memcpy(&length, text.data(), sizeof(length));
  const bool fits = length <= kMaxSafetensorsHeader && length + sizeof(length) <= text.size();
  return text.substr(0, fits ? length + sizeof(length) : sizeof(length));
}

// Data without a header that tells of it is known by its first bytes, its size and its time.
std::string_view hashed_part(const fs::path& path, const MappedFile& file) {
  constexpr std::size_t kHead = 65536;
  if (path.extension() == ".safetensors") return header_of(file);
  return path.extension() == ".json" ? file.text() : file.text().substr(0, kHead);
}

void add_file(const fs::path& folder, const fs::path& path, Fingerprint& fingerprint) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) throw file_error("cannot read", path.string(), errno);
  const std::string name = path.lexically_relative(folder).string();
  fingerprint.files.push_back(
      {name, static_cast<std::uint64_t>(status.st_size), modified_ns(status)});
  const MappedFile file(path.string());
  std::uint64_t hash = std::strtoull(fingerprint.hash.c_str(), nullptr, 16);
  hash = fnv1a(name, hash);
  fingerprint.hash = hex_text(fnv1a(hashed_part(path, file), hash));
}

}  // namespace

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = seed;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  }
  return hash;
}

std::string hex_text(std::uint64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

Fingerprint fingerprint_of(const std::string& folder, const ModelSpec& spec) {
  Fingerprint fingerprint;
  fingerprint.hash = hex_text(fnv1a(""));
  add_file(folder, fs::path(folder) / "config.json", fingerprint);
  for (const std::string& file : model_weight_files(folder)) add_file(folder, file, fingerprint);
  for (const std::string& adapter : spec.adapters.folders) {
    for (const std::string& file : peft_files(adapter)) add_file(folder, file, fingerprint);
  }
  if (spec.head.token_weights) {
    const TokenHeadFiles heads = find_token_heads(folder);
    add_file(folder, heads.weights, fingerprint);
    add_file(folder, heads.vectors, fingerprint);
  }
  return fingerprint;
}

std::string difference(const Fingerprint& expected, const Fingerprint& found) {
  for (const SourceFile& file : found.files) {
    const bool known = std::any_of(expected.files.begin(), expected.files.end(),
                                   [&](const SourceFile& other) { return other == file; });
    if (!known) return file.name + " has changed";
  }
  if (expected.files.size() != found.files.size()) return "source files have gone";
  return expected == found ? "" : "the source files have changed";
}

}  // namespace nestvec
