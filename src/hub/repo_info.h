// SPDX-License-Identifier: Apache-2.0
// What a hub tells about one revision of a repository: its commit, its files with their hashes, its
// licence. Every string that later becomes a path is checked here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

// A file of a repository.
struct RepoFile {
  std::string path;        // relative, '/' between components; passed check_file_path
  std::uint64_t size = 0;  // bytes; of the content, not of an LFS pointer
  std::string sha256;      // of the content, for files in LFS; else empty
  std::string blob_id;     // git's SHA-1 of the blob; empty where the hub did not tell

  // The name of its blob in the cache: the ETag that the hub serves it with.
  const std::string& etag() const { return sha256.empty() ? blob_id : sha256; }
};

// One revision of a repository.
struct RepoInfo {
  std::string commit;  // 40 hexadecimal digits
  std::vector<RepoFile> files;
  std::string license;  // as the model card has it, "cc-by-nc-4.0"; empty = not told
};

// Parses the answer of GET /api/models/REPO/revision/REVISION?blobs=true; `name` is what errors
// call it. A file of which the hub tells no size or no hash is kept, with an empty etag(). Throws
// Error: kInvalidArgument (not such an answer, an unsafe path, a path twice, more than 100,000
// files).
RepoInfo parse_repo_info(std::string_view json, const std::string& name);

// Throws Error kInvalidArgument for a path that does not stay inside its folder on every system, or
// cannot be a file name: absolute, with "..", ".", empty components, backslashes, control
// characters, components over 255 bytes or 4,000 bytes in all.
void check_file_path(std::string_view path, const std::string& name);

// True for 64 (SHA-256) or 40 (SHA-1) lower-case hexadecimal digits.
bool is_sha256(std::string_view text);
bool is_sha1(std::string_view text);

// True for licences that forbid commercial use: the cc-by-nc family.
bool is_non_commercial(std::string_view license);

}  // namespace nestvec
