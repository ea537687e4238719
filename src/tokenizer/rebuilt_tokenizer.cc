// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/rebuilt_tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/excerpt.h"
#include "config/small_files.h"
#include "tokenizer/component_loader.h"

namespace nestvec {
namespace {

// The tokens of a class's keys, and its defaults; no keys where it takes the file's post-processor.
struct Class {
  std::string_view name;
  std::string_view model_type;  // of config.json, which means the class where no file names one
  std::string_view model;       // of tokenizer.json
  std::string_view first_key = {};
  std::string_view first = {};
  std::string_view last_key = {};
  std::string_view last = {};
};
struct Alias {
  std::string_view name;
  std::string_view meant;
};
// Classes that are others by name alone, and model types that mean the class of another.
constexpr Alias kSameClasses[] = {{"DistilBertTokenizer", "BertTokenizer"},
                                  {"ElectraTokenizer", "BertTokenizer"}};
constexpr Alias kSameTypes[] = {{"distilbert", "bert"},
                                {"electra", "bert"},
                                {"nomic_bert", "bert"},
                                {"gte", "xlm-roberta"},
                                {"jina_embeddings_v3", "xlm-roberta"}};
constexpr Class kBert = {"BertTokenizer", "bert",      "WordPiece", "cls_token",
                         "[CLS]",         "sep_token", "[SEP]"};
constexpr Class kXlmRoberta = {"XLMRobertaTokenizer", "xlm-roberta", "Unigram", "bos_token", "<s>",
                               "eos_token",           "</s>"};
constexpr Class kRoberta = {"RobertaTokenizer", "roberta", "BPE", "cls_token", "<s>",
                            "sep_token",        "</s>"};
constexpr Class kGpt2 = {"GPT2Tokenizer", "gpt2", "BPE"};
constexpr Class kQwen2 = {"Qwen2Tokenizer", "qwen3", "BPE"};
// Where it splits.
constexpr std::string_view kQwen2Pieces =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string text_of(const std::optional<JsonValue>& object, std::string_view key) {
  const std::optional<JsonValue> value = object ? object->find(key) : std::nullopt;
  const bool text = value && value->kind() == JsonValue::Kind::kString;
  return text ? std::string(value->string()) : "";
}

std::string_view meant_by(std::string_view name, std::span<const Alias> aliases) {
  const auto found = std::ranges::find(aliases, name, &Alias::name);
  return found == aliases.end() ? name : found->meant;
}

// As transformers' AutoTokenizer chooses.
const Class* class_of(const std::string& folder, const std::optional<JsonValue>& config) {
  std::string name = text_of(config, "tokenizer_class");
  std::string type;
  if (const auto model = load_if_there(folder, "config.json")) {
    if (name.empty()) name = text_of(model->root(), "tokenizer_class");
    type = text_of(model->root(), "model_type");
  }
  if (type == "modernbert") return nullptr;  // whose files name classes that were never meant
  if (type == "qwen2") return &kQwen2;       // likewise
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  const std::string_view class_name = meant_by(name, kSameClasses);
  const std::string_view same_type = meant_by(type, kSameTypes);
  for (const Class* known : {&kBert, &kXlmRoberta, &kRoberta, &kGpt2, &kQwen2}) {
    if (name.empty() ? same_type == known->model_type : class_name == known->name) return known;
  }
  return nullptr;
}

// The steps of a component, or the one that it is.
std::vector<JsonValue> steps_of(const std::optional<JsonValue>& component, std::string_view key) {
  if (!component) return {};
  const std::optional<JsonValue> list = component->find(key);
  return list ? list->elements() : std::vector<JsonValue>{*component};
}

bool says(const JsonValue& object, std::string_view key, bool value) {
  return boolean_or(object, key, !value) == value;
}

class Comparison {
 public:
  Comparison(const Class& made, const JsonValue& tokenizer, const std::optional<JsonValue>& config,
             const StatedTokens& stated)
      : class_(made), tokenizer_(tokenizer), config_(config), stated_(stated) {}

  // The parts of tokenizer.json that are not the class's.
  std::vector<std::string> differing() {
    if (!class_.first_key.empty()) compare_ends();
    if (&class_ == &kBert) {
      compare_bert();
    } else if (&class_ == &kXlmRoberta) {
      compare_xlm_roberta();
    } else {
      compare_byte_level();
    }
    return parts_;
  }

 private:
  bool states(std::string_view key) const { return config_ && config_->find(key).has_value(); }

  void differs(bool differs, const char* part) {
    if (differs) parts_.emplace_back(part);
  }

  Error contradiction(std::string_view key, std::string_view value, const std::string& own) const {
    return tokenizer_.error(own + ", but " + std::string(key) + " of the files beside it is \"" +
                            excerpt(value) +
                            "\": transformers 5 follows the latter, older versions the former; "
                            "make the two agree");
  }

  std::optional<std::uint32_t> id_of(std::string_view content) const {
    if (const auto added = tokenizer_.find("added_tokens")) {
      for (const JsonValue& token : added->elements()) {
        const std::optional<JsonValue> id = token.find("id");
        if (id && token.at("content").string() == content) return load_id(*id);
      }
    }
    const JsonValue vocabulary = tokenizer_.at("model").at("vocab");
    if (vocabulary.kind() == JsonValue::Kind::kObject) {
      const std::optional<JsonValue> id = vocabulary.find(content);
      return id ? std::optional(load_id(*id)) : std::nullopt;
    }
    std::optional<std::uint32_t> found;
    std::uint32_t place = 0;
    vocabulary.for_each_element([&](simdjson::dom::element entry) {
      std::string_view piece;
      const bool named = entry.at(0).get(piece) == simdjson::SUCCESS && piece == content;
      if (named && !found) found = place;
      ++place;
    });
    return found;
  }

  // One end of a text.
  void compare_end(std::uint32_t own, std::string_view key, std::string_view usual) {
    const std::optional<std::string> stated = stated_.named_content(key);
    const std::optional<std::uint32_t> id = id_of(stated ? *stated : usual);
    if (id == own || (!id && !stated)) return;
    if (stated) {
      throw contradiction(key, *stated,
                          "post_processor: puts the token " + std::to_string(own) +
                              (key == class_.first_key ? " before" : " behind") + " a text");
    }
    parts_.emplace_back("post_processor");
  }

  void compare_ends() {
    const std::optional<JsonValue> value = tokenizer_.find("post_processor");
    const PostProcessor post = value ? load_post_processor(*value) : PostProcessor();
    if (post.prefix().size() != 1 || post.suffix().size() != 1) {
      parts_.emplace_back("post_processor");
      return;
    }
    compare_end(post.prefix()[0], class_.first_key, class_.first);
    compare_end(post.suffix()[0], class_.last_key, class_.last);
  }

  void compare_bert() {
    const JsonValue model = tokenizer_.at("model");
    const std::string unknown = text_of(model, "unk_token");
    if (const auto stated = stated_.named_content("unk_token"); stated && *stated != unknown) {
      throw contradiction("unk_token", *stated, "model.unk_token is \"" + excerpt(unknown) + "\"");
    }
    differs(text_of(model, "continuing_subword_prefix") != "##" ||
                model.at("max_input_chars_per_word").integer() != 100,
            "model");
    const auto normalizer = steps_of(tokenizer_.find("normalizer"), "normalizers");
    const bool bert = normalizer.size() == 1 && text_of(normalizer[0], "type") == "BertNormalizer";
    differs(!bert || differs_from_bert(normalizer[0]), "normalizer");
    const auto pre_tokenizer = steps_of(tokenizer_.find("pre_tokenizer"), "pretokenizers");
    differs(pre_tokenizer.size() != 1 || text_of(pre_tokenizer[0], "type") != "BertPreTokenizer",
            "pre_tokenizer");
  }

  // But for what a key of tokenizer_config.json states, which is followed.
  bool differs_from_bert(const JsonValue& normalizer) const {
    const auto lower = config_ ? config_->find("do_lower_case") : std::nullopt;
    const bool lowers = !lower || lower->boolean();
    const bool accents = !states("strip_accents") && says(normalizer, "strip_accents", !lowers) &&
                         normalizer.find("strip_accents").has_value();
    return says(normalizer, "clean_text", false) || accents ||
           (!lower && says(normalizer, "lowercase", false)) ||
           (!states("tokenize_chinese_chars") && says(normalizer, "handle_chinese_chars", false));
  }

  void compare_xlm_roberta() {
    const JsonValue model = tokenizer_.at("model");
    const std::optional<JsonValue> unknown = model.find("unk_id");
    differs(!unknown || load_id(*unknown) != 3, "model");
    bool changes = false;
    for (const JsonValue& step : steps_of(tokenizer_.find("normalizer"), "normalizers")) {
      const std::string type = text_of(step, "type");
      changes = changes || (type != "Precompiled" && type != "Replace" && type != "Strip");
    }
    differs(changes, "normalizer");
    compare_spaces();
  }

  void compare_spaces() {
    const auto steps = steps_of(tokenizer_.find("pre_tokenizer"), "pretokenizers");
    const auto step = std::find_if(steps.begin(), steps.end(), [](const JsonValue& one) {
      return text_of(one, "type") == "Metaspace";
    });
    if (step == steps.end()) {
      parts_.emplace_back("pre_tokenizer");
      return;
    }
    const std::string scheme = text_of(*step, "prepend_scheme");
    const bool prepends =
        scheme.empty() ? boolean_or(*step, "add_prefix_space", true) : scheme != "never";
    compare_prefix_space("Metaspace", prepends, true);
  }

  // `usual` where no key says whether a space is put before a text.
  void compare_prefix_space(const char* step, bool prepends, bool usual) {
    const bool wanted =
        states("add_prefix_space") ? config_->at("add_prefix_space").boolean() : usual;
    if (prepends == wanted) return;
    if (states("add_prefix_space")) {
      throw contradiction("add_prefix_space", wanted ? "true" : "false",
                          "pre_tokenizer: " + std::string(step) + " puts " +
                              (prepends ? "a space" : "no space") + " before a text");
    }
    parts_.emplace_back("pre_tokenizer");
  }

  void compare_byte_level() {
    const bool qwen = &class_ == &kQwen2;
    const JsonValue model = tokenizer_.at("model");
    bool other = !text_of(model, "continuing_subword_prefix").empty() ||
                 !text_of(model, "end_of_word_suffix").empty();
    for (const char* key : {"fuse_unk", "byte_fallback", "ignore_merges"}) {
      other = other || boolean_or(model, key, false);
    }
    differs(other || model.find("unk_token").has_value(), "model");
    const auto normalizer = steps_of(tokenizer_.find("normalizer"), "normalizers");
    const bool nfc = normalizer.size() == 1 && text_of(normalizer[0], "type") == "NFC";
    differs(qwen ? !nfc : !normalizer.empty(), "normalizer");
    compare_byte_pieces(qwen);
  }

  void compare_byte_pieces(bool qwen) {
    const auto steps = steps_of(tokenizer_.find("pre_tokenizer"), "pretokenizers");
    const bool known = steps.size() == (qwen ? 2 : 1) &&
                       text_of(steps.back(), "type") == "ByteLevel" &&
                       boolean_or(steps.back(), "use_regex", true) != qwen &&
                       (!qwen || splits_as_qwen2(steps.front()));
    if (!known) {
      parts_.emplace_back("pre_tokenizer");
      return;
    }
    compare_prefix_space("ByteLevel", boolean_or(steps.back(), "add_prefix_space", true), false);
  }

  static bool splits_as_qwen2(const JsonValue& step) {
    const std::optional<JsonValue> pattern = step.find("pattern");
    return text_of(step, "type") == "Split" && text_of(step, "behavior") == "Isolated" &&
           !boolean_or(step, "invert", false) && text_of(pattern, "Regex") == kQwen2Pieces;
  }

  const Class& class_;
  const JsonValue& tokenizer_;
  const std::optional<JsonValue>& config_;
  const StatedTokens& stated_;
  std::vector<std::string> parts_;
};

}  // namespace

void check_rebuilt_tokenizer(const std::string& folder, const std::optional<JsonValue>& config,
                             const StatedTokens& stated, std::vector<std::string>& notes) {
  const Class* made = class_of(folder, config);
  const auto file = made ? load_if_there(folder, "tokenizer.json") : std::nullopt;
  if (!file) return;
  const JsonValue tokenizer = file->root();
  if (text_of(tokenizer.find("model"), "type") != made->model) return;
  std::vector<std::string> parts = Comparison(*made, tokenizer, config, stated).differing();
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  if (parts.empty()) return;
  std::string list;
  for (const std::string& part : parts) list += (list.empty() ? "" : ", ") + part;
  const std::string name(made->name);
  notes.push_back("warning: " + (std::filesystem::path(folder) / "tokenizer.json").string() +
                  ": transformers 5 builds " + (made == &kXlmRoberta ? "an " : "a ") + name +
                  " from the vocabulary, without this file's own " + list +
                  "; nestvec follows the file, as older versions do");
}

}  // namespace nestvec
