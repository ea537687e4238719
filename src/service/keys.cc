// SPDX-License-Identifier: Apache-2.0
#include "service/keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cctype>
#include <mutex>

#include "base/content_hash.h"
#include "base/file.h"
#include "base/trim.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxFileBytes = 4u << 20;
constexpr std::size_t kMaxKeyBytes = 512;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxKeys = 10'000;

// What a header can carry in one word.
bool is_word(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

struct NamedKey {
  std::string name;
  std::string_view key;
};

// Reads keys and never shows one: a mistyped key in a message would end up in a log.
class KeyReader {
 public:
  void add(std::string_view text, const std::string& place, bool may_have_name) {
    NamedKey entry{.name = {}, .key = text};
    const std::size_t colon = may_have_name ? text.find(": ") : std::string_view::npos;
    if (colon != std::string_view::npos) {
      entry.name = trim(text.substr(0, colon));
      entry.key = trim(text.substr(colon + 2));
      if (!is_word(entry.name, kMaxNameBytes)) {
        throw Error(ErrorCode::kInvalidArgument, place + ": the name of a key is at most " +
                                                     std::to_string(kMaxNameBytes) +
                                                     " visible ASCII characters without a space");
      }
    }
    if (!is_word(entry.key, kMaxKeyBytes)) {
      throw Error(ErrorCode::kInvalidArgument, place + ": an API key is at most " +
                                                   std::to_string(kMaxKeyBytes) +
                                                   " visible ASCII characters without a space");
    }
    if (entry.name.empty()) entry.name = "key-" + std::to_string(++unnamed_);
    if (keys_.size() == kMaxKeys) {
      throw Error(ErrorCode::kInvalidArgument,
                  place + ": more than " + std::to_string(kMaxKeys) + " API keys");
    }
    keys_.push_back(std::move(entry));
  }

  const std::vector<NamedKey>& keys() const { return keys_; }

 private:
  std::vector<NamedKey> keys_;
  std::size_t unnamed_ = 0;
};

// "#" begins a comment where a word could begin; a key may hold one.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return line.substr(0, i);
    }
  }
  return line;
}

// Calls use(part, number) for each part between separators, counted from 1.
template <typename Use>
void for_each_part(std::string_view text, char separator, const Use& use) {
  for (std::size_t number = 1, begin = 0; begin <= text.size(); ++number) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    use(text.substr(begin, end - begin), number);
    begin = end + 1;
  }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

KeyStore::KeyStore() : salt_{}, entries_(std::make_shared<const Entries>()) {
  if (RAND_bytes(salt_.data(), static_cast<int>(salt_.size())) != 1) {
    throw Error(ErrorCode::kInternal, "the system gives no random bytes to hash API keys with");
  }
}

KeyStore::~KeyStore() = default;

void KeyStore::load(std::string_view list, const std::string& file) {
  KeyReader reader;
  for_each_part(list, ',', [&](std::string_view part, std::size_t number) {
    const std::string_view key = trim(part);
    if (!key.empty()) reader.add(key, "API key " + std::to_string(number), false);
  });
  std::string text;
  if (!file.empty()) {
    text = read_file(file, kMaxFileBytes);
    const std::size_t before = reader.keys().size();
    for_each_part(text, '\n', [&](std::string_view part, std::size_t number) {
      const std::string_view line = trim(without_comment(part));
      if (!line.empty()) reader.add(line, file + ":" + std::to_string(number), true);
    });
    // Nobody is asked for a key where there is none: not what a file of keys is for.
    if (reader.keys().size() == before) {
      throw Error(ErrorCode::kInvalidArgument,
                  file + ": contains no API key; expected one per line");
    }
  }
  auto entries = std::make_shared<Entries>();
  for (const NamedKey& named : reader.keys()) {
    entries->push_back({.name = named.name, .hash = digest(named.key)});
  }
  OPENSSL_cleanse(text.data(), text.size());
  const std::lock_guard lock(mutex_);
  entries_ = std::move(entries);
}

bool KeyStore::empty() const {
  const std::lock_guard lock(mutex_);
  return entries_->empty();
}

std::optional<std::string> KeyStore::find(std::string_view key) const {
  if (key.size() > kMaxKeyBytes) return std::nullopt;
  std::shared_ptr<const Entries> entries;
  {
    const std::lock_guard lock(mutex_);
    entries = entries_;
  }
  const std::array<std::uint8_t, 32> hash = digest(key);
  const Entry* found = nullptr;
  for (const Entry& entry : *entries) {
    // To the end whatever was found, so that the time tells nothing of the place.
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  return found->name;
}

std::optional<std::string_view> KeyStore::from_authorization(std::string_view header) {
  const std::string_view text = trim(header);
  const std::size_t blank = std::min(text.find(' '), text.size());
  for (const std::string_view scheme : {"Bearer", "Key", "Token"}) {
    if (!equal_ignoring_case(text.substr(0, blank), scheme)) continue;
    const std::string_view key = trim(text.substr(blank));
    if (!key.empty()) return key;
  }
  return std::nullopt;
}

std::array<std::uint8_t, 32> KeyStore::digest(std::string_view key) const {
  ContentHash hash = ContentHash::sha256();
  hash.update(std::as_bytes(std::span(salt_)));
  hash.update(key);
  return hash.finish_bytes();
}

}  // namespace nestvec
