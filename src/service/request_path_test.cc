// SPDX-License-Identifier: Apache-2.0
#include "service/request_path.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

TEST(RoutePath, ForgivesSlashesAndABaseThatIsGivenTwice) {
  for (const char* path : {"/v1/embeddings", "/v1/embeddings/", "//v1///embeddings//",
                           "/v1/v1/embeddings", "/v1/v1/v1/embeddings", "/v1//v1/embeddings"}) {
    EXPECT_EQ(route_path(path, ""), "/v1/embeddings") << path;
  }
  EXPECT_EQ(route_path("/api/api/embed", ""), "/api/embed");
  for (const char* root : {"/", "//", "///"}) EXPECT_EQ(route_path(root, ""), "/") << root;
  EXPECT_EQ(route_path("*", ""), "*");
  EXPECT_EQ(route_path("", ""), "");
}

TEST(RoutePath, LeavesOtherPathsAsTheyAre) {
  for (const char* path : {"/v1/v1beta/x", "/v1x/v1/x", "/v2/users/u/apps/u", "/v1/models/v1/v1",
                           "/embeddings/embeddings"}) {
    EXPECT_EQ(route_path(path, ""), path);
  }
}

TEST(RoutePath, IsWithoutThePrefix) {
  EXPECT_EQ(route_path("/a/b/v1/embeddings", "/a/b"), "/v1/embeddings");
  EXPECT_EQ(route_path("//a/b/", "/a/b"), "/");
  EXPECT_EQ(route_path("/a/b", "/a/b"), "/");
  EXPECT_EQ(route_path("/a/bc", "/a/b"), "/a/bc");
  EXPECT_EQ(route_path("/health", "/a/b"), "/health") << "probes do not come through the proxy";
  EXPECT_EQ(route_path("/v1/v1/embeddings", "/v1"), "/v1/embeddings");
}

TEST(PathPrefix, IsAPath) {
  for (const char* text : {"", "/", "//"}) EXPECT_EQ(parse_path_prefix(text), "") << text;
  for (const char* text : {"a/b", "/a/b", "/a/b/", "//a//b//"}) {
    EXPECT_EQ(parse_path_prefix(text), "/a/b") << text;
  }
  for (const char* text : {"/a b", "/a?b", "http://a", "/%61", "/\xc3\xa9", "/a\n"}) {
    EXPECT_THROW(parse_path_prefix(text), Error) << text;
  }
}

}  // namespace
}  // namespace nestvec
