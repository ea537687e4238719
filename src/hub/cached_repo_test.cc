// SPDX-License-Identifier: Apache-2.0
#include "hub/cached_repo.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <stop_token>

#include "hub/hub_cache.h"
#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

const std::string kOld(40, 'a');
const std::string kNew(40, 'b');

class CachedRepo : public testing::Test {
 protected:
  CachedRepo() : cache_((root_ / "hub").string(), "org/name") { cache_.create_folders(); }

  static RepoFile file(const std::string& path, char digit, std::size_t size) {
    return {.path = path, .size = size, .sha256 = {}, .blob_id = std::string(40, digit)};
  }
  void put(const std::string& commit, const RepoFile& file) const {
    write_text(cache_.blob(file), std::string(file.size, 'x'));
    cache_.link(commit, file);
  }
  // Two revisions that share config.json.
  void put_two() const {
    for (const std::string& commit : {kOld, kNew}) put(commit, file("config.json", '1', 10));
    put(kOld, file("onnx/model.onnx", '2', 200));
    put(kNew, file("onnx/model.onnx", '3', 3000));
    cache_.write_ref("main", kNew);
    cache_.write_ref("v1", kOld);
  }
  std::string hub() const { return (root_ / "hub").string(); }
  std::filesystem::path repo() const { return root_ / "hub/models--org--name"; }
  std::optional<RepoRemoval> plan(const std::string& revision = "") const {
    return plan_removal(hub(), "org/name", revision);
  }

  TemporaryFolder root_;
  HubCache cache_;
};

TEST_F(CachedRepo, ARevisionGoesWithWhatItAloneLinks) {
  put_two();
  const auto removal = plan("v1");
  ASSERT_TRUE(removal);
  EXPECT_FALSE(removal->whole);
  EXPECT_EQ(removal->bytes, 200u);
  EXPECT_TRUE(remove_from_cache(*removal));
  EXPECT_TRUE(cache_.has_file(kNew, file("config.json", '1', 10)));
  EXPECT_TRUE(cache_.has_file(kNew, file("onnx/model.onnx", '3', 3000)));
  EXPECT_FALSE(std::filesystem::exists(repo() / "snapshots" / kOld));
  EXPECT_FALSE(std::filesystem::exists(cache_.blob(file("", '2', 200))));
  EXPECT_FALSE(std::filesystem::exists(repo() / "refs/v1"));
  EXPECT_TRUE(std::filesystem::exists(repo() / "refs/main"));
  EXPECT_FALSE(plan("v1"));
}

TEST_F(CachedRepo, TheLastRevisionTakesTheRepositoryWithIt) {
  put_two();
  write_text(cache_.lock(file("", '3', 3000)), "");
  EXPECT_TRUE(remove_from_cache(*plan("v1")));
  const auto removal = plan("main");
  EXPECT_TRUE(removal->whole);
  EXPECT_EQ(removal->bytes, 3010u);
  EXPECT_TRUE(remove_from_cache(*removal));
  EXPECT_FALSE(std::filesystem::exists(repo()));
  EXPECT_FALSE(std::filesystem::exists(root_ / "hub/.locks/models--org--name"));
  EXPECT_TRUE(std::filesystem::exists(root_ / "hub/CACHEDIR.TAG"));
}

TEST_F(CachedRepo, WithoutARevisionAllGoesButNotWhatIsNotOfTheLayout) {
  put_two();
  write_text(repo() / "notes.txt", "mine");
  EXPECT_TRUE(remove_from_cache(*plan()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(repo()), {}), 1);
  EXPECT_TRUE(std::filesystem::exists(repo() / "notes.txt"));
}

TEST_F(CachedRepo, LinksAreNotFollowed) {
  put_two();
  write_text(root_ / "outside/blobs/precious", "precious");
  write_text(root_ / "outside/letter", "precious");
  std::filesystem::create_directory_symlink(root_ / "outside", repo() / "snapshots/link");
  std::filesystem::create_symlink(root_ / "outside/letter", repo() / "blobs/link");
  EXPECT_TRUE(remove_from_cache(*plan()));
  EXPECT_FALSE(std::filesystem::exists(repo()));
  EXPECT_TRUE(std::filesystem::exists(root_ / "outside/letter"));
  EXPECT_TRUE(std::filesystem::exists(root_ / "outside/blobs/precious"));
  // Parts of the layout that lie elsewhere.
  put_two();
  for (const char* part : {"refs", "blobs"}) {
    std::filesystem::remove_all(repo() / part);
    std::filesystem::create_directory_symlink(root_ / "outside", repo() / part);
  }
  EXPECT_TRUE(remove_from_cache(*plan()));
  EXPECT_FALSE(std::filesystem::exists(repo()));
  EXPECT_TRUE(std::filesystem::exists(root_ / "outside/letter"));
  EXPECT_TRUE(std::filesystem::exists(root_ / "outside/blobs/precious"));
  std::filesystem::create_directory_symlink(root_ / "outside", repo());
  EXPECT_NE(coded_error_of([&] { plan(); }).find("is a symbolic link"), std::string::npos);
}

TEST_F(CachedRepo, ADownloadKeepsIt) {
  put_two();
  {
    const HubLock lock(cache_.lock(file("", '3', 3000)), std::stop_token(), [] {});
    EXPECT_TRUE(is_downloading(*plan()));
    EXPECT_FALSE(remove_from_cache(*plan()));
    EXPECT_TRUE(cache_.has_file(kOld, file("onnx/model.onnx", '2', 200)));
  }
  EXPECT_FALSE(is_downloading(*plan()));
  EXPECT_TRUE(remove_from_cache(*plan()));
}

TEST_F(CachedRepo, ThatIsNotThereHasNoPlan) {
  EXPECT_FALSE(plan_removal(hub(), "org/other", ""));
  EXPECT_FALSE(plan("no-such-branch"));
}

TEST_F(CachedRepo, PartialBlobsAreThoseThatNobodyDownloads) {
  put_two();
  const RepoFile partial = file("model.safetensors", '4', 500);
  write_text(cache_.incomplete_blob(partial), "half");
  write_text(root_ / "hub/datasets--a--b/blobs/x.incomplete", "half");
  std::vector<PartialBlob> found = partial_blobs(hub());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].repo, "org/name");
  EXPECT_EQ(found[0].bytes, 4u);
  {
    const HubLock lock(cache_.lock(partial), std::stop_token(), [] {});
    EXPECT_TRUE(is_downloading(found[0]));
    EXPECT_FALSE(remove_partial(found[0]));
  }
  EXPECT_TRUE(remove_partial(found[0]));
  EXPECT_TRUE(partial_blobs(hub()).empty());
  EXPECT_TRUE(cache_.has_file(kNew, file("config.json", '1', 10)));
}

}  // namespace
}  // namespace nestvec
