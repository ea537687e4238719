// SPDX-License-Identifier: Apache-2.0
#include "config/local_models.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "config/model_location.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr char kSnapshot[] = "0123456789abcdef0123456789abcdef01234567";

class LocalModels : public testing::Test {
 protected:
  LocalModels() {
    root_ = fs::temp_directory_path() / ("nestvec-models-" + std::to_string(::getpid()));
    fs::remove_all(root_);
  }
  ~LocalModels() override { fs::remove_all(root_); }

  void put_model(const fs::path& folder) const {
    fs::create_directories(root_ / folder);
    for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
      std::ofstream(root_ / folder / name) << "{}";
    }
  }
  void put_repository(const std::string& name, const std::string& branch = "main") const {
    put_model(fs::path("hub") / name / "snapshots" / kSnapshot);
    fs::create_directories(root_ / "hub" / name / "refs");
    std::ofstream(root_ / "hub" / name / "refs" / branch) << kSnapshot;
  }
  Environment environment() const {
    return [root = root_.string()](const std::string& name) -> std::optional<std::string> {
      if (name == "HF_HUB_CACHE") return root + "/hub";
      if (name == "NESTVEC_CACHE") return root + "/own";
      return std::nullopt;
    };
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const LocalModel& model : local_models(environment())) names.push_back(model.name);
    return names;
  }
  Error failure(const std::string& name) const {
    try {
      locate_model(name, "", environment());
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << name << " was found";
    return Error(ErrorCode::kUnknown, "no error");
  }

  fs::path root_;
};

using Names = std::vector<std::string>;

TEST_F(LocalModels, AreThoseOfBothCachesThatAreWhole) {
  EXPECT_EQ(names(), Names());
  put_model("own/models/all-MiniLM-L6-v2");
  put_model("own/models/.all-MiniLM-L6-v2-x1");
  put_repository("models--BAAI--bge-m3");
  put_repository("models--gpt2");
  put_repository("models--org--branch-only", "v2");
  put_repository("models--org--broken");
  put_repository("datasets--org--texts");
  fs::remove(root_ / "hub/models--org--broken/snapshots" / kSnapshot / "tokenizer.json");
  EXPECT_EQ(names(), Names({"all-MiniLM-L6-v2", "BAAI/bge-m3", "gpt2", "org/branch-only@v2"}));
}

TEST_F(LocalModels, WithoutAnyFolderAreNone) {
  EXPECT_TRUE(local_models([](const std::string&) { return std::nullopt; }).empty());
}

TEST_F(LocalModels, AreFoundByTheirNameWithoutTheOwner) {
  put_model("own/models/all-MiniLM-L6-v2");
  put_repository("models--BAAI--bge-m3");
  const std::string own = (root_ / "own/models/all-MiniLM-L6-v2").string();
  EXPECT_EQ(locate_model("all-MiniLM-L6-v2", "", environment()), own);
  EXPECT_EQ(locate_model("all-minilm-l6-v2", "", environment()), own);
  EXPECT_EQ(full_model_name("all-minilm-l6-v2", environment()), "all-MiniLM-L6-v2");
  EXPECT_EQ(full_model_name("bge-m3", environment()), "BAAI/bge-m3");
  EXPECT_TRUE(locate_model("bge-m3", "", environment()).ends_with(kSnapshot));
  EXPECT_EQ(full_model_name("other/bge-m3", environment()), "other/bge-m3");
  EXPECT_EQ(full_model_name("./folder", environment()), "./folder");
}

TEST_F(LocalModels, OfWhichSeveralHaveTheNameAreNotGuessed) {
  put_repository("models--a--tiny");
  put_repository("models--b--tiny");
  const Error error = failure("tiny");
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(std::string(error.what()).find("a/tiny, b/tiny"), std::string::npos) << error.what();
}

TEST_F(LocalModels, AreListedWhereANameIsUnknown) {
  const std::string none = failure("bge-m3").what();
  EXPECT_NE(none.find("there is no model on this machine"), std::string::npos) << none;
  EXPECT_NE(none.find("nestvec pull BAAI/bge-m3"), std::string::npos) << none;
  put_repository("models--BAAI--bge-m3");
  const std::string near = failure("bge-m33").what();
  EXPECT_NE(near.find("on this machine: BAAI/bge-m3"), std::string::npos) << near;
  EXPECT_NE(near.find("did you mean \"bge-m3\"?"), std::string::npos) << near;
  EXPECT_NE(std::string(failure("BAI/bge-m3").what()).find("BAAI/bge-m3 is here"),
            std::string::npos);
  for (int i = 0; i < 8; ++i) put_repository("models--org--m" + std::to_string(i));
  const std::string many = failure("nothing-like-it").what();
  EXPECT_NE(many.find("and 3 more"), std::string::npos) << many;
}

TEST_F(LocalModels, AFileOfAModelIsNoModel) {
  put_model("folder");
  const std::string file = (root_ / "folder/model.safetensors").string();
  EXPECT_NE(std::string(failure(file).what()).find("the model folder that holds it"),
            std::string::npos);
  std::ofstream(root_ / "m.gguf") << "GGUF";
  EXPECT_NE(std::string(failure((root_ / "m.gguf").string()).what()).find("GGUF"),
            std::string::npos);
}

TEST_F(LocalModels, AnAddressOfTheHubIsNoName) {
  for (const char* address :
       {"https://huggingface.co/BAAI/bge-m3", "https://huggingface.co/BAAI/bge-m3/tree/main",
        "hf.co/BAAI/bge-m3", "https://huggingface.co/BAAI/bge-m3?library=x", "hf://BAAI/bge-m3"}) {
    const std::string error = failure(address).what();
    EXPECT_NE(error.find("did you mean BAAI/bge-m3?"), std::string::npos) << error;
    EXPECT_THROW(parse_repo_reference(address), Error);
  }
  EXPECT_NE(std::string(failure("BAAI/bge-m3:main").what()).find("did you mean BAAI/bge-m3@main?"),
            std::string::npos);
  EXPECT_NE(std::string(failure("file:///no/such").what()).find("did you mean /no/such?"),
            std::string::npos);
  for (const char* other :
       {"a/b:", "https://huggingface.co/", "https://hf.co/a", "https://example.org/a/b"}) {
    EXPECT_EQ(std::string(failure(other).what()).find("did you mean"), std::string::npos) << other;
  }
}

TEST_F(LocalModels, AnAbsentRepositoryIsOneThatAPullWouldBring) {
  EXPECT_TRUE(is_absent_repository("BAAI/bge-m3", environment()));
  EXPECT_TRUE(is_absent_repository("BAAI/bge-m3@v1", environment()));
  put_repository("models--BAAI--bge-m3");
  EXPECT_FALSE(is_absent_repository("BAAI/bge-m3", environment()));
  EXPECT_TRUE(is_absent_repository("BAAI/bge-m3@v1", environment()));
  for (const char* text : {"bge-m3", "./a/b", "/a/b", "", "a/b/c"}) {
    EXPECT_FALSE(is_absent_repository(text, environment())) << text;
  }
  put_model("folder");
  EXPECT_FALSE(is_absent_repository((root_ / "folder").string(), environment()));
  fs::remove(root_ / "hub/models--BAAI--bge-m3/snapshots" / kSnapshot / "tokenizer.json");
  EXPECT_TRUE(is_absent_repository("BAAI/bge-m3", environment()));
}

TEST(LikelyRepositories, AreThoseOfWellKnownOwners) {
  EXPECT_EQ(likely_repositories("bge-m3"), Names({"BAAI/bge-m3"}));
  EXPECT_EQ(likely_repositories("all-MiniLM-L6-v2"),
            Names({"sentence-transformers/all-MiniLM-L6-v2"}));
  EXPECT_EQ(likely_repositories("jina-embeddings-v3"), Names({"jinaai/jina-embeddings-v3"}));
  EXPECT_EQ(likely_repositories("gte-base"), Names({"thenlper/gte-base", "Alibaba-NLP/gte-base"}));
  EXPECT_EQ(likely_repositories("nomic-embed-text"), Names({"nomic-ai/nomic-embed-text-v1.5"}));
  EXPECT_EQ(likely_repositories("my-own-model"), Names());
  EXPECT_EQ(likely_repositories(""), Names());
}

}  // namespace
}  // namespace nestvec
