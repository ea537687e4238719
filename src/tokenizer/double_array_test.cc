// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/double_array.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// Checks every prefix of `text` against an ordered map.
void expect_prefixes(const DoubleArray& trie, const std::map<std::string, std::uint32_t>& truth,
                     const std::string& text) {
  DoubleArray::Node node = trie.root();
  DoubleArray::Node without_branch = trie.root();
  bool alive = true;
  for (std::size_t length = 1; length <= text.size(); ++length) {
    const std::string prefix = text.substr(0, length);
    const auto next = truth.lower_bound(prefix);
    const bool leads_on = next != truth.end() && next->first.starts_with(prefix);
    alive = alive && trie.step(node, text[length - 1]);
    without_branch = trie.step_or_dead(without_branch, text[length - 1]);
    ASSERT_EQ(alive, leads_on);
    ASSERT_EQ(!DoubleArray::is_dead(without_branch), leads_on);
    const auto found = truth.find(prefix);
    const std::uint32_t value = found == truth.end() ? DoubleArray::kNoValue : found->second;
    ASSERT_EQ(trie.find(prefix), value);
    if (alive) {
      ASSERT_EQ(DoubleArray::value(node), value);
      ASSERT_EQ(DoubleArray::value(without_branch), value);
    }
  }
}

TEST(DoubleArray, AgreesWithAMapOnRandomKeys) {
  std::mt19937 random(7);
  for (const std::size_t alphabet : {2U, 5U, 256U}) {
    const auto random_string = [&] {
      std::string text;
      for (std::size_t n = random() % 9; n > 0; --n)
        text.push_back(static_cast<char>(random() % alphabet));
      return text;
    };
    std::vector<std::string> strings;
    for (int i = 0; i < 6000; ++i) strings.push_back(random_string());
    std::map<std::string, std::uint32_t> truth;
    std::vector<DoubleArray::Key> keys;
    for (std::uint32_t i = 0; i < strings.size(); ++i) {
      keys.push_back({strings[i], i});
      if (!strings[i].empty()) truth[strings[i]] = i;  // the last of equal keys counts
    }
    const DoubleArray trie(keys);
    for (const std::string& text : strings) expect_prefixes(trie, truth, text);
    for (int i = 0; i < 20000; ++i) expect_prefixes(trie, truth, random_string());
  }
}

TEST(DoubleArray, OfNothingFindsNothing) {
  const DoubleArray trie;
  EXPECT_EQ(trie.find("a"), DoubleArray::kNoValue);
  EXPECT_EQ(trie.find(""), DoubleArray::kNoValue);
  EXPECT_EQ(trie.find(std::string(1, '\0')), DoubleArray::kNoValue);
}

TEST(DoubleArray, TakesALongKey) {
  const std::string key(100000, 'k');
  const std::vector<DoubleArray::Key> keys = {{key, 5}};
  const DoubleArray trie(keys);
  EXPECT_EQ(trie.find(key), 5U);
  EXPECT_EQ(trie.find(key + "k"), DoubleArray::kNoValue);
  EXPECT_LE(trie.memory_bytes(), 110000U * 8);  // hardly a gap
}

TEST(DoubleArray, RefusesAValueThatDoesNotFit) {
  const std::vector<DoubleArray::Key> keys = {{"a", DoubleArray::kNoValue}};
  EXPECT_THROW(DoubleArray{keys}, Error);
}

}  // namespace
}  // namespace nestvec
