// SPDX-License-Identifier: Apache-2.0
#include "http/response_head.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(ResponseHead, WritesDates) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // the example of RFC 9110
}

TEST(ResponseHead, KeepsHeadersOnTheirLines) {
  HttpResponse response;
  response.headers.emplace_back("traceparent", "a\r\nSet-Cookie: b");
  response.headers.emplace_back("Content-Length", "99");
  response.body = "body";
  const std::string head = response_head(response, {.close = true, .date = "D", .request_id = "r"});
  EXPECT_NE(head.find("\r\ntraceparent: a  Set-Cookie: b\r\n"), std::string::npos);
  EXPECT_NE(head.find("\r\nContent-Length: 4\r\n"), std::string::npos);
  EXPECT_EQ(head.find("99"), std::string::npos);
  EXPECT_NE(head.find("\r\nx-request-id: r\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\nConnection: close\r\n\r\n"));
}

TEST(ResponseHead, LeavesOutTheBodyOfAStatusWithoutOne) {
  HttpResponse response;
  response.status = 204;
  response.headers.emplace_back("X-Request-Id", "own");
  const std::string head = response_head(response, {.date = "D", .request_id = "r"});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 204 No Content\r\n"));
  EXPECT_EQ(head.find("Content-"), std::string::npos);
  EXPECT_EQ(head.find("x-request-id"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
