// SPDX-License-Identifier: Apache-2.0
#include "service/keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "nestvec/error.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// A file that goes with its test.
class KeyFile {
 public:
  explicit KeyFile(const std::string& text)
      : path_(
            (fs::temp_directory_path() / ("nestvec-keys-" + std::to_string(::getpid()))).string()) {
    write(text);
  }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  ~KeyFile() { fs::remove(path_); }
  void write(const std::string& text) { std::ofstream(path_) << text; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string refusal_of(KeyStore& keys, std::string_view list, const std::string& file) {
  return error_of([&] { keys.load(list, file); });
}

TEST(KeyStore, BeginsEmptyAndKnowsNobody) {
  const KeyStore keys;
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(keys.find(""), std::nullopt);
  EXPECT_EQ(keys.find("a"), std::nullopt);
}

TEST(KeyStore, KeysOfAList) {
  KeyStore keys;
  keys.load(" first ,,second,", "");
  EXPECT_FALSE(keys.empty());
  EXPECT_EQ(keys.find("first"), "key-1");
  EXPECT_EQ(keys.find("second"), "key-2");
  for (const char* other : {"", "firs", "firstt", "First", " first", "first,,second", "key-1"}) {
    EXPECT_EQ(keys.find(other), std::nullopt) << other;
  }
  keys.load("", "");
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(keys.find("first"), std::nullopt);
}

TEST(KeyStore, KeysOfAFileWithNamesAndComments) {
  const KeyFile file("# the team\nsearch: s3cret # until June\r\n\n  plain  \nwith#hash\na:b\n");
  KeyStore keys;
  keys.load("listed", file.path());
  EXPECT_EQ(keys.find("s3cret"), "search");
  EXPECT_EQ(keys.find("listed"), "key-1");
  EXPECT_EQ(keys.find("plain"), "key-2");
  EXPECT_EQ(keys.find("with#hash"), "key-3");
  EXPECT_EQ(keys.find("a:b"), "key-4");
  EXPECT_EQ(keys.find("search"), std::nullopt);
  EXPECT_EQ(keys.find("#"), std::nullopt);
}

TEST(KeyStore, AFailedLoadKeepsTheKeys) {
  KeyFile file("old\n");
  KeyStore keys;
  keys.load("", file.path());
  file.write("new\ntwo words\n");
  EXPECT_TRUE(refusal_of(keys, "", file.path()).starts_with(file.path() + ":2: "));
  file.write("# nothing\n");
  EXPECT_NE(refusal_of(keys, "other", file.path()).find("contains no API key"), std::string::npos);
  EXPECT_THROW(keys.load("", file.path() + "-missing"), Error);
  EXPECT_EQ(keys.find("old"), "key-1");
  EXPECT_EQ(keys.find("new"), std::nullopt);
  EXPECT_EQ(keys.find("other"), std::nullopt);
}

TEST(KeyStore, ErrorsNeverShowAKey) {
  KeyStore keys;
  const KeyFile file("na me: hunter2\n");
  for (const std::string& message :
       {refusal_of(keys, "hunter2 hunter2", ""), refusal_of(keys, "ok,hunter2\x01", ""),
        refusal_of(keys, "hunter2" + std::string(600, 'x'), ""),
        refusal_of(keys, "", file.path())}) {
    EXPECT_NE(message, "");
    EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
  }
}

TEST(KeyStore, TooManyKeysAreRefused) {
  KeyStore keys;
  std::string list;
  for (int i = 0; i < 10'001; ++i) list += "k" + std::to_string(i) + ",";
  EXPECT_NE(refusal_of(keys, list, "").find("more than 10000"), std::string::npos);
}

TEST(KeyStore, ReplacedWhileOthersLook) {
  KeyStore keys;
  keys.load("constant,a", "");
  std::atomic<bool> stop{false};
  std::atomic<int> missed{0};
  std::thread reader([&] {
    while (!stop) missed += keys.find("constant") ? 0 : 1;
  });
  for (int i = 0; i < 200; ++i) keys.load(i % 2 == 0 ? "constant,b" : "c,constant", "");
  stop = true;
  reader.join();
  EXPECT_EQ(missed, 0);
}

TEST(KeyStore, AuthorizationSchemes) {
  EXPECT_EQ(KeyStore::from_authorization("Bearer abc"), "abc");
  EXPECT_EQ(KeyStore::from_authorization("bearer  abc "), "abc");
  EXPECT_EQ(KeyStore::from_authorization("Key abc"), "abc");
  EXPECT_EQ(KeyStore::from_authorization("TOKEN a=b"), "a=b");
  for (const char* other : {"", "Basic abc", "abc", "Bearerabc", "Bearer\tabc", "Bearer", "Key "}) {
    EXPECT_EQ(KeyStore::from_authorization(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace nestvec
