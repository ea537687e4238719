// SPDX-License-Identifier: Apache-2.0
// nestvec rm and nestvec cache, on caches of the test.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/exit_code.h"
#include "compile/cache_entries.h"
#include "compile/manifest.h"
#include "config/model_locks.h"
#include "support/checkpoint.h"
#include "support/run_command.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

const std::string kCommit(40, 'c');

class Caches : public testing::Test {
 protected:
  void put_model(const fs::path& folder) const {
    for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
      write_text(folder / name, "{}");
    }
  }
  fs::path own(const std::string& name) const { return home_ / (".cache/nestvec/models/" + name); }
  fs::path repo() const { return home_ / ".cache/huggingface/hub/models--org--name"; }
  fs::path snapshot() const { return repo() / "snapshots" / kCommit; }
  void put_repo() const {
    put_model(snapshot());
    write_text(repo() / "refs/main", kCommit);
  }
  fs::path put_compiled(const fs::path& model, const std::string& repository) const {
    CompileOptions options;
    options.precision = "int8";
    const fs::path path = home_ / (".cache/nestvec/" + cache_entry_name(model.string(), options));
    Manifest manifest;
    manifest.layout = "packed";
    manifest.precision = "int8";
    manifest.repository = repository;
    manifest.spec.family = "bert";
    write_text(path / kManifestName, write_manifest(manifest));
    return path;
  }
  Outcome type(const std::vector<std::string>& arguments, const std::string& answer = "",
               bool terminal = false) const {
    return run(arguments, answer, terminal, {{"HOME", (home_ / "").string()}, {"NO_COLOR", "1"}});
  }

  TemporaryFolder home_;
};

TEST_F(Caches, RmTakesTheModelAndWhatWasCompiledOfIt) {
  put_model(own("small"));
  put_model(own("other"));
  put_repo();
  const fs::path of_own = put_compiled(own("small"), "");
  const fs::path of_other = put_compiled(own("other"), "");
  const fs::path of_repo = put_compiled(snapshot(), "org/name");
  const Outcome first = type({"rm", "small", "--yes"});
  EXPECT_EQ(first.code, kExitOk) << first.err;
  EXPECT_NE(first.err.find("1 compiled model of"), std::string::npos) << first.err;
  EXPECT_FALSE(fs::exists(own("small")));
  EXPECT_FALSE(fs::exists(of_own));
  EXPECT_TRUE(fs::exists(of_other));
  EXPECT_EQ(type({"rm", "name", "-y"}).code, kExitOk) << "by its short name";
  EXPECT_FALSE(fs::exists(repo()));
  EXPECT_FALSE(fs::exists(of_repo));
  EXPECT_TRUE(fs::exists(own("other")));
  EXPECT_EQ(type({"list", "-q"}).out, "other\n");
}

TEST_F(Caches, RmAsksAndEnterIsNo) {
  put_model(own("small"));
  EXPECT_EQ(type({"rm", "small"}).code, kExitUsage) << "nobody can be asked";
  for (const char* answer : {"", "\n", "n\n", "no\n"}) {
    const Outcome outcome = type({"rm", "small"}, answer, true);
    EXPECT_EQ(outcome.code, kExitFailure);
    EXPECT_NE(outcome.err.find("Remove it? [y/N] "), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("nothing was removed"), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(fs::exists(own("small")));
  EXPECT_EQ(type({"rm", "small"}, "y\n", true).code, kExitOk);
  EXPECT_FALSE(fs::exists(own("small")));
}

TEST_F(Caches, RmLeavesWhatAProcessHasLoaded) {
  put_repo();
  const fs::path compiled = put_compiled(snapshot(), "org/name");
  {
    const FileDescriptor loaded = hold_entry(compiled.string());
    const Outcome outcome = type({"rm", "org/name", "-y"});
    EXPECT_EQ(outcome.code, kExitFailure);
    EXPECT_NE(outcome.err.find("org/name is in use: "), std::string::npos) << outcome.err;
    EXPECT_TRUE(fs::exists(snapshot()));
    EXPECT_EQ(type({"cache", "prune", "--larger-than", "0"}).out, "nothing to remove\n");
  }
  EXPECT_EQ(type({"rm", "org/name", "-y"}).code, kExitOk);
}

TEST_F(Caches, RmLeavesAGraphThatRunsAsItIs) {
  const fs::path blob = repo() / "blobs/0123";
  write_text(blob, "graph");
  put_repo();
  fs::create_directories(snapshot() / "onnx");
  fs::create_symlink("../../../blobs/0123", snapshot() / "onnx/model.onnx");
  put_model(own("small"));
  write_text(own("small") / "onnx/model.onnx", "graph");
  for (const auto& [name, file] : {std::pair("org/name", snapshot() / "onnx/model.onnx"),
                                   std::pair("small", own("small") / "onnx/model.onnx")}) {
    const FileDescriptor loaded = hold_model_file(file.string());
    const Outcome outcome = type({"rm", name, "-y"});
    EXPECT_EQ(outcome.code, kExitFailure);
    EXPECT_NE(outcome.err.find(" is in use: a process has loaded "), std::string::npos)
        << outcome.err;
    EXPECT_TRUE(fs::exists(file));
  }
  EXPECT_EQ(type({"rm", "org/name", "-y"}).code, kExitOk);
  EXPECT_EQ(type({"rm", "small", "-y"}).code, kExitOk);
  EXPECT_FALSE(fs::exists(own("small")));
}

TEST_F(Caches, PruneTakesModelsThatWereLeftHalfMade) {
  const fs::path left = own(".small.removed-4711");
  put_model(left);
  {
    const FileDescriptor removing = lock_model_folder(left.string());
    const std::string shown = type({"cache"}).out;
    EXPECT_NE(shown.find("half-made models in "), std::string::npos) << shown;
    EXPECT_NE(shown.find("in use"), std::string::npos) << shown;
    EXPECT_EQ(type({"cache", "prune"}).out, "nothing to remove\n");
  }
  EXPECT_NE(type({"cache", "--json"}).out.find("\"half_made_models\":[{\"path\":"),
            std::string::npos);
  const std::string pruned = type({"cache", "prune"}).out;
  EXPECT_NE(pruned.find("a model left half-made or half-removed"), std::string::npos) << pruned;
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(Caches, RmKnowsModelsByNameAlone) {
  put_model(home_ / "mine");
  put_model(own("small"));
  for (const std::string& name : {std::string("nothing"), std::string("org/nothing")}) {
    const Outcome outcome = type({"rm", name, "-y"});
    EXPECT_EQ(outcome.code, kExitNotFound) << outcome.err;
    EXPECT_NE(outcome.err.find("on this machine: small"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(type({"rm", (home_ / "mine").string(), "-y"}).code, kExitUsage);
  EXPECT_EQ(type({"rm", "../models/small", "-y"}).code, kExitUsage);
  EXPECT_TRUE(fs::exists(home_ / "mine/config.json"));
  EXPECT_TRUE(fs::exists(own("small")));
}

TEST_F(Caches, RmOfALinkedModelTakesTheLink) {
  put_model(home_ / "mine");
  fs::create_directories(own(""));
  fs::create_directory_symlink(home_ / "mine", own("linked"));
  EXPECT_EQ(type({"rm", "linked", "-y"}).code, kExitOk);
  EXPECT_FALSE(fs::is_symlink(own("linked")));
  EXPECT_TRUE(fs::exists(home_ / "mine/config.json"));
}

TEST_F(Caches, CacheShowsAndPrunes) {
  put_repo();
  const fs::path compiled = put_compiled(snapshot(), "org/name");
  const fs::path old = put_compiled(home_ / ".cache", "");
  fs::last_write_time(old / kManifestName,
                      fs::file_time_type::clock::now() - std::chrono::hours(24 * 40));
  write_text(repo() / "blobs" / (std::string(64, 'a') + ".incomplete"), "half");
  const std::string shown = type({"cache"}).out;
  EXPECT_NE(shown.find(compiled.filename().string()), std::string::npos) << shown;
  EXPECT_NE(shown.find("40 days ago"), std::string::npos) << shown;
  EXPECT_NE(shown.find("unfinished downloads in "), std::string::npos) << shown;
  EXPECT_NE(type({"cache", "--json"}).out.find("\"unfinished_downloads\":[{\"repository\":"),
            std::string::npos);
  const std::string dry = type({"cache", "prune", "--older-than", "30d", "--dry-run"}).out;
  EXPECT_TRUE(dry.starts_with("would remove ")) << dry;
  EXPECT_NE(dry.find(old.filename().string() + " ("), std::string::npos) << dry;
  EXPECT_TRUE(fs::exists(old));
  const std::string first = type({"cache", "prune"}).out;
  EXPECT_NE(first.find("a download of org/name broken off"), std::string::npos) << first;
  EXPECT_TRUE(fs::exists(old));
  const std::string second = type({"cache", "prune", "--older-than", "30d"}).out;
  EXPECT_TRUE(second.starts_with("removed ")) << second;
  EXPECT_NE(second.find("last used 40 days ago"), std::string::npos) << second;
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(compiled));
  EXPECT_EQ(type({"cache", "prune", "--older-than", "30d"}).out, "nothing to remove\n");
}

TEST_F(Caches, OptionsOfPruneBelongToPrune) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"cache", "--dry-run"},
        std::vector<std::string>{"cache", "--older-than", "30d"},
        std::vector<std::string>{"cache", "prune", "--json"},
        std::vector<std::string>{"cache", "prune", "--older-than", "soon"},
        std::vector<std::string>{"cache", "prune", "--older-than", ""},
        std::vector<std::string>{"cache", "purge"}}) {
    EXPECT_EQ(type(arguments).code, kExitUsage) << arguments.back();
  }
}

}  // namespace
}  // namespace nestvec
