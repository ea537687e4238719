// SPDX-License-Identifier: Apache-2.0
#include "http/content_coding.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/deflated.h"

namespace nestvec {
namespace {

constexpr std::uint64_t kLimit = 1'000'000;

std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i * 7919) + ",";
  return text;
}

int status_of(std::string_view coding, std::string body, std::uint64_t limit = kLimit) {
  const auto fault = decode_content(coding, limit, body);
  return fault ? fault->status : 200;
}

TEST(ContentCoding, DecodesAllThatClientsMean) {
  const std::string text = numbers(20'000);
  for (const auto& [coding, window] :
       {std::pair{"gzip", 31}, {"X-GZIP", 31}, {" deflate ", 15}, {"deflate", -15}}) {
    std::string body = deflated(text, window);
    EXPECT_FALSE(decode_content(coding, kLimit, body)) << coding;
    EXPECT_EQ(body, text) << coding << window;
  }
  std::string plain = "plain";
  EXPECT_FALSE(decode_content("identity", 1, plain));
  EXPECT_EQ(plain, "plain");
}

TEST(ContentCoding, DecodesMembersBehindOneAnother) {
  std::string body = deflated("one", 31) + deflated("", 31) + deflated(" two", 31);
  EXPECT_FALSE(decode_content("gzip", kLimit, body));
  EXPECT_EQ(body, "one two");
}

TEST(ContentCoding, EndsWhenNobodyWaits) {
  std::stop_source gone;
  const RunControl control{.stop = gone.get_token(), .deadline = {}};
  const std::string text = numbers(20'000);
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    std::string body = encode_content(coding, text);
    EXPECT_FALSE(decode_content(coding_name(coding), kLimit, body, control));
  }
  gone.request_stop();
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    std::string body = encode_content(coding, text);
    EXPECT_THROW(decode_content(coding_name(coding), kLimit, body, control), Error);
  }
}

// Whatever memory there is: too long is too long, and only what could fit is to come again.
TEST(ContentCoding, WithoutMemoryTellsWhatCouldFitFromWhatNeverWill) {
  constexpr std::size_t kMemory = std::size_t{32} << 20;
  const auto account = std::make_shared<MemoryAccount>("server.request_memory", kMemory);
  const auto client = MemoryAccount::of_client(account, 1);
  const auto fault_of = [&](std::size_t size, std::uint64_t limit) {
    std::string body = encode_content(ContentCoding::kGzip, std::string(size, 'x'));
    MemoryShare memory(client);
    return decode_content("gzip", limit, body, {}, &memory).value_or(HttpFault{200, ""});
  };
  constexpr std::size_t kMuch = std::size_t{16} << 20;
  EXPECT_EQ(fault_of(1'000'000, kMuch).status, 200);
  EXPECT_EQ(client->used(), 0u);
  const HttpFault never = fault_of(kMuch, kMuch);
  EXPECT_EQ(never.status, 413);
  EXPECT_NE(never.message.find("16777216 bytes"), std::string::npos) << never.message;
  EXPECT_NE(never.message.find("server.request_memory"), std::string::npos) << never.message;
  EXPECT_NE(fault_of(kMuch, kMuch - 1).message.find("server.max_body"), std::string::npos);
  account->take(kMemory / 8 * 7);
  EXPECT_EQ(fault_of(1'000'000, kMuch).status, 503);
  EXPECT_EQ(fault_of(kMuch, kMuch).status, 413);
  EXPECT_EQ(fault_of(1'000'000, 500'000).status, 413);
}

TEST(ContentCoding, RefusesWhatIsNotWhole) {
  const std::string whole = deflated(numbers(100), 31);
  for (std::size_t i = 0; i < whole.size(); ++i)
    EXPECT_EQ(status_of("gzip", whole.substr(0, i)), 400) << i;
  EXPECT_EQ(status_of("gzip", whole + "x"), 400);
  EXPECT_EQ(status_of("br", whole), 415);
  EXPECT_EQ(status_of("gzip, gzip", whole), 415);
  for (const char* coding : {"gzip, identity", "identity,gzip", " , gzip"}) {
    EXPECT_EQ(status_of(coding, whole), 200) << coding;
  }
}

// A frame as RFC 8878 describes it, by hand: its window or its size, and one block.
std::string zstd_frame(std::string_view descriptor, int type, std::uint32_t size,
                       std::string_view content) {
  std::string frame = "\x28\xB5\x2F\xFD" + std::string(descriptor);
  const std::uint32_t block = size << 3 | static_cast<std::uint32_t>(type) << 1 | 1;
  for (int shift = 0; shift < 24; shift += 8) frame += static_cast<char>(block >> shift & 0xFF);
  return frame + std::string(content);
}

TEST(ContentCoding, DecodesZstd) {
  constexpr int kRaw = 0;
  constexpr int kRepeated = 1;
  // Single segments of 5 and 3 bytes, and a frame to be skipped between them.
  const std::string raw = zstd_frame(std::string_view("\x20\x05", 2), kRaw, 5, "hello");
  const std::string repeated = zstd_frame(std::string_view("\x20\x03", 2), kRepeated, 3, "x");
  const std::string skipped(
      "\x50\x2A\x4D\x18\x02\x00\x00\x00"
      "ab",
      10);
  for (const auto& [encoded, text] :
       {std::pair{raw, "hello"}, {repeated, "xxx"}, {raw + skipped + repeated, "helloxxx"}}) {
    std::string body = encoded;
    EXPECT_FALSE(decode_content("ZSTD", kLimit, body));
    EXPECT_EQ(body, text);
  }
  const std::string whole = encode_content(ContentCoding::kZstd, numbers(100));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(status_of("zstd", whole.substr(0, i)), 400) << i;
  }
  EXPECT_EQ(status_of("zstd", whole + "x"), 400);
  EXPECT_EQ(status_of("zstd", raw, 5), 200);
  EXPECT_EQ(status_of("zstd", raw, 4), 413);
  const std::string zeros(std::size_t{8} << 20, '\0');
  EXPECT_EQ(status_of("zstd", encode_content(ContentCoding::kZstd, zeros), 1000), 413);
}

TEST(ContentCoding, TakesWindowsOfEightMebibytes) {
  // Byte 2 is the window: its exponent over 1 KiB in the upper five bits.
  EXPECT_EQ(status_of("zstd", zstd_frame(std::string_view("\x00\x68", 2), 0, 1, "a")), 200);
  EXPECT_EQ(status_of("zstd", zstd_frame(std::string_view("\x00\x70", 2), 0, 1, "a")), 400);
}

TEST(ContentCoding, StopsAtTheLimit) {
  const std::string text(1000, 'x');
  EXPECT_EQ(status_of("gzip", deflated(text, 31), 1000), 200);
  EXPECT_EQ(status_of("gzip", deflated(text, 31), 999), 413);
  EXPECT_EQ(status_of("gzip", deflated(std::string(std::size_t{8} << 20, '\0'), 31), 1000), 413);
}

TEST(ContentCoding, EncodesWhatItDecodes) {
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    for (const std::string& text : {std::string(), std::string("x"), numbers(100'000)}) {
      std::string body = encode_content(coding, text);
      EXPECT_FALSE(decode_content(coding_name(coding), kLimit, body));
      EXPECT_EQ(body, text);
    }
  }
}

TEST(ContentCoding, ReadsAcceptEncoding) {
  for (const char* header : {"gzip", "br, GZIP", "gzip;q=0.5", "deflate,gzip ;q=1",
                             "zstd;q=0.5, gzip", "zstd;q=0,gzip"}) {
    EXPECT_EQ(accepted_coding(header), ContentCoding::kGzip) << header;
  }
  for (const char* header :
       {"zstd", "gzip, deflate, br, zstd", "gzip;q=0.5,ZSTD;q=0.5", "zstd,gzip;q=0"}) {
    EXPECT_EQ(accepted_coding(header), ContentCoding::kZstd) << header;
  }
  for (const char* header : {"", "br", "gzip;q=0", "gzip; q=0.0", "gzipped", ",,,", "zstd;q=0"}) {
    EXPECT_EQ(accepted_coding(header), ContentCoding::kNone) << header;
  }
}

TEST(ContentCoding, ChargesWhatIsDecoded) {
  const std::string text(500'000, 'x');
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    const auto account = std::make_shared<MemoryAccount>("x", std::size_t{16} << 20);
    MemoryShare memory = *MemoryShare::take(account, 1000);
    std::string body = encode_content(coding, text);
    const std::string encoded = body;
    EXPECT_FALSE(decode_content(coding_name(coding), text.size(), body, {}, &memory));
    EXPECT_EQ(body, text);
    EXPECT_EQ(memory.bytes(), body.capacity());
    EXPECT_EQ(account->used(), body.capacity());

    account->take(account->limit() / 4);
    body = encoded;
    const auto fault = decode_content(coding_name(coding), text.size(), body, {}, &memory);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->status, 503);
    EXPECT_EQ(body, encoded);
  }
}

}  // namespace
}  // namespace nestvec
