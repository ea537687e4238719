// SPDX-License-Identifier: Apache-2.0
#include "compile/cache_entries.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "compile/atomic_folder.h"
#include "compile/manifest.h"
#include "support/checkpoint.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;
using Kind = CacheEntry::Kind;

constexpr const char* kModel =
    "models--org--name/snapshots/0123456789abcdef0123456789abcdef01234567";

class CacheEntries : public testing::Test {
 protected:
  CacheEntries() {
    fs::create_directories(model());
    fs::create_directories(cache());
  }
  fs::path cache() const { return folder_ / "cache"; }
  std::string model() const { return (folder_ / kModel).string(); }
  CompileOptions options(const std::string& precision = "bf16") const {
    CompileOptions options;
    options.precision = precision;
    return options;
  }
  // What looks like a compiled folder of the model.
  fs::path put_compiled(const std::string& precision = "bf16") const {
    const fs::path path = cache() / cache_entry_name(model(), options(precision));
    Manifest manifest;
    manifest.layout = "packed";
    manifest.precision = precision;
    manifest.max_tokens = 512;
    manifest.repository = "org/name";
    manifest.spec.family = "bert";
    write_text(path / kManifestName, write_manifest(manifest));
    write_text(path / kDataName, "12345");
    write_text(path.string() + ".lock", "");
    return path;
  }
  std::vector<CacheEntry> entries() const { return cache_entries(cache().string()); }
  std::size_t names() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(cache()), fs::directory_iterator()));
  }

  TemporaryFolder folder_;
};

TEST_F(CacheEntries, HaveNamesThatAPersonKnows) {
  const std::string name = cache_entry_name(model(), options());
  EXPECT_TRUE(name.starts_with("org--name-bf16-")) << name;
  EXPECT_NE(name, cache_entry_name(model(), options("int8")));
  const fs::path own = folder_ / std::string(250, 'm');
  fs::create_directories(own);
  EXPECT_LT(cache_entry_name(own.string(), options()).size(), 200u);
}

TEST_F(CacheEntries, SayWhatTheyAre) {
  const fs::path path = put_compiled();
  ASSERT_EQ(entries().size(), 1u);
  const CacheEntry entry = entries().front();
  EXPECT_EQ(entry.kind, Kind::kCompiled);
  EXPECT_EQ(entry.path, path.string());
  EXPECT_EQ(entry.repository, "org/name");
  EXPECT_EQ(entry.precision, "bf16");
  EXPECT_EQ(entry.problem, "");
  EXPECT_EQ(entry.bytes, 5 + fs::file_size(path / kManifestName));
  EXPECT_TRUE(is_compiled_from(entry, model()));
  fs::create_directories(folder_ / "other");
  EXPECT_FALSE(is_compiled_from(entry, (folder_ / "other").string()));
}

TEST_F(CacheEntries, AreNotWhatOthersPutThere) {
  const std::string hash(16, 'a');
  write_text(cache() / "letter", "keep");
  write_text(cache() / "mine/letter", "keep");
  write_text(cache() / ("mine-" + hash) / "letter", "keep");  // no manifest
  write_text(cache() / "compiled/nestvec.json", "{}");        // no name of ours
  write_text(cache() / "mine.tmp-abcdef/letter", "keep");
  write_text(cache() / "mine.lock", "");
  write_text(cache() / "models/m/config.json", "{}");
  const fs::path whole = put_compiled();
  write_text(whole / "config.json", "{}");  // as `nestvec compile` writes it
  fs::remove(whole.string() + ".lock");
  EXPECT_TRUE(entries().empty()) << entries().front().path;
  // A link to what is somebody else's.
  fs::rename(whole, folder_ / "elsewhere");
  fs::remove(folder_ / "elsewhere/config.json");
  fs::create_directory_symlink(folder_ / "elsewhere", whole);
  EXPECT_TRUE(entries().empty()) << entries().front().path;
}

TEST_F(CacheEntries, HoldNoteTheLastUseOnceADay) {
  const fs::path path = put_compiled();
  hold_entry(path.string());
  const fs::path used = path / "used";
  ASSERT_TRUE(fs::exists(used));
  const auto now = fs::file_time_type::clock::now();
  for (const auto& [age, noted] :
       {std::pair(std::chrono::hours(1), false), std::pair(std::chrono::hours(25), true)}) {
    fs::last_write_time(used, now - age);
    const auto before = fs::last_write_time(used);
    hold_entry(path.string());
    EXPECT_EQ(fs::last_write_time(used) != before, noted) << age.count();
  }
  EXPECT_FALSE(hold_entry((cache() / "none").string()).valid());
}

TEST_F(CacheEntries, AreNotRemovedWhileTheyAreInUse) {
  const fs::path path = put_compiled();
  const CacheEntry entry = entries().front();
  {
    const FileDescriptor loaded = hold_entry(path.string());
    ASSERT_TRUE(loaded.valid());
    EXPECT_TRUE(is_in_use(entry));
    EXPECT_FALSE(remove_entry(entry));
    EXPECT_TRUE(fs::exists(path / kDataName));
  }
  {
    const FileLock compiling = FileLock::wait(path.string() + ".lock");
    EXPECT_TRUE(is_in_use(entry));
    EXPECT_FALSE(remove_entry(entry));
  }
  EXPECT_FALSE(is_in_use(entry));
  EXPECT_TRUE(remove_entry(entry));
  EXPECT_EQ(names(), 0u);
}

TEST_F(CacheEntries, HalfMadeFoldersOfTheDeadAreRemoved) {
  const std::string path = put_compiled().string();
  fs::remove_all(path);
  AtomicFolder living(path);
  fs::create_directory(path + ".tmp-abcdef");
  write_text(path + ".tmp-abcdef/.lock", "");
  ASSERT_EQ(entries().size(), 3u);  // and a lock without a folder
  std::size_t removed = 0;
  for (const CacheEntry& entry : entries()) {
    EXPECT_EQ(is_in_use(entry), entry.path == living.temporary_path());
    if (remove_entry(entry)) ++removed;
  }
  EXPECT_EQ(removed, 2u);
  EXPECT_TRUE(fs::exists(living.temporary_path()));
  EXPECT_EQ(names(), 1u);
}

// Whether somebody waits for a lock on the file: /proc/locks has an arrow before those who do.
bool is_waited_for(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  std::ifstream locks("/proc/locks");
  const std::string inode = ":" + std::to_string(status.st_ino) + " ";
  for (std::string line; std::getline(locks, line);) {
    if (line.find("->") != std::string::npos && line.find(inode) != std::string::npos) return true;
  }
  return false;
}

TEST_F(CacheEntries, WhoWaitedForALockThatWasRemovedHasTheNewOne) {
  const fs::path path = cache() / "lock";
  std::optional<FileLock> first = FileLock::wait(path.string());
  FileLock second;
  std::thread waiting([&] { second = FileLock::wait(path.string()); });
  while (!is_waited_for(path)) std::this_thread::yield();
  fs::remove(path);
  first.reset();
  waiting.join();
  EXPECT_TRUE(second.held());
  EXPECT_FALSE(FileLock::attempt(path.string()).held());
}

TEST_F(CacheEntries, OfAnotherFormatHaveAProblem) {
  const fs::path path = put_compiled();
  write_text(path / kManifestName, "{\"format_version\": 99}");
  EXPECT_NE(entries().front().problem.find("format 99"), std::string::npos);
  EXPECT_TRUE(entries().front().newer);
  EXPECT_TRUE(remove_entry(entries().front()));
}

}  // namespace
}  // namespace nestvec
