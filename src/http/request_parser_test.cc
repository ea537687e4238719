// SPDX-License-Identifier: Apache-2.0
#include "http/request_parser.h"

#include <gtest/gtest.h>

#include <string>

#include "http/request_target.h"

namespace nestvec {
namespace {

using State = RequestParser::State;

constexpr RequestParser::Limits kLimits{.body_bytes = 100};

// Feeds `text` in pieces of `step` bytes, giving again what is left over.
std::size_t feed_in_pieces(RequestParser& parser, std::string_view text, std::size_t step) {
  std::string held;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size(); i += step) {
    held += text.substr(i, step);
    for (std::size_t taken = 1; taken > 0 && !held.empty();) {
      if (parser.state() == State::kDone || parser.state() == State::kFailed) return used;
      taken = parser.feed(held);
      used += taken;
      held.erase(0, taken);
    }
  }
  return used;
}

TEST(RequestParser, ReadsTheSameInPiecesOfAnySize) {
  const std::string text =
      "\r\nPUT /p%41?q HTTP/1.1\r\nHost: h\r\nX-One:  1 \r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\nA;x=y\r\n0123456789\r\n0\r\nx: y\r\n\r\n";
  for (std::size_t step = 1; step <= text.size() + 3; ++step) {
    RequestParser parser(kLimits);
    EXPECT_EQ(feed_in_pieces(parser, text + "GET", step), text.size()) << step;
    ASSERT_EQ(parser.state(), State::kDone) << step;
    EXPECT_TRUE(parser.keep_alive());
    EXPECT_EQ(parser.body_bytes(), 11u);
    const HttpRequest request = parser.take_request();
    EXPECT_EQ(request.method, "PUT");
    EXPECT_EQ(request.path, "/pA");
    EXPECT_EQ(request.query, "q");
    EXPECT_EQ(request.header("x-one"), "1");
    EXPECT_EQ(request.header("x"), std::nullopt);
    EXPECT_EQ(request.body, "a0123456789");
  }
}

TEST(RequestParser, TellsHowFarItIs) {
  RequestParser parser(kLimits);
  EXPECT_EQ(parser.feed("\r\n"), 2u);
  EXPECT_EQ(parser.state(), State::kStart);
  parser.feed("G");
  EXPECT_EQ(parser.state(), State::kHead);
}

TEST(RequestParser, LimitsTheBody) {
  RequestParser exact(kLimits);
  feed_in_pieces(exact, "POST / HTTP/1.0\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'),
                 1000);
  EXPECT_EQ(exact.state(), State::kDone);
  RequestParser over(kLimits);
  over.feed("POST / HTTP/1.0\r\nContent-Length: 101\r\n\r\n");
  ASSERT_EQ(over.state(), State::kFailed);
  EXPECT_EQ(over.fault().status, 413);
  EXPECT_NE(over.fault().message.find("100 bytes"), std::string::npos);
}

// A proxy of that version would see the end of the request elsewhere.
TEST(RequestParser, RefusesChunksInHttp10) {
  RequestParser parser(kLimits);
  parser.feed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
  ASSERT_EQ(parser.state(), State::kFailed);
  EXPECT_EQ(parser.fault().status, 400);
}

TEST(RequestParser, TakesHttp10WithoutAHost) {
  RequestParser parser(kLimits);
  parser.feed("GET / HTTP/1.0\r\n\r\n");
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_TRUE(parser.is_http10());
  EXPECT_FALSE(parser.keep_alive());
}

TEST(RequestParser, TellsWhatIsWrongInItsOwnWords) {
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (const auto& [bytes, words] : {
           std::pair<std::string, std::string>{"G(T / HTTP/1.1\r\n", "the method is not a word"},
           {"GET / HTTP/1.1\r\nHost: h\rx\r\n\r\n", "a line does not end in CR and LF"},
           {"GET  HTTP/1.1\r\nHost: h\r\n\r\n", "the target of the request line cannot be read"},
           {"GET / HTTP/1.1\r\nHo st: h\r\n\r\n",
            "the name of a header has characters that names may not have"},
           {"GET / HTTP/1.1\r\nHost: h\1\r\n\r\n",
            "the value of a header has characters that values may not have"},
           {post + "Content-Length: x\r\n\r\n",
            "Content-Length is not one length, or stands beside chunks"},
           {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "Content-Length is not one length, or stands beside chunks"},
           {post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding cannot be read, or stands beside a length"},
           {post + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
            "the length of a chunk cannot be read"},
           {post + "Transfer-Encoding: chunked\r\n\r\n1;=\r\na\r\n",
            "an extension of a chunk cannot be read"},
       }) {
    RequestParser parser(kLimits);
    std::string held = bytes;
    while (!held.empty() && parser.state() != State::kFailed && parser.state() != State::kDone) {
      const std::size_t taken = parser.feed(held);
      if (taken == 0) break;
      held.erase(0, taken);
    }
    ASSERT_EQ(parser.state(), State::kFailed) << bytes;
    EXPECT_EQ(parser.fault().status, 400);
    EXPECT_EQ(parser.fault().message, "this is not an HTTP/1 request: " + words) << bytes;
  }
}

std::string path_of(std::string_view target) {
  HttpFault fault;
  const auto parsed = parse_request_target(target, fault);
  return parsed ? parsed->path + "|" + parsed->query : std::to_string(fault.status);
}

TEST(RequestTarget, Decodes) {
  EXPECT_EQ(path_of("/a/b?c?d=%20"), "/a/b|c?d=%20");
  EXPECT_EQ(path_of("/%2f%C3%A9%25"), "//\xC3\xA9%|");
  EXPECT_EQ(path_of("http://host:1/x?y"), "/x|y");
  EXPECT_EQ(path_of("https://host"), "/|");
  EXPECT_EQ(path_of("http://host?y"), "/|y");
  EXPECT_EQ(path_of("*"), "*|");
}

TEST(RequestTarget, Refuses) {
  for (const char* target : {"", "x", "/%", "/%1", "/%1g", "/%g1", "/% 1", "/%+1", "/%-1", "/%00",
                             "/%0a", "/%7f", "/%ff", "/%c3", "ftp://host/", "?x"}) {
    EXPECT_EQ(path_of(target), "400") << target;
  }
}

}  // namespace
}  // namespace nestvec
