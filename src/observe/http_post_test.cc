// SPDX-License-Identifier: Apache-2.0
#include "observe/http_post.h"

#include <gtest/gtest.h>

#include <optional>

#include "nestvec/error.h"
#include "support/silent_port.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

using Clock = std::chrono::steady_clock;

HttpTarget target_at(std::uint16_t port) {
  return parse_http_url("http://127.0.0.1:" + std::to_string(port), "/v1/traces", "key");
}

// The code of what is thrown; nothing when the request succeeds.
std::optional<ErrorCode> failure(const HttpTarget& target, std::chrono::milliseconds time) {
  try {
    http_post(target, "{}", Clock::now() + time);
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

TEST(HttpUrl, HasAHostAndAPort) {
  const HttpTarget target = parse_http_url("http://collector:4318/", "/v1/traces", "key");
  EXPECT_EQ(target.address.host, "collector");
  EXPECT_EQ(target.address.port, 4318);
  EXPECT_EQ(target.host, "collector:4318");
  EXPECT_EQ(target.path, "/v1/traces");
  EXPECT_EQ(parse_http_url("http://[::1]:80/a/b", "/c", "key").path, "/a/b/c");
  for (const char* wrong : {"", "collector:4318", "https://collector:4318", "http://collector",
                            "http://:4318", "http://unix:/x", "http://a:b", "http://a:1?b",
                            "http://a:1/b c", "http://user@a:1", "http://a:1/\r\nb"}) {
    EXPECT_THROW(parse_http_url(wrong, "/", "key"), Error) << wrong;
  }
}

TEST(HttpPost, SendsABodyAndReturnsTheStatus) {
  std::string seen;
  TestServer server(local_options(), [&seen](const auto& request, const Respond& respond) {
    seen = request->method + " " + request->path + " " + std::to_string(request->body.size()) +
           " " + std::string(request->header("content-type").value_or(""));
    HttpResponse response;
    response.status = 202;
    respond(std::move(response));
  });
  const std::string body(3'000'000, 'x');
  const int status =
      http_post(target_at(server.server->port()), body, Clock::now() + std::chrono::seconds(30));
  EXPECT_EQ(status, 202);
  EXPECT_EQ(seen, "POST /v1/traces 3000000 application/json");
}

TEST(HttpPost, TriesEachAddressOfAName) {
  TestServer server(local_options(), [](const auto&, const Respond& respond) { respond({}); });
  const HttpTarget target = parse_http_url(
      "http://localhost:" + std::to_string(server.server->port()), "/v1/traces", "key");
  EXPECT_EQ(http_post(target, "{}", Clock::now() + std::chrono::seconds(30)), 200)
      << "the server has an address of IPv4 only";
}

TEST(HttpPost, GivesUpInTime) {
  const SilentPort silent;
  EXPECT_EQ(failure(target_at(silent.port()), std::chrono::milliseconds(50)),
            ErrorCode::kDeadlineExceeded);
}

TEST(HttpPost, SaysThatNobodyIsThere) {
  std::uint16_t port = 0;
  {
    const SilentPort gone;
    port = gone.port();
  }
  EXPECT_EQ(failure(target_at(port), std::chrono::seconds(10)), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace nestvec
