// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer_changes.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>

#include "base/json.h"
#include "config/small_files.h"
#include "tokenizer/rebuilt_tokenizer.h"
#include "tokenizer/stated_tokens.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// The tokenizer's own BertNormalizer, be it one of several steps; nullopt where it has none.
std::optional<JsonValue> bert_normalizer(const JsonValue& tokenizer) {
  const std::optional<JsonValue> normalizer = tokenizer.find("normalizer");
  if (!normalizer) return std::nullopt;
  const auto is_bert = [](const JsonValue& step) {
    return step.at("type").string() == "BertNormalizer";
  };
  if (is_bert(*normalizer)) return normalizer;
  const std::optional<JsonValue> list = normalizer->find("normalizers");
  if (!list) return std::nullopt;
  const std::vector<JsonValue> steps = list->elements();
  const auto step = std::find_if(steps.begin(), steps.end(), is_bert);
  return step == steps.end() ? std::nullopt : std::optional<JsonValue>(*step);
}

struct BertKey {
  const char* ours;    // of tokenizer_config.json
  const char* theirs;  // of the BertNormalizer
  std::optional<bool> NormalizerChanges::* change;
};
constexpr BertKey kBertKeys[] = {
    {"do_lower_case", "lowercase", &NormalizerChanges::lowercase},
    {"strip_accents", "strip_accents", &NormalizerChanges::strip_accents},
    {"tokenize_chinese_chars", "handle_chinese_chars", &NormalizerChanges::handle_chinese_chars}};

// What a key that is `stated` says beside the normalizer's own value; "" where they agree.
std::string contradiction(const BertKey& key, const JsonValue& stated,
                          const std::optional<JsonValue>& normalizer, bool generic) {
  const bool value = stated.boolean();
  const std::string says =
      "warning: " + stated.path() + " of tokenizer_config.json is " + (value ? "true" : "false");
  if (!normalizer) {
    const bool lower = value && key.change == &NormalizerChanges::lowercase;
    return lower ? says + ", which has no effect on this kind of tokenizer" : "";
  }
  const std::optional<JsonValue> own = normalizer->find(key.theirs);
  if (!own || own->boolean() == value) return "";
  return says + ", " + key.theirs + " of tokenizer.json's normalizer is " +
         (value ? "false" : "true") + "; as in transformers, " +
         (generic ? "the latter counts" : "the former counts");
}

// transformers makes a BertTokenizer's normalizer anew from these keys, whatever tokenizer.json
// says. To its other tokenizers they mean nothing.
void read_normalizer_keys(const JsonValue& config, const std::string& folder,
                          NormalizerChanges& changes, std::vector<std::string>& notes) {
  const bool states = std::any_of(std::begin(kBertKeys), std::end(kBertKeys),
                                  [&](const BertKey& key) { return config.find(key.ours); });
  if (!states) return;
  const JsonDocument tokenizer = JsonDocument::load((fs::path(folder) / "tokenizer.json").string());
  const std::optional<JsonValue> normalizer = bert_normalizer(tokenizer.root());
  const std::optional<JsonValue> name = config.find("tokenizer_class");
  const bool generic = name && (name->string() == "PreTrainedTokenizerFast" ||
                                name->string() == "TokenizersBackend");
  for (const BertKey& key : kBertKeys) {
    const std::optional<JsonValue> stated = config.find(key.ours);
    const bool counts = normalizer && !generic;  // to others, a value of any type is no error
    if (!stated || (!counts && stated->kind() != JsonValue::Kind::kBool)) continue;
    std::string note = contradiction(key, *stated, normalizer, generic);
    if (!note.empty()) notes.push_back(std::move(note));
    if (counts) changes.*key.change = stated->boolean();
  }
}

}  // namespace

NormalizerChanges read_normalizer_changes(const std::string& folder,
                                          std::vector<std::string>& notes) {
  NormalizerChanges changes;
  if (const auto config = load_sentence_config(folder)) {
    const std::optional<JsonValue> lower = config->root().find("do_lower_case");
    changes.lowercase_first = lower && lower->boolean();
  }
  const std::optional<JsonDocument> file = load_if_there(folder, "tokenizer_config.json");
  std::optional<JsonValue> config;
  if (file) config = file->root();
  if (config) {
    read_normalizer_keys(*config, folder, changes, notes);
    const std::optional<JsonValue> split = config->find("split_special_tokens");
    changes.split_special = split && split->boolean();
  }
  const StatedTokens stated = read_stated_tokens(folder, config);
  changes.tokens = stated.all();
  changes.restated = stated.decoder;
  check_rebuilt_tokenizer(folder, config, stated, notes);
  return changes;
}

}  // namespace nestvec
