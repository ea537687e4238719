// SPDX-License-Identifier: Apache-2.0
#include "hub/url.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

TEST(Url, EndpointsAreCleaned) {
  EXPECT_EQ(normalize_endpoint("https://huggingface.co"), "https://huggingface.co");
  EXPECT_EQ(normalize_endpoint("https://hub.example.org/mirror//"),
            "https://hub.example.org/mirror");
  EXPECT_EQ(normalize_endpoint("http://[::1]:8080"), "http://[::1]:8080");
}

TEST(Url, EndpointsThatAreNoHubAreRefused) {
  for (const char* endpoint :
       {"", "hub.example.org", "ftp://hub.example.org", "file:///etc/passwd",
        "https://user:secret@hub.example.org", "https://user@hub.example.org",
        "https://hub.example.org?x=1", "https://hub.example.org/#x", "https://hub.example.org/a b",
        "https://"}) {
    EXPECT_THROW(normalize_endpoint(endpoint), Error) << endpoint;
  }
  try {
    normalize_endpoint("https://user:secret@hub.example.org");
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
  }
}

TEST(Url, RoutesOfTheHub) {
  EXPECT_EQ(repo_info_url("https://h", "org/name", "main"),
            "https://h/api/models/org/name/revision/main?blobs=true");
  EXPECT_EQ(repo_info_url("https://h", "org/name", "refs/pr/1"),
            "https://h/api/models/org/name/revision/refs%2Fpr%2F1?blobs=true");
  EXPECT_EQ(file_url("https://h", "org/name", "abc", "1_Pooling/config.json"),
            "https://h/org/name/resolve/abc/1_Pooling/config.json");
  EXPECT_EQ(file_url("https://h", "org/name", "abc", "a b?#%/\xc3\xa9~-._+.json"),
            "https://h/org/name/resolve/abc/a%20b%3F%23%25/%C3%A9~-._%2B.json");
}

TEST(Url, OriginsAreWhatATokenIsBoundTo) {
  EXPECT_EQ(url_origin("https://Hub.Example.org/a?b"), "https://hub.example.org:443");
  EXPECT_EQ(url_origin("https://hub.example.org:443/x"), "https://hub.example.org:443");
  EXPECT_EQ(url_origin("http://hub.example.org"), "http://hub.example.org:80");
  EXPECT_EQ(url_origin("HTTP://127.0.0.1:81"), "http://127.0.0.1:81");
  // The host is what follows the last '@', whatever stands before it.
  EXPECT_EQ(url_origin("https://hub.example.org@evil.example.com/"),
            "https://evil.example.com:443");
  EXPECT_EQ(url_origin("https://hub.example.org:443@evil.example.com/"),
            "https://evil.example.com:443");
  EXPECT_NE(url_origin("https://hub.example.org.evil.example.com"),
            url_origin("https://hub.example.org"));
  EXPECT_EQ(url_origin("file:///etc/passwd"), "");
  EXPECT_EQ(url_origin("not an address"), "");
}

TEST(Url, HostsForMessagesHoldNoQuery) {
  EXPECT_EQ(url_host("https://cdn.example.org/a?signature=secret"), "cdn.example.org");
  EXPECT_EQ(url_host("http://127.0.0.1:8080/x"), "127.0.0.1:8080");
}

}  // namespace
}  // namespace nestvec
