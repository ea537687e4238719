// SPDX-License-Identifier: Apache-2.0
#include "service/model_name.h"

#include <gtest/gtest.h>

#include "service/error_style.h"

namespace nestvec {
namespace {

ModelInfo v3() {
  ModelInfo model;
  model.id = "jina-embeddings-v3";
  for (const char* task : {"retrieval.query", "retrieval.passage", "text-matching"}) {
    model.tasks.push_back({task, ""});
  }
  return model;
}

// The task, or "STATUS PARAM" of the refusal.
std::string task(std::string_view name, bool strict = false) {
  try {
    return task_of_name(name, v3(), strict);
  } catch (const RequestError& error) {
    return std::to_string(http_status(error)) + " " + error.param();
  }
}

TEST(ModelName, MayNameATask) {
  for (const bool strict : {false, true}) {
    EXPECT_EQ(task("jina-embeddings-v3:retrieval.query", strict), "retrieval.query");
    EXPECT_EQ(task("jinaai/Jina-Embeddings-v3:passage", strict), "retrieval.passage");
    EXPECT_EQ(task("jina-embeddings-v3:none", strict), "none");
    EXPECT_EQ(task("jina-embeddings-v3-query", strict), "retrieval.query");
    EXPECT_EQ(task("jina-embeddings-v3-passage", strict), "retrieval.passage");
    for (const char* name :
         {"", "jina-embeddings-v3", "jinaai/jina-embeddings-v3", "jina-embeddings-v3:latest",
          "jina-embeddings-v3:q8_0", "jina-embeddings-v3:"}) {
      EXPECT_EQ(task(name, strict), "") << name;
    }
    EXPECT_EQ(task("jina-embeddings-v3:retrieval.qurey", strict), "422 model") << "a slip";
    EXPECT_EQ(task("jina-embeddings-v3: retrieval.query ", strict), "retrieval.query");
  }
}

TEST(ModelName, MayBeAnotherUnlessStrict) {
  for (const char* name : {"text-embedding-3-small", "nomic-embed-text:latest", "x:y", ":",
                           "text-embedding-3-query"}) {
    EXPECT_EQ(task(name), "") << name;
    EXPECT_EQ(task(name, true), "404 model") << name;
  }
  EXPECT_EQ(task("jina-embeddings-v3:query:passage"), "422 model") << "two tasks";
  EXPECT_EQ(task("jina-embeddings-v3:query:query"), "422 model");
  EXPECT_EQ(task("text-embedding-3-small:query"), "retrieval.query");
  EXPECT_EQ(task("text-embedding-3-small:query", true), "404 model");
}

TEST(ModelName, AModelWithAColonHasItsName) {
  ModelInfo model = v3();
  model.id = "team:search";
  EXPECT_EQ(task_of_name("team:search", model, true), "");
  EXPECT_EQ(task_of_name("team:search:query", model, true), "retrieval.query");
  EXPECT_EQ(names_with_tasks(model).front(), "team:search:retrieval.query");
}

}  // namespace
}  // namespace nestvec
