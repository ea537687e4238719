// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/stated_tokens.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <map>

#include "config/small_files.h"
#include "tokenizer/component_loader.h"

namespace nestvec {
namespace {

AddedToken make_token(std::string_view content, bool special) {
  AddedToken token;
  token.content = content;
  token.special = special;
  token.normalized = !special;
  return token;
}

// A string, or an object as the entries of tokenizer.json; `special` where it does not say.
AddedToken read_token(const JsonValue& value, bool special) {
  if (value.kind() == JsonValue::Kind::kString) return make_token(value.string(), special);
  AddedToken token;
  token.content = value.at("content").string();
  token.special = boolean_or(value, "special", special);
  token.normalized = boolean_or(value, "normalized", !token.special);
  token.single_word = boolean_or(value, "single_word", false);
  token.lstrip = boolean_or(value, "lstrip", false);
  token.rstrip = boolean_or(value, "rstrip", false);
  return token;
}

void set_named(std::string_view key, AddedToken token, StatedTokens& tokens) {
  for (auto& [name, old] : tokens.named) {
    if (name != key) continue;
    old = std::move(token);
    return;
  }
  tokens.named.emplace_back(key, std::move(token));
}

// A list, or an object whose names are those of new keys.
void read_extra(const JsonValue& value, StatedTokens& tokens) {
  if (value.kind() == JsonValue::Kind::kObject) {
    for (const auto& [key, token] : value.members()) {
      set_named(key, read_token(token, true), tokens);
    }
    return;
  }
  for (const JsonValue& token : value.elements()) tokens.extra.push_back(read_token(token, true));
}

constexpr std::string_view kNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};

// A string, or an object that is one of the usual tokens or says that it is a token.
bool is_token(std::string_view key, const JsonValue& value) {
  if (!key.ends_with("_token")) return false;
  if (value.kind() == JsonValue::Kind::kString) return true;
  if (value.kind() != JsonValue::Kind::kObject || !value.find("content")) return false;
  return value.find("__type") ||
         std::find(std::begin(kNames), std::end(kNames), key) != std::end(kNames);
}

void read_keys(const JsonValue& object, StatedTokens& tokens) {
  for (const auto& [key, value] : object.members()) {
    if (is_token(key, value)) set_named(key, read_token(value, true), tokens);
  }
  // The older key counts where no file has the newer one, or either before.
  const std::optional<JsonValue> newer = object.find("extra_special_tokens");
  if (newer) read_extra(*newer, tokens);
  const std::optional<JsonValue> older = object.find("additional_special_tokens");
  if (older && tokens.extra.empty() && (!newer || newer->size() == 0)) read_extra(*older, tokens);
}

void read_decoder(const JsonValue& decoder, StatedTokens& tokens) {
  std::map<std::uint64_t, AddedToken> by_id;
  for (const auto& [key, value] : decoder.members()) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) {
      throw value.error("expected the id of a token as its key");
    }
    by_id.insert_or_assign(id, read_token(value, false));
  }
  for (auto& [id, token] : by_id) tokens.decoder.push_back(std::move(token));
}

// {"content": id}: special only where another file names it so.
void read_added_tokens(const JsonValue& file, StatedTokens& tokens) {
  std::map<std::int64_t, std::string> by_id;
  for (const auto& [content, id] : file.members()) by_id.insert_or_assign(id.integer(), content);
  for (const auto& [id, content] : by_id) {
    const auto is_it = [&name = content](const AddedToken& token) { return token.content == name; };
    const bool special = std::any_of(tokens.extra.begin(), tokens.extra.end(), is_it) ||
                         std::any_of(tokens.named.begin(), tokens.named.end(),
                                     [&](const auto& named) { return is_it(named.second); });
    tokens.older.push_back(make_token(content, special));
  }
}

}  // namespace

std::optional<std::string> StatedTokens::named_content(std::string_view key) const {
  for (const auto& [name, token] : named) {
    if (name == key) return token.content;
  }
  return std::nullopt;
}

std::vector<AddedToken> StatedTokens::all() const {
  std::vector<AddedToken> tokens = decoder;
  tokens.insert(tokens.end(), older.begin(), older.end());
  const auto add = [&tokens](const AddedToken& token) {
    const bool known = std::any_of(tokens.begin(), tokens.end(), [&](const AddedToken& other) {
      return other.content == token.content;
    });
    if (!known && !token.content.empty()) tokens.push_back(token);
  };
  for (const std::string_view key : kNames) {
    for (const auto& [name, token] : named) {
      if (name == key) add(token);
    }
  }
  for (const auto& [name, token] : named) add(token);
  for (const AddedToken& token : extra) add(token);
  return tokens;
}

StatedTokens read_stated_tokens(const std::string& folder, const std::optional<JsonValue>& config) {
  StatedTokens tokens;
  if (config) read_keys(*config, tokens);
  const std::optional<JsonValue> decoder =
      config ? config->find("added_tokens_decoder") : std::nullopt;
  if (decoder) {
    read_decoder(*decoder, tokens);
    return tokens;
  }
  if (const auto file = load_if_there(folder, "special_tokens_map.json")) {
    read_keys(file->root(), tokens);
  }
  if (const auto file = load_if_there(folder, "added_tokens.json")) {
    read_added_tokens(file->root(), tokens);
  }
  return tokens;
}

}  // namespace nestvec
