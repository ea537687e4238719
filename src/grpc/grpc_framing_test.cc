// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_framing.h"

#include <gtest/gtest.h>

#include <string>

#include "http/content_coding.h"

namespace nestvec {
namespace {

std::string framed(const std::string& text) { return grpc_prefix(text.size()) + text; }

TEST(GrpcFraming, MessagesComeInPiecesOfAnySize) {
  const std::string body = framed("one") + framed("") + framed(std::string(300, 'x'));
  for (std::size_t step = 1; step <= body.size(); ++step) {
    GrpcMessageReader reader(1000);
    std::vector<std::string> messages;
    for (std::size_t i = 0; i < body.size(); i += step) {
      reader.feed(std::string_view(body).substr(i, step));
      while (auto message = reader.take()) messages.push_back(message->bytes);
    }
    EXPECT_EQ(messages, (std::vector<std::string>{"one", "", std::string(300, 'x')})) << step;
    EXPECT_EQ(reader.buffered(), 0U);
    EXPECT_FALSE(reader.partial_since());
  }
}

TEST(GrpcFraming, LongMessagesAndOtherBytesAreErrors) {
  GrpcMessageReader reader(10);
  reader.feed(framed("0123456789"));
  EXPECT_TRUE(reader.ready());
  reader.feed(grpc_prefix(11));
  EXPECT_FALSE(reader.error());  // one is whole before it
  EXPECT_TRUE(reader.take());
  ASSERT_TRUE(reader.error());
  EXPECT_EQ(reader.error()->code(), ErrorCode::kResourceExhausted);
  GrpcMessageReader other(10);
  other.feed("{");
  ASSERT_TRUE(other.error());
  EXPECT_EQ(other.error()->code(), ErrorCode::kInternal);
}

TEST(GrpcFraming, KnowsWhatIsMissing) {
  GrpcMessageReader reader(10);
  EXPECT_FALSE(reader.partial_since());
  reader.feed(grpc_prefix(3));
  EXPECT_TRUE(reader.partial_since());
  reader.feed("abc");
  EXPECT_FALSE(reader.partial_since());
  EXPECT_EQ(reader.take()->bytes, "abc");
}

TEST(GrpcFraming, Timeouts) {
  EXPECT_EQ(parse_grpc_timeout("2S"), std::chrono::seconds(2));
  EXPECT_EQ(parse_grpc_timeout("10m"), std::chrono::milliseconds(10));
  EXPECT_EQ(parse_grpc_timeout("3u"), std::chrono::microseconds(3));
  EXPECT_EQ(parse_grpc_timeout("4n"), std::chrono::nanoseconds(4));
  EXPECT_EQ(parse_grpc_timeout("5M"), std::chrono::minutes(5));
  EXPECT_EQ(parse_grpc_timeout("1H"), std::chrono::hours(1));
  EXPECT_EQ(parse_grpc_timeout("99999999H"), std::chrono::hours(24 * 365));
  for (const char* const text : {"", "S", "1", "1s", "-1S", "123456789S", "1 S", "0x1S"}) {
    EXPECT_FALSE(parse_grpc_timeout(text)) << text;
  }
}

TEST(GrpcFraming, MessagesOfErrorsAreEncoded) {
  EXPECT_EQ(grpc_percent_encode("a b~"), "a b~");
  EXPECT_EQ(grpc_percent_encode("100% \n\xC3\xBC"), "100%25 %0A%C3%BC");
}

TEST(GrpcFraming, DecodesWhatItSaysItDecodes) {
  const std::string text(5000, 'a');
  const std::string packed = encode_content(ContentCoding::kGzip, text);
  EXPECT_EQ(grpc_decode({.compressed = true, .bytes = packed}, "gzip", 5000).bytes, text);
  EXPECT_EQ(grpc_decode({.compressed = false, .bytes = "x"}, "gzip", 10).bytes, "x");
  const auto code_of = [](GrpcMessageReader::Message message, std::string_view encoding,
                          std::uint64_t limit) {
    try {
      grpc_decode(std::move(message), encoding, limit);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kUnknown;
  };
  EXPECT_EQ(code_of({true, packed}, "gzip", 4999), ErrorCode::kResourceExhausted);
  EXPECT_EQ(code_of({true, "no gzip"}, "gzip", 4999), ErrorCode::kInternal);
  EXPECT_EQ(code_of({true, packed}, "zstd", 4999), ErrorCode::kUnimplemented);
  EXPECT_EQ(code_of({true, packed}, "", 4999), ErrorCode::kInternal);
}

TEST(GrpcFraming, ChargesMessagesWholeWhenTheirLengthIsKnown) {
  constexpr std::size_t kLimit = std::size_t{32} << 20;
  constexpr std::size_t kLength = 100'000;
  const auto account = std::make_shared<MemoryAccount>("x", kLimit);
  GrpcMessageReader reader(kLimit, account);
  reader.feed(grpc_prefix(kLength));
  EXPECT_GT(account->used(), kLength);
  reader.feed(std::string(kLength, 'x') + grpc_prefix(3));
  std::optional<GrpcMessageReader::Message> message = reader.take();
  ASSERT_TRUE(message);
  EXPECT_GE(message->memory.bytes(), kLength);
  message.reset();
  reader.feed("abc");
  message = reader.take();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->bytes, "abc");
  EXPECT_EQ(reader.buffered(), 0u);
  message.reset();
  EXPECT_EQ(account->used(), 0u);
}

TEST(GrpcFraming, AMessageWithoutMemoryIsAnError) {
  constexpr std::size_t kLimit = std::size_t{32} << 20;
  const auto account = std::make_shared<MemoryAccount>("x", kLimit);
  account->take(kLimit / 4);
  GrpcMessageReader reader(kLimit, account);
  reader.feed(grpc_prefix(100'000));
  ASSERT_TRUE(reader.error());
  EXPECT_EQ(reader.error()->code(), ErrorCode::kResourceExhausted);
  EXPECT_GT(reader.error()->detail().retry_after.count(), 0);
  EXPECT_EQ(account->refusals(), 1u);

  GrpcMessageReader other(kLimit, account);
  other.feed(grpc_prefix(std::size_t{2} << 20));
  ASSERT_TRUE(other.error());
  EXPECT_EQ(other.error()->detail().retry_after.count(), 0);
  EXPECT_NE(std::string(other.error()->what()).find("raise x"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
