// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hub/partial_file.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// `git hash-object` of "hello\n".
const RepoFile kHello = {.path = "a/b/hello.txt",
                         .size = 6,
                         .sha256 = {},
                         .blob_id = "ce013625030ba8dba906f756967f9e9ca394464a"};
const std::string kCommit(40, 'c');

class Cache : public testing::Test {
 protected:
  Cache() : root_(fs::temp_directory_path() / ("nestvec-cache-" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_);
    cache_.emplace(root_.string(), "org/name");
    cache_->create_folders();
  }
  ~Cache() override { fs::remove_all(root_); }

  std::string text_of(const std::string& path) const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }

  fs::path root_;
  std::optional<HubCache> cache_;
};

TEST_F(Cache, LinksAreRelativeAndReplaced) {
  std::ofstream(cache_->blob(kHello)) << "hello\n";
  cache_->link(kCommit, kHello);
  const fs::path link = root_ / "models--org--name/snapshots" / kCommit / "a/b/hello.txt";
  EXPECT_EQ(fs::read_symlink(link), "../../../../blobs/" + kHello.blob_id);
  EXPECT_EQ(text_of(link), "hello\n");
  EXPECT_TRUE(cache_->has_file(kCommit, kHello));
  fs::remove(link);
  std::ofstream(link) << "something else";
  EXPECT_FALSE(cache_->has_file(kCommit, kHello));
  cache_->link(kCommit, kHello);
  EXPECT_EQ(text_of(link), "hello\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(link.parent_path()), {}), 1);
}

TEST_F(Cache, RefsStandForCommits) {
  cache_->write_ref("refs/pr/1", kCommit);
  EXPECT_EQ(text_of(root_ / "models--org--name/refs/refs/pr/1"), kCommit);
  cache_->write_ref("refs/pr/1", std::string(40, 'd'));
  EXPECT_EQ(text_of(root_ / "models--org--name/refs/refs/pr/1"), std::string(40, 'd'));
  cache_->write_ref(kCommit, kCommit);
  EXPECT_FALSE(fs::exists(root_ / "models--org--name/refs" / kCommit));
}

TEST_F(Cache, PartialFilesGoOnAndStartAnew) {
  const std::string path = cache_->incomplete_blob(kHello);
  {
    PartialFile partial(path, kHello);
    EXPECT_TRUE(partial.append(bytes("hel")));
    EXPECT_FALSE(partial.append(bytes("lo\nmore")));
  }
  PartialFile partial(path, kHello);
  EXPECT_EQ(partial.size(), 3u);
  EXPECT_TRUE(partial.append(bytes("lo\n")));
  EXPECT_TRUE(partial.is_whole());
  EXPECT_EQ(partial.finish_hash(), kHello.blob_id);
  partial.restart();
  EXPECT_EQ(fs::file_size(path), 0u);
  EXPECT_TRUE(partial.append(bytes("hello\n")));
  EXPECT_EQ(partial.finish_hash(), kHello.blob_id);
  partial.move_to(cache_->blob(kHello));
  EXPECT_TRUE(cache_->has_blob(kHello));
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Cache, LocksExclude) {
  const std::string path = cache_->lock(kHello);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 3; ++k) {
          const HubLock lock(path, {}, [] {});
          most = std::max<int>(most, ++inside);
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
          --inside;
        }
      });
    }
  }
  EXPECT_EQ(most, 1);
}

TEST_F(Cache, AWaitForALockCanBeStopped) {
  const HubLock held(cache_->lock(kHello), {}, [] {});
  std::stop_source stop;
  stop.request_stop();
  bool waited = false;
  EXPECT_THROW(HubLock(cache_->lock(kHello), stop.get_token(), [&] { waited = true; }), Error);
  EXPECT_FALSE(waited);
}

}  // namespace
}  // namespace nestvec
