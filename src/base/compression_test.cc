// SPDX-License-Identifier: Apache-2.0
#include "base/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "support/deflated.h"

namespace nestvec {
namespace {

// Some of it compresses well and some hardly.
std::string sample() {
  std::mt19937 random(1);
  std::string text(200'000, 'x');
  for (int i = 0; i < 50'000; ++i) text += static_cast<char>(random());
  return text;
}

std::vector<std::pair<Compression, std::string>> packed_samples() {
  const std::string text = sample();
  return {{Compression::kGzip, gzip_text(text)},
          {Compression::kZlib, deflated(text, 15)},
          {Compression::kDeflate, deflated(text, -15)},
          {Compression::kZstd, zstd_text(text)}};
}

struct Unpacked {
  std::string text;
  bool sound = false;
  bool whole = false;
};

Unpacked unpack(Decompressor& from, std::string_view packed, std::size_t given, std::size_t taken) {
  Unpacked out;
  std::vector<char> into(taken);
  for (std::size_t at = 0; at < packed.size(); at += given) {
    std::string_view piece = packed.substr(at, given);
    for (;;) {
      const auto made = from.next(piece, into);
      if (!made) return out;
      if (*made == 0) break;
      out.text.append(into.data(), *made);
    }
    EXPECT_TRUE(piece.empty());
  }
  out.sound = true;
  out.whole = from.is_whole();
  return out;
}

Unpacked unpack(Compression format, std::string_view packed) {
  Decompressor from(format);
  return unpack(from, packed, 10'000, 7'000);
}

TEST(Decompressor, UnpacksInPiecesOfAnySize) {
  const std::string text = sample();
  for (const auto& [format, packed] : packed_samples()) {
    for (const std::size_t given : {1u, 1000u, 1u << 20}) {
      for (const std::size_t taken : {100u, 1u << 16, 1u << 20}) {
        Decompressor from(format);
        const Unpacked out = unpack(from, packed, given, taken);
        EXPECT_TRUE(out.whole);
        EXPECT_TRUE(out.text == text) << given << " " << taken;
      }
    }
  }
}

TEST(Decompressor, GoesOnWithTheNextMember) {
  for (const auto& [format, packed] : packed_samples()) {
    EXPECT_EQ(unpack(format, packed + packed).text.size(), 2 * sample().size());
  }
}

TEST(Decompressor, TellsWhatIsNotWholeAndWhatIsNotSound) {
  for (const auto& [format, packed] : packed_samples()) {
    const Unpacked cut = unpack(format, std::string_view(packed).substr(0, packed.size() - 5));
    EXPECT_TRUE(cut.sound);
    EXPECT_FALSE(cut.whole);
    std::string corrupt = packed;
    for (std::size_t i = packed.size() / 2; i < packed.size() / 2 + 50; ++i) {
      corrupt[i] = static_cast<char>(corrupt[i] ^ 0x5A);
    }
    const Unpacked out = unpack(format, corrupt);
    EXPECT_FALSE(out.sound && out.whole && out.text == sample());
    EXPECT_FALSE(Decompressor(format).is_whole());
  }
  Decompressor gzip(Compression::kGzip);
  std::string_view text = "text";
  std::array<char, 10> into;
  EXPECT_FALSE(gzip.next(text, into));
  EXPECT_EQ(gzip.fault(), "incorrect header check");
}

TEST(Decompressor, PassesOverPaddingWhereThatMayBe) {
  const std::string packed = gzip_text("text") + std::string(1000, '\0');
  EXPECT_FALSE(unpack(Compression::kGzip, packed).whole);
  for (const std::size_t given : {1u, 1u << 20}) {
    Decompressor padded(Compression::kGzip, {.padded = true});
    const Unpacked out = unpack(padded, packed + packed, given, 100);
    EXPECT_EQ(out.text, "texttext");
    EXPECT_TRUE(out.whole);
  }
}

TEST(Decompressor, RefusesLargerWindows) {
  std::string packed(ZSTD_compressBound(1 << 20), '\0');
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                        &ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, 24);
  const std::string text(1 << 20, 'x');
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_compressStream2(context.get(), &out, &in, ZSTD_e_flush);  // how much comes is not known yet
  ASSERT_EQ(ZSTD_compressStream2(context.get(), &out, &in, ZSTD_e_end), 0u);
  packed.resize(out.pos);
  EXPECT_TRUE(unpack(Compression::kZstd, packed).whole);
  Decompressor small(Compression::kZstd, {.window_log = 23});
  EXPECT_FALSE(unpack(small, packed, packed.size(), 1000).sound);
  EXPECT_NE(small.fault(), "");
}

TEST(Crc32, IsThatOfGzipAndGoesOn) {
  EXPECT_EQ(crc32_of("123456789"), 0xCBF43926u);
  EXPECT_EQ(crc32_of("6789", crc32_of("12345")), 0xCBF43926u);
}

}  // namespace
}  // namespace nestvec
