// SPDX-License-Identifier: Apache-2.0
#include "config/model_location.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr char kCommit[] = "0123456789abcdef0123456789abcdef01234567";

Environment table(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end() || found->second.empty()) return std::nullopt;
    return found->second;
  };
}

class ModelLocation : public testing::Test {
 protected:
  ModelLocation() {
    root_ = fs::temp_directory_path() / ("nestvec-location-" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~ModelLocation() override { fs::remove_all(root_); }

  void put(const fs::path& path, const std::string& text = "{}") const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path snapshot() const { return fs::path("models--org--name") / "snapshots" / kCommit; }
  void put_snapshot() const {
    put(snapshot() / "config.json");
    put(snapshot() / "tokenizer.json");
    put(snapshot() / "model.safetensors");
  }
  Environment environment() const { return table({{"HF_HUB_CACHE", root_.string()}}); }
  Error failure(const std::string& name, const std::string& revision = "") const {
    try {
      locate_model(name, revision, environment());
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << name << " was found";
    return Error(ErrorCode::kUnknown, "no error");
  }

  fs::path root_;
};

TEST(RepoReference, SplitsNameAndRevision) {
  EXPECT_EQ(parse_repo_reference("jinaai/jina-embeddings-v3").repo, "jinaai/jina-embeddings-v3");
  EXPECT_EQ(parse_repo_reference("jinaai/jina-embeddings-v3").revision, "");
  EXPECT_EQ(parse_repo_reference("org/name@v1.0").revision, "v1.0");
  EXPECT_EQ(parse_repo_reference("org/name@refs/pr/7").revision, "refs/pr/7");
  EXPECT_EQ(parse_repo_reference("gpt2").repo, "gpt2");
}

TEST(RepoReference, RefusesWhatTheHubRefuses) {
  const std::string long_name(97, 'a');
  for (const std::string& text : {std::string(""),
                                  std::string("/name"),
                                  std::string("org/"),
                                  std::string("a/b/c"),
                                  std::string("org/na--me"),
                                  std::string("org/na..me"),
                                  std::string("-org/name"),
                                  std::string("org/name-"),
                                  std::string("org/.name"),
                                  std::string("../name"),
                                  std::string("org/name.git"),
                                  std::string("org/na me"),
                                  std::string("org/caf\xc3\xa9"),
                                  "org/" + long_name,
                                  std::string("org/name@"),
                                  std::string("org/name@../x"),
                                  std::string("org/name@/x"),
                                  std::string("org/name@a//b"),
                                  std::string("org/name@a\\b"),
                                  std::string("org/name@a b"),
                                  std::string("org/name@.git"),
                                  std::string("org/name@a/.b"),
                                  std::string("org/na\0me", 9)}) {
    EXPECT_THROW(parse_repo_reference(text), Error) << text;
  }
}

TEST(RepoOfPath, IsThatOfTheCachesFolder) {
  EXPECT_EQ(repo_of_path("/c/hub/models--a--b.c/snapshots/0123"), "a/b.c");
  EXPECT_EQ(repo_of_path("models--a--b"), "a/b");
  EXPECT_EQ(repo_of_path("/c/models--old/snapshots/main/"), "old");
  for (const char* path : {"", "/", "a/b", "/models/a/b", "/my-models--a--b/x"}) {
    EXPECT_EQ(repo_of_path(path), "") << path;
  }
}

TEST(HubCacheFolder, FollowsTheVariablesInTheirOrder) {
  EXPECT_EQ(hub_cache_folder(table({{"HOME", "/home/u"}})), "/home/u/.cache/huggingface/hub");
  EXPECT_EQ(hub_cache_folder(table({{"HOME", "/home/u"}, {"XDG_CACHE_HOME", "/c"}})),
            "/c/huggingface/hub");
  EXPECT_EQ(hub_cache_folder(table({{"HF_HOME", "/hf"}, {"XDG_CACHE_HOME", "/c"}})), "/hf/hub");
  EXPECT_EQ(hub_cache_folder(table({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}})),
            "/old");
  EXPECT_EQ(hub_cache_folder(table({{"HF_HUB_CACHE", "/new"}, {"HUGGINGFACE_HUB_CACHE", "/old"}})),
            "/new");
  EXPECT_EQ(hub_cache_folder(table(
                {{"HF_HOME", "~/hf/$NAME/${NAME}x$UNSET"}, {"HOME", "/home/u"}, {"NAME", "n"}})),
            "/home/u/hf/n/nx$UNSET/hub");
  EXPECT_EQ(hub_token_file(table({{"HF_HOME", "/hf"}})), "/hf/token");
  EXPECT_EQ(hub_token_file(table({{"HF_HOME", "/hf"}, {"HF_TOKEN_PATH", "/t"}})), "/t");
  EXPECT_THROW(hub_cache_folder(table({})), Error);
}

TEST_F(ModelLocation, FindsASnapshotByBranchAndByCommit) {
  put_snapshot();
  put("models--org--name/refs/main", kCommit);
  put("models--org--name/refs/refs/pr/7", kCommit);
  const std::string expected = (root_ / snapshot()).string();
  EXPECT_EQ(locate_model("org/name", "", environment()), expected);
  EXPECT_EQ(locate_model("org/name", kCommit, environment()), expected);
  EXPECT_EQ(locate_model(std::string("org/name@") + kCommit, "other", environment()), expected);
  EXPECT_EQ(locate_model("org/name@refs/pr/7", "", environment()), expected);
}

TEST_F(ModelLocation, TellsTheCommandThatFetchesWhatIsNotThere) {
  EXPECT_EQ(failure("org/name").code(), ErrorCode::kNotFound);
  EXPECT_NE(std::string(failure("org/name").what()).find("nestvec pull org/name"),
            std::string::npos);
  EXPECT_NE(std::string(failure("org/name", "v2").what()).find("nestvec pull org/name@v2"),
            std::string::npos);
}

TEST_F(ModelLocation, NamesTheFileThatAnIncompleteSnapshotLacks) {
  put("models--org--name/refs/main", kCommit);
  put_snapshot();
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    const fs::path file = root_ / snapshot() / name;
    fs::remove(file);
    fs::create_symlink("../../blobs/not-there-yet", file);
    EXPECT_EQ(failure("org/name").code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(failure("org/name").what()).find(name), std::string::npos) << name;
    EXPECT_EQ(find_in_cache(root_.string(), "org/name", ""), std::nullopt);
    fs::remove(file);
    put(snapshot() / name);
  }
  EXPECT_TRUE(find_in_cache(root_.string(), "org/name", "").has_value());
}

TEST_F(ModelLocation, CountsTheShardsOfTheIndex) {
  put("models--org--name/refs/main", kCommit);
  put_snapshot();
  fs::remove(root_ / snapshot() / "model.safetensors");
  put(snapshot() / "model.safetensors.index.json",
      R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})");
  put(snapshot() / "model-1.safetensors");
  EXPECT_NE(std::string(failure("org/name").what()).find("model-2.safetensors"), std::string::npos);
  put(snapshot() / "model-2.safetensors");
  EXPECT_EQ(locate_model("org/name", "", environment()), (root_ / snapshot()).string());
}

TEST_F(ModelLocation, AFolderComesBeforeARepository) {
  put("models/config.json");
  EXPECT_EQ(locate_model((root_ / "models").string(), "", environment()),
            (root_ / "models").string());
  fs::create_directories(root_ / "empty");
  EXPECT_EQ(failure((root_ / "empty").string()).code(), ErrorCode::kNotFound);
  for (const char* path : {"./nothing", "/nothing/here", "a/b/c", "~/none", "org/name/"}) {
    EXPECT_EQ(failure(path).code(), ErrorCode::kNotFound) << path;
    EXPECT_NE(std::string(failure(path).what()).find("no such model folder"), std::string::npos);
  }
  EXPECT_EQ(failure("org/na..me").code(), ErrorCode::kInvalidArgument);
}

TEST_F(ModelLocation, NamesATransformerInAFolderOfItsOwn) {
  put("old/modules.json");
  put("old/0_Transformer/config.json");
  EXPECT_NE(std::string(failure((root_ / "old").string()).what()).find("is in 0_Transformer/"),
            std::string::npos);
}

TEST_F(ModelLocation, DoesNotFollowARefThatIsNoCommit) {
  put("models--org--name/refs/main", "../../../etc");
  put_snapshot();
  EXPECT_EQ(failure("org/name").code(), ErrorCode::kNotFound);
}

TEST_F(ModelLocation, SnapshotsMayHaveAnyName) {
  put("models--org--name/refs/main", "local\n");
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    put(fs::path("models--org--name/snapshots/local") / name);
  }
  const std::string expected = (root_ / "models--org--name/snapshots/local").string();
  EXPECT_EQ(locate_model("org/name", "", environment()), expected);
  EXPECT_EQ(locate_model("org/name@local", "", environment()), expected);
  for (const char* name : {"..", ".", "a/../local", "/", ""}) {
    put("models--org--name/refs/main", name);
    EXPECT_EQ(failure("org/name").code(), ErrorCode::kNotFound) << name;
  }
}

TEST_F(ModelLocation, FilesOfTorchAreWeights) {
  put("models--org--name/refs/main", kCommit);
  put_snapshot();
  fs::remove(root_ / snapshot() / "model.safetensors");
  EXPECT_EQ(failure("org/name").code(), ErrorCode::kNotFound);
  put(snapshot() / "pytorch_model.bin.index.json", R"({"weight_map": {"a": "part.bin"}})");
  const std::string message = failure("org/name").what();
  EXPECT_NE(message.find("part.bin"), std::string::npos) << message;
  put(snapshot() / "part.bin");
  EXPECT_EQ(locate_model("org/name", "", environment()), (root_ / snapshot()).string());
  fs::remove(root_ / snapshot() / "pytorch_model.bin.index.json");
  put(snapshot() / "pytorch_model.bin");
  EXPECT_EQ(locate_model("org/name", "", environment()), (root_ / snapshot()).string());
}

TEST(ShortModelName, IsTheLastPartWithoutItsRevision) {
  EXPECT_EQ(short_model_name("/models/all-MiniLM-L6-v2/"), "all-MiniLM-L6-v2");
  EXPECT_EQ(short_model_name("jinaai/jina-embeddings-v3@main"), "jina-embeddings-v3");
  EXPECT_EQ(short_model_name("local"), "local");
}

}  // namespace
}  // namespace nestvec
