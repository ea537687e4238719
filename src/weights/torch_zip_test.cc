// SPDX-License-Identifier: Apache-2.0
// Archives whose sizes and places stand in zip64's records, as those of files over 4 GiB do.
#include "weights/torch_zip.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/error_of.h"
#include "support/torch_file.h"

namespace nestvec {
namespace {

constexpr std::size_t kEnd = 22;             // bytes at the end without zip64
constexpr std::size_t kLocator = kEnd + 20;  // from the end of the file
constexpr std::size_t kRecord = kLocator + 56;
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::string large_archive() {
  return StoredZip{.entries = {{"m/one", "first"}, {"m/two", ""}, {"m/three", "third entry"}},
                   .zip64 = true}
      .bytes();
}

std::vector<ZipEntry> entries_of(const std::string& file) {
  return read_zip_directory(std::as_bytes(std::span(file)), "m.pt");
}

std::string zip_complaint(const std::string& file) {
  return coded_error_of([&] { entries_of(file); });
}

// With other bytes at a place that is counted from the end of the file.
std::string with_end(std::size_t from_end, const std::string& bytes) {
  std::string file = large_archive();
  return file.replace(file.size() - from_end, bytes.size(), bytes);
}

// With other bytes at `offset` of the field of zip64 of the first entry in the directory.
std::string with_field(std::size_t offset, const std::string& bytes) {
  std::string file = large_archive();
  const std::size_t entry = file.find("PK\1\2");
  const std::size_t field = entry + 46 + std::string("m/one").size() + 7;
  return file.replace(field + offset, bytes.size(), bytes);
}

std::string text_of(const ZipEntry& entry) {
  return {reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size()};
}

TEST(TorchZipTest, SizesAndPlacesOfZip64AreFollowed) {
  const std::string file = large_archive();
  const std::vector<ZipEntry> entries = entries_of(file);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(text_of(*find_zip_entry(entries, "m/one")), "first");
  EXPECT_EQ(text_of(*find_zip_entry(entries, "m/two")), "");
  EXPECT_EQ(text_of(*find_zip_entry(entries, "m/three")), "third entry");
  EXPECT_EQ(file.substr(find_zip_entry(entries, "m/three")->offset, 5), "third");
}

// The field has what the record of the directory has not, and that alone.
TEST(TorchZipTest, AFieldMayHaveAPlaceAlone) {
  std::string file = large_archive();
  const std::size_t entry = file.find("PK\1\2");
  file.replace(entry + 20, 8, little(5, 4) + little(5, 4));
  const std::size_t field = entry + 46 + std::string("m/one").size() + 7;
  file.replace(field + 2, 10, little(8, 2) + little(0, 8));
  // What is left of the field is another one, of 12 bytes.
  file.replace(field + 12, 4, "XX" + little(12, 2));
  EXPECT_EQ(text_of(*find_zip_entry(entries_of(file), "m/one")), "first");
}

// More than 65,535 entries, which the format without zip64 cannot count.
TEST(TorchZipTest, EntriesMayBeMany) {
  StoredZip zip{.entries = {}, .zip64 = true};
  for (int i = 0; i < 66000; ++i) zip.entries.emplace_back("m/" + std::to_string(i), "x");
  const std::string file = zip.bytes();
  EXPECT_EQ(entries_of(file).size(), 66000u);
}

TEST(TorchZipTest, EveryTruncationOfItIsRefused) {
  const std::string file = large_archive();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(zip_complaint(file.substr(0, size)), "") << size;
  }
}

struct ZipDamage {
  const char* what;
  std::string file;
  const char* complaint;
};

class DamagedZip64Test : public testing::TestWithParam<ZipDamage> {};

TEST_P(DamagedZip64Test, IsRefusedWithTheByte) {
  const std::string complaint = zip_complaint(GetParam().file);
  EXPECT_NE(complaint.find(GetParam().complaint), std::string::npos) << "\"" << complaint << "\"";
  EXPECT_NE(complaint.find(" m.pt: byte "), std::string::npos) << complaint;
}

INSTANTIATE_TEST_SUITE_P(
    Records, DamagedZip64Test,
    testing::Values(
        ZipDamage{"no locator", with_end(kLocator, "PK\6\5"), "no place of the end with zip64"},
        ZipDamage{"a file of the end alone",
                  "PK\5\6" + little(0, 4) + std::string(12, '\xff') + little(0, 2),
                  "no place of the end with zip64"},
        ZipDamage{"a locator in another part", with_end(kLocator - 4, little(1, 4)),
                  "several parts"},
        ZipDamage{"two parts", with_end(kLocator - 16, little(2, 4)), "several parts"},
        ZipDamage{"a place behind", with_end(kLocator - 8, little(kMost, 8)),
                  "does not lie before"},
        ZipDamage{"a place too near",
                  with_end(kLocator - 8, little(large_archive().size() - 90, 8)),
                  "does not lie before"},
        ZipDamage{"a place elsewhere", with_end(kLocator - 8, little(0, 8)),
                  "no end with zip64 begins here"},
        ZipDamage{"a record in another part", with_end(kRecord - 16, little(1, 4)),
                  "several parts"},
        ZipDamage{"entries elsewhere", with_end(kRecord - 24, little(2, 8)), "several parts"},
        ZipDamage{"no end of entries", with_end(kRecord - 24, little(kMost, 8) + little(kMost, 8)),
                  "ends within an entry"},
        ZipDamage{"an entry too few", with_end(kRecord - 24, little(2, 8) + little(2, 8)),
                  "bytes behind its last entry"},
        ZipDamage{"a directory without end", with_end(kRecord - 40, little(kMost, 8)),
                  "does not lie before its end"},
        ZipDamage{"a directory behind", with_end(kRecord - 48, little(kMost, 8)),
                  "does not lie before its end"},
        ZipDamage{"an overflow", with_end(kRecord - 40, little(kMost, 8) + little(2, 8)),
                  "does not lie before its end"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, DamagedZip64Test,
    testing::Values(
        ZipDamage{"no field", with_field(0, little(2, 2)), "has no field of zip64"},
        ZipDamage{"a field too short", with_field(2, little(16, 2)), "has no field of zip64"},
        ZipDamage{"a field over the end", with_field(0, little(2, 2) + little(0xffff, 2)),
                  "has no field of zip64"},
        ZipDamage{"a size without end", with_field(4, little(kMost, 8)), "is stored in 5 bytes"},
        ZipDamage{"sizes without end", with_field(4, little(kMost, 8) + little(kMost, 8)),
                  "reaches into the directory"},
        ZipDamage{"a place behind", with_field(20, little(kMost, 8)), "not before the directory"},
        ZipDamage{"a place within", with_field(20, little(1, 8)), "no entry begins here"}));

}  // namespace
}  // namespace nestvec
