// SPDX-License-Identifier: Apache-2.0
// Index files: written and read back the same; anything else is refused.
#include "search/index_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/content_hash.h"
#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

SearchIndex sample_index() {
  SearchIndex index;
  index.settings = {"a model", "00ff", 3, 200, true};
  IndexedFile file;
  file.path = "a/b.md";
  file.facts = {100, 1'700'000'000'123'456'789, {1, 2, 3}};
  file.chunks = {{0, 40, 1, {{7, 2}, {9, 1}}}, {41, 100, 3, {}}};
  file.vectors = {1, 0, 0, 0.6F, 0.8F, 0};
  IndexedFile empty;
  empty.path = "b.bin";
  empty.facts.bytes = 5;
  index.files = {file, empty};
  return index;
}

std::string refusal(std::string_view bytes) {
  return error_of([&] { parse_index(bytes, "file"); }, ErrorCode::kDataLoss);
}

// The bytes of an index after a change, with the checksum that they should have.
std::string with_sum(std::string bytes, const std::function<void(std::string&)>& change) {
  bytes.resize(bytes.size() - 32);
  change(bytes);
  ContentHash hash = ContentHash::sha256();
  hash.update(bytes);
  const auto sum = hash.finish_bytes();
  return bytes.append(reinterpret_cast<const char*>(sum.data()), sum.size());
}

TEST(IndexFile, ReadsBackTheSame) {
  EXPECT_EQ(parse_index(index_bytes(sample_index()), "file"), sample_index());
  SearchIndex none;
  none.settings = {"", "", 1, 1, false};
  EXPECT_EQ(parse_index(index_bytes(none), "file"), none);

  const TemporaryFolder folder;
  const std::string path = folder.string() + "/index";
  EXPECT_EQ(load_index(path), std::nullopt);
  save_index(sample_index(), path);
  save_index(sample_index(), path);  // over what is there
  EXPECT_EQ(load_index(path), sample_index());
}

TEST(IndexFile, AnyCutOrChangedFileIsRefused) {
  const std::string bytes = index_bytes(sample_index());
  for (std::size_t kept = 0; kept < bytes.size(); ++kept) {
    EXPECT_NE(refusal(bytes.substr(0, kept)), "") << kept;
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    EXPECT_NE(refusal(changed), "") << at;
  }
  EXPECT_NE(refusal(bytes + "x"), "");
}

TEST(IndexFile, ForeignFilesAndOtherFormatsAreNamed) {
  EXPECT_NE(refusal("%PDF-1.7 and more").find("is not an index of nestvec search"),
            std::string::npos);
  std::string newer = index_bytes(sample_index());
  newer[8] = 2;
  EXPECT_NE(refusal(newer).find("has format 2"), std::string::npos);
}

// What a checksum does not catch, since anybody can compute one.
TEST(IndexFile, WrongContentWithARightChecksumIsRefused) {
  const std::string bytes = index_bytes(sample_index());
  const auto sound = [](std::string&) {};
  EXPECT_EQ(parse_index(with_sum(bytes, sound), "file"), sample_index());
  for (std::size_t kept = 12; kept + 33 < bytes.size(); ++kept) {
    EXPECT_NE(refusal(with_sum(bytes, [&](std::string& b) { b.resize(kept); })), "") << kept;
  }
  const std::size_t path = bytes.find("a/b.md");
  for (const char* other : {"/b.mdd", "a/../b", "../b.m", "a//b.m", "a/b.m/", "z/b.md"}) {
    EXPECT_NE(refusal(with_sum(bytes, [&](std::string& b) { b.replace(path, 6, other); })), "")
        << other;
  }
  const std::size_t chunk_count = path + 6 + 8 + 8 + 32;
  for (const std::size_t at : {path - 4, chunk_count, chunk_count + 24}) {  // counts
    EXPECT_NE(
        refusal(with_sum(bytes, [&](std::string& b) { b.replace(at, 4, "\xFF\xFF\xFF\xFF"); })), "")
        << at;
  }
  const std::size_t end = chunk_count + 4 + 8;  // of the first chunk
  EXPECT_NE(refusal(with_sum(bytes, [&](std::string& b) { b[end] = 0; })), "");
  EXPECT_NE(refusal(with_sum(bytes, [&](std::string& b) { b[end] = 101; })), "");
  EXPECT_NE(refusal(with_sum(bytes, [&](std::string& b) { b[end] = 42; })), "") << "overlap";
}

TEST(IndexFile, VectorsThatAreNoNumbersAreRefused) {
  SearchIndex index = sample_index();
  index.files[0].vectors[4] = std::nanf("");
  EXPECT_NE(refusal(index_bytes(index)), "");
}

}  // namespace
}  // namespace nestvec
