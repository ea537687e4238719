// SPDX-License-Identifier: Apache-2.0
#include "hub/repo_info.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <unordered_set>

#include "base/json.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxFiles = 100'000;
constexpr std::size_t kMaxPathBytes = 4000;
constexpr std::size_t kMaxComponentBytes = 255;
constexpr std::size_t kMaxLicenseBytes = 64;
constexpr std::string_view kLicenseTag = "license:";

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// A foreign string in an error message: printable and short.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 120)) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  return out;
}

std::string hash_of(const JsonValue& object, std::string_view key,
                    bool (*is_valid)(std::string_view)) {
  const std::optional<JsonValue> value = object.find(key);
  if (!value) return {};
  const std::string_view text = value->string();
  if (!is_valid(text)) throw value->error("'" + shown(text) + "' is not a hash");
  return std::string(text);
}

std::uint64_t size_of(const JsonValue& object) {
  const std::optional<JsonValue> value = object.find("size");
  if (!value) return 0;
  const std::int64_t size = value->integer();
  if (size < 0) throw value->error("a size of " + std::to_string(size) + " bytes");
  return static_cast<std::uint64_t>(size);
}

RepoFile parse_file(const JsonValue& sibling, const std::string& name) {
  RepoFile file;
  file.path = std::string(sibling.at("rfilename").string());
  check_file_path(file.path, name);
  bool has_size = sibling.find("size").has_value();
  file.size = size_of(sibling);
  file.blob_id = hash_of(sibling, "blobId", is_sha1);
  if (const std::optional<JsonValue> lfs = sibling.find("lfs")) {
    file.sha256 = hash_of(*lfs, "sha256", is_sha256);
    if (lfs->find("size")) {
      file.size = size_of(*lfs);
      has_size = true;
    }
    if (file.sha256.empty()) file.blob_id.clear();  // it would name the pointer, not the content
  }
  if (!has_size) {  // without it the hashes cannot be used either: both are asked for later
    file.sha256.clear();
    file.blob_id.clear();
  }
  return file;
}

// The licence of the model card, else of the tags. Card data is free text by the repository's
// owner, so another type than a string is passed over.
std::string parse_license(const JsonValue& root) {
  const std::optional<JsonValue> card = root.find("cardData");
  if (card && card->kind() == JsonValue::Kind::kObject) {
    const std::optional<JsonValue> license = card->find("license");
    if (license && license->kind() == JsonValue::Kind::kString) {
      return shown(license->string().substr(0, kMaxLicenseBytes));
    }
  }
  const std::optional<JsonValue> tags = root.find("tags");
  if (!tags || tags->kind() != JsonValue::Kind::kArray) return {};
  for (const JsonValue& tag : tags->elements()) {
    if (tag.kind() != JsonValue::Kind::kString) continue;
    const std::string_view text = tag.string();
    if (text.starts_with(kLicenseTag)) {
      return shown(text.substr(kLicenseTag.size(), kMaxLicenseBytes));
    }
  }
  return {};
}

}  // namespace

bool is_sha256(std::string_view text) { return is_hex(text, 64); }

bool is_sha1(std::string_view text) { return is_hex(text, 40); }

bool is_non_commercial(std::string_view license) {
  constexpr std::string_view kPrefix = "cc-by-nc";
  return license.size() >= kPrefix.size() &&
         std::equal(kPrefix.begin(), kPrefix.end(), license.begin(), [](char expected, char c) {
           return expected == std::tolower(static_cast<unsigned char>(c));
         });
}

void check_file_path(std::string_view path, const std::string& name) {
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorCode::kInvalidArgument, name + ": unsafe file name '" + shown(path) +
                                                  "': " + why + "; nothing was written");
  };
  if (path.empty()) throw refuse("it is empty");
  if (path.size() > kMaxPathBytes) throw refuse("it is too long");
  for (const char c : path) {
    if (c == '\\') throw refuse("it holds a backslash");
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      throw refuse("it holds a control character");
    }
  }
  if (path.front() == '/') throw refuse("it is absolute");
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view component = path.substr(start, end - start);
    if (component.empty() || component == "." || component == "..") {
      throw refuse("'" + std::string(component) + "' is not a file name");
    }
    if (component.size() > kMaxComponentBytes) throw refuse("a component is too long");
    start = end + 1;
  }
}

RepoInfo parse_repo_info(std::string_view json, const std::string& name) {
  const JsonDocument document = JsonDocument::parse(json, name);
  const JsonValue root = document.root();
  RepoInfo info;
  info.commit = hash_of(root, "sha", is_sha1);
  if (info.commit.empty()) throw root.error("\"sha\" is missing; is this a Hugging Face hub?");
  const JsonValue siblings = root.at("siblings");
  if (siblings.size() > kMaxFiles) {
    throw siblings.error(std::to_string(siblings.size()) + " files, at most " +
                         std::to_string(kMaxFiles) + " are allowed");
  }
  std::unordered_set<std::string> seen;
  for (const JsonValue& sibling : siblings.elements()) {
    RepoFile file = parse_file(sibling, name);
    if (!seen.insert(file.path).second) throw sibling.error("'" + shown(file.path) + "' twice");
    info.files.push_back(std::move(file));
  }
  info.license = parse_license(root);
  return info;
}

}  // namespace nestvec
