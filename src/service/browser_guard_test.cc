// SPDX-License-Identifier: Apache-2.0
#include "service/browser_guard.h"

#include <gtest/gtest.h>

#include <optional>

#include "service/error_style.h"

namespace nestvec {
namespace {

HttpRequest request_with(std::optional<std::string> host, std::optional<std::string> origin) {
  HttpRequest request;
  if (host) request.headers.emplace_back("host", *host);
  if (origin) request.headers.emplace_back("origin", *origin);
  return request;
}

// The refusal, or nothing.
std::string refusal(const BrowserGuard& guard, const HttpRequest& request, bool has_keys = false) {
  try {
    guard.check(request, has_keys);
  } catch (const RequestError& error) {
    EXPECT_EQ(http_status(error), 403);
    return error.what();
  }
  return "";
}

TEST(BrowserGuard, ALocalServerAnswersToLocalNamesAlone) {
  const Cors cors("");
  const BrowserGuard guard(cors, "embed.example, Proxy", true);
  for (const char* host : {"localhost", "localhost:8080", "LocalHost", "localhost.", "127.0.0.1",
                           "127.0.0.1:80", "127.1.2.3:8080", "[::1]", "[::1]:8080", "embed.example",
                           "EMBED.example:443", "proxy", ""}) {
    EXPECT_EQ(refusal(guard, request_with(host, {})), "") << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example",
        "192.168.0.7", "[::2]:80", "0.0.0.0", "127.evil", "evil.example.", "[", "x]"}) {
    EXPECT_NE(refusal(guard, request_with(host, {})).find("server.hosts"), std::string::npos)
        << host;
    EXPECT_NE(refusal(guard, request_with(host, {}), true), "") << host << " with keys";
  }
  EXPECT_EQ(refusal(guard, request_with({}, {})), "") << "HTTP/1.0";
}

TEST(BrowserGuard, AnotherServerAnswersToEveryName) {
  const Cors cors("");
  const BrowserGuard guard(cors, "", false);
  EXPECT_EQ(refusal(guard, request_with("evil.example", {})), "");
}

TEST(BrowserGuard, WithoutKeysOnlyAllowedPagesMayAsk) {
  const Cors cors("https://app.example");
  const BrowserGuard guard(cors, "", false);
  for (const char* origin :
       {"http://box:8080", "https://box:8080", "http://BOX:8080", "https://app.example"}) {
    EXPECT_EQ(refusal(guard, request_with("box:8080", origin)), "") << origin;
  }
  for (const char* origin : {"http://box", "http://box:80801", "null", "", "http://evil.example",
                             "http://box:8080.evil.example", "https://app.example:1"}) {
    const HttpRequest request = request_with("box:8080", origin);
    EXPECT_NE(refusal(guard, request).find("server.cors_origins"), std::string::npos) << origin;
    EXPECT_EQ(refusal(guard, request, true), "") << origin;
  }
  EXPECT_EQ(refusal(guard, request_with("box:8080", {})), "") << "no page at all";
}

TEST(BrowserGuard, AStarAllowsEveryPage) {
  const Cors cors("*");
  EXPECT_EQ(refusal(BrowserGuard(cors, "", false), request_with("box", "null")), "");
}

TEST(BrowserGuard, NoPageComesOverAUnixSocket) {
  const Cors cors("");
  const BrowserGuard guard(cors, "", true);
  HttpRequest request = request_with("evil.example", {});
  request.peer = "127.0.0.1";
  EXPECT_NE(refusal(guard, request), "");
  request.peer = "unix";
  EXPECT_EQ(refusal(guard, request), "");
}

TEST(HostName, IsWithoutPortAndBrackets) {
  EXPECT_EQ(host_name("A.b:80"), "a.b");
  EXPECT_EQ(host_name("[::1]:80"), "::1");
  EXPECT_EQ(host_name("::1"), "::1");
  EXPECT_EQ(host_name("a."), "a");
  EXPECT_EQ(host_name("["), "");
}

}  // namespace
}  // namespace nestvec
