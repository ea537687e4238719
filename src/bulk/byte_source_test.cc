// SPDX-License-Identifier: Apache-2.0
// Compressed bytes come back whole, in several members and frames too; cut or corrupt ones are told
// as such, never taken for the end.
#include "bulk/byte_source.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <functional>
#include <random>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// A literal with the NUL bytes in it.
template <std::size_t kSize>
std::string raw(const char (&literal)[kSize]) {
  return std::string(literal, kSize - 1);
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  std::string input = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& bytes) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
  return packed;
}

std::string read_all(ByteSource& source) {
  std::string bytes;
  for (std::string_view piece = source.read(); !piece.empty(); piece = source.read()) {
    bytes += piece;
  }
  return bytes;
}

std::string unpacked(const std::string& packed, std::size_t piece) {
  return read_all(*unpack_source(memory_source(packed, piece), "file"));
}

// Half a megabyte that compresses somewhat, so that buffers fill in both directions.
std::string sample() {
  std::mt19937 random(3);
  std::string bytes;
  while (bytes.size() < 500'000) bytes += std::to_string(random() % 1000) + "the same words ";
  return bytes;
}

TEST(ByteSource, PlainBytesStayAsTheyAre) {
  for (const std::string bytes : {"", "a", "\x1f", "\x28\xb5", "plain text\n"}) {
    EXPECT_EQ(unpacked(bytes, 1), bytes);
    EXPECT_EQ(unpacked(bytes, 100), bytes);
  }
}

TEST(ByteSource, CompressedBytesComeBack) {
  const std::string bytes = sample();
  for (const std::size_t piece : {1u, 1000u, 1u << 20}) {
    EXPECT_EQ(unpacked(gzip(bytes), piece), bytes);
    EXPECT_EQ(unpacked(zstd(bytes), piece), bytes);
    EXPECT_EQ(unpacked(gzip("one") + gzip("") + gzip(bytes), piece), "one" + bytes);
    EXPECT_EQ(unpacked(zstd("one") + zstd("") + zstd(bytes), piece), "one" + bytes);
  }
  EXPECT_EQ(unpacked(gzip(""), 5), "");
  EXPECT_EQ(unpacked(zstd(""), 5), "");
}

TEST(ByteSource, WhatPackersAddIsNoData) {
  const std::string bytes = sample();
  const std::string skippable("\x50\x2a\x4d\x18\x04\0\0\0size", 12);
  for (const std::size_t piece : {1u, 1000u, 1u << 20}) {
    EXPECT_EQ(unpacked(skippable + zstd(bytes), piece), bytes);
    EXPECT_EQ(unpacked(gzip(bytes) + std::string(1000, '\0'), piece), bytes);
    EXPECT_EQ(unpacked(gzip(bytes) + std::string(512, '\0') + gzip("two"), piece), bytes + "two");
    EXPECT_EQ(unpacked(gzip(gzip(bytes)), piece), bytes);
    EXPECT_EQ(unpacked(gzip(zstd(bytes)), piece), bytes);
  }
}

TEST(ByteSource, Utf16BecomesUtf8) {
  const std::pair<std::string, std::string> texts[] = {
      {raw("\xFF\xFE"), ""},
      {raw("\xFF\xFE"
           "a\0\xE9\0\n\0"),
       "a\xC3\xA9\n"},
      {raw("\xFE\xFF\0a\xD8\x3D\xDC\x4D"), "a\xF0\x9F\x91\x8D"},
      {raw("\xFF\xFE\x3D\xD8\x3D\xD8\x4D\xDC"), "\xEF\xBF\xBD\xF0\x9F\x91\x8D"},
      {raw("\xFE\xFF\xDC\x4D\0a"),
       "\xEF\xBF\xBD"
       "a"},
      {raw("\xFF\xFE"
           "a\0\x3D\xD8"),
       "a\xEF\xBF\xBD"},
      {raw("\xFF\xFE"
           "a\0b"),
       "a\xEF\xBF\xBD"},
  };
  for (const auto& [wide, text] : texts) {
    for (const std::size_t piece : {1u, 3u, 100u}) EXPECT_EQ(unpacked(wide, piece), text);
    EXPECT_EQ(unpacked(gzip(wide), 5), text);
  }
}

void expect_data_loss(const std::string& packed) {
  try {
    unpacked(packed, 100);
    ADD_FAILURE() << "was taken for a sound file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
    EXPECT_EQ(std::string(error.what()).rfind("file: ", 0), 0u);
  }
}

TEST(ByteSource, CutAndCorruptFilesAreErrors) {
  const std::string bytes = sample();
  for (const std::string& packed : {gzip(bytes), zstd(bytes)}) {
    for (const std::size_t kept : {packed.size() - 1, packed.size() / 2, std::size_t{12}}) {
      expect_data_loss(packed.substr(0, kept));
    }
    std::string corrupt = packed;
    for (std::size_t i = corrupt.size() / 2; i < corrupt.size() / 2 + 50; ++i)
      corrupt[i] = static_cast<char>(corrupt[i] ^ 0x5A);
    expect_data_loss(corrupt);
    expect_data_loss(packed + "behind the end");
  }
  std::string often = "text";
  for (int i = 0; i < 5; ++i) often = gzip(often);
  expect_data_loss(often);
}

TEST(ByteSource, CountsBytesOfTheFile) {
  const std::string packed = gzip(sample());
  const auto source = unpack_source(memory_source(packed, 100), "file");
  EXPECT_LE(source->raw_bytes(), 100u);
  read_all(*source);
  EXPECT_EQ(source->raw_bytes(), packed.size());
}

}  // namespace
}  // namespace nestvec
