// SPDX-License-Identifier: Apache-2.0
#include "bulk/file_kind.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

#include "base/utf8.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// A literal with the NUL bytes in it.
template <std::size_t kSize>
constexpr std::string_view bytes(const char (&literal)[kSize]) {
  return {literal, kSize - 1};
}

struct Signature {
  std::string_view bytes;
  ForeignKind kind;
};

constexpr std::string_view kUnpack = "unpack it, or pipe what bzcat prints and name the input -";
constexpr std::string_view kUnpackXz = "unpack it, or pipe what xzcat prints and name the input -";
constexpr std::string_view kExtract = "extract the files in it and pass those";
constexpr std::string_view kParquet =
    "python -m nestvec.parquet --input FILE embeds it; else convert it to JSON Lines";
constexpr std::string_view kConvert = "convert it to JSON Lines or CSV";
constexpr std::string_view kText = "extract its text first";

constexpr std::array kSignatures = {
    Signature{bytes("PAR1"), {"Parquet", kParquet}},
    Signature{bytes("PARE"), {"encrypted Parquet", kParquet}},
    Signature{bytes("ARROW1"), {"Arrow", kParquet}},
    Signature{bytes("Obj\x01"), {"Avro", kConvert}},
    Signature{bytes("ORC\x0a"), {"ORC", kConvert}},
    Signature{bytes("SQLite format 3\0"), {"an SQLite database", kConvert}},
    Signature{bytes("\x89HDF"), {"HDF5", kConvert}},
    Signature{bytes("\x93NUMPY"), {"a NumPy array", kConvert}},
    Signature{bytes("\xfd\x37zXZ\0"), {"compressed with xz", kUnpackXz}},
    Signature{bytes("BZh"), {"compressed with bzip2", kUnpack}},
    Signature{bytes("\x04\x22\x4d\x18"), {"compressed with LZ4", "unpack it with lz4 -d"}},
    Signature{bytes("\xff\x06\0\0sNaPpY"), {"compressed with Snappy", "unpack it first"}},
    Signature{bytes("LZIP"), {"compressed with lzip", "unpack it with lzip -d"}},
    Signature{bytes("PK\x03\x04"), {"a ZIP archive or an office document", kExtract}},
    Signature{bytes("PK\x05\x06"), {"an empty ZIP archive", kExtract}},
    Signature{bytes("PK\x07\x08"), {"a ZIP archive in parts", kExtract}},
    Signature{bytes("7z\xbc\xaf\x27\x1c"), {"a 7z archive", kExtract}},
    Signature{bytes("Rar!\x1a\x07"), {"a RAR archive", kExtract}},
    Signature{bytes("%PDF-"), {"PDF", kText}},
    Signature{bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), {"an old office document", kText}},
    Signature{bytes("{\\rtf"), {"RTF", kText}},
    Signature{bytes("\x89PNG"), {"a PNG picture", "only texts can be embedded"}},
    Signature{bytes("\xff\xd8\xff"), {"a JPEG picture", "only texts can be embedded"}},
    Signature{bytes("GIF8"), {"a GIF picture", "only texts can be embedded"}},
    Signature{bytes("\x7f"
                    "ELF"),
              {"a program", "only texts can be embedded"}},
    Signature{bytes("\xff\xfe\0\0"), {"UTF-32", "convert it with iconv -f UTF-32 -t UTF-8"}},
    Signature{bytes("\0\0\xfe\xff"), {"UTF-32", "convert it with iconv -f UTF-32 -t UTF-8"}},
};

constexpr std::size_t kTarMagicAt = 257;
constexpr std::string_view kForce = "if it is text all the same, add --force-text";
// A text may hold some bytes that a program has cut or broken.
constexpr std::size_t kFewInvalid = 8;

bool is_skippable_zstd(std::string_view head) {
  return head.size() >= kCodingBytes && (static_cast<unsigned char>(head[0]) & 0xF0U) == 0x50 &&
         head.substr(1, 3) == bytes("\x2a\x4d\x18");
}

// A first byte of several, and nothing behind it but others of the same character.
bool is_cut_character(std::string_view rest) {
  const auto is_continuation = [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80;
  };
  return rest.size() < 4 && static_cast<unsigned char>(rest[0]) >= 0xC2 &&
         std::all_of(rest.begin() + 1, rest.end(), is_continuation);
}

struct Invalid {
  std::size_t count = 0;
  std::size_t first = 0;  // its place, from 0
};

// A character that the end of `text` cuts is none of them.
Invalid find_invalid(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  Invalid found;
  std::string storage;
  std::size_t at = 0;
  while (at < text.size()) {
    // Steps over what is valid at once, then over one broken place.
    std::size_t length = std::min<std::size_t>(kLongest, text.size() - at);
    while (length > 0 && !is_valid_utf8(text.substr(at, length))) --length;
    if (length > 0) {
      at += length;
      continue;
    }
    if (is_cut_character(text.substr(at))) break;
    if (found.count++ == 0) found.first = at;
    ++at;
  }
  return found;
}

std::string hex(char byte) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "0x%02X", static_cast<unsigned char>(byte));
  return text.data();
}

}  // namespace

Coding find_coding(std::string_view head) {
  if (head.starts_with(bytes("\x1f\x8b"))) return Coding::kGzip;
  if (head.starts_with(bytes("\x28\xb5\x2f\xfd")) || is_skippable_zstd(head)) return Coding::kZstd;
  if (head.starts_with(bytes("\xff\xfe\0\0"))) return Coding::kNone;  // UTF-32
  if (head.starts_with(bytes("\xff\xfe"))) return Coding::kUtf16Little;
  if (head.starts_with(bytes("\xfe\xff"))) return Coding::kUtf16Big;
  return Coding::kNone;
}

std::optional<ForeignKind> find_foreign(std::string_view head) {
  for (const Signature& signature : kSignatures) {
    if (!head.starts_with(signature.bytes)) continue;
    // "BZh" alone may begin a text.
    const bool is_bzip2 = head.size() > 4 && (head.substr(4).starts_with("1AY&SY") ||
                                              head.substr(4).starts_with("\x17\x72\x45\x38"));
    if (signature.bytes == "BZh" && !is_bzip2) continue;
    return signature.kind;
  }
  if (head.size() > kTarMagicAt && head.substr(kTarMagicAt).starts_with("ustar")) {
    return ForeignKind{"a tar archive", kExtract};
  }
  return std::nullopt;
}

void check_text(std::string_view head, const std::string& name) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, name + " " + what);
  };
  if (const auto kind = find_foreign(head)) {
    refuse("is " + std::string(kind->name) + ", not text: " + std::string(kind->remedy));
  }
  if (const std::size_t nul = head.find('\0'); nul != std::string_view::npos) {
    refuse("is not text: byte " + std::to_string(nul) + " is NUL; " + std::string(kForce));
  }
  const Invalid invalid = find_invalid(head);
  if (invalid.count <= kFewInvalid) return;
  refuse("is not UTF-8: byte " + std::to_string(invalid.first) + " is " + hex(head[invalid.first]) +
         ", and " + std::to_string(invalid.count - 1) + " more of the first " +
         std::to_string(head.size()) +
         " are wrong; convert it, for example with iconv -f LATIN1 -t UTF-8, or add --force-text");
}

}  // namespace nestvec
