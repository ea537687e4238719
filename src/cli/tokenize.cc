// SPDX-License-Identifier: Apache-2.0
// nestvec tokenize: texts to ids and offsets, or ids back to text.
#include <filesystem>
#include <memory>
#include <ostream>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {
namespace {

struct TokenizeFlags {
  std::string tokenizer;
  bool json_lines = false;
  bool offsets = false;
  bool no_special = false;
  bool no_add_special = false;
  bool no_truncation = false;
  bool decode = false;
  bool keep_special = false;
  std::size_t max_tokens = 0;
  std::string truncate = "right";
};

constexpr const char* kExamples =
    "Examples:\n"
    "  printf 'Hello, world!\\n' | nestvec tokenize --tokenizer path/to/model --offsets\n"
    "  nestvec tokenize --tokenizer tokenizer.json --jsonl < texts.jsonl > ids.jsonl\n"
    "  echo '{\"ids\":[0,35378,2]}' | nestvec tokenize --tokenizer tokenizer.json --decode\n";

std::string tokenizer_path(const std::string& path) {
  return std::filesystem::is_directory(path) ? path + "/tokenizer.json" : path;
}

void append_tokens(const Tokens& tokens, bool offsets, std::string& out) {
  out += "{\"ids\":[";
  for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
    if (i > 0) out.push_back(',');
    out += std::to_string(tokens.ids[i]);
  }
  out.push_back(']');
  if (offsets) {
    out += ",\"offsets\":[";
    for (std::size_t i = 0; i < tokens.offsets.size(); ++i) {
      if (i > 0) out.push_back(',');
      out += '[' + std::to_string(tokens.offsets[i].begin) + ',' +
             std::to_string(tokens.offsets[i].end) + ']';
    }
    out.push_back(']');
  }
  out += "}\n";
}

EncodeOptions encode_options(const TokenizeFlags& flags) {
  EncodeOptions options;
  options.add_special = !flags.no_add_special;
  options.parse_special = !flags.no_special;
  options.offsets = flags.offsets;
  options.max_tokens = flags.max_tokens;
  options.truncate_left = flags.truncate == "left";
  options.file_truncation = !flags.no_truncation;
  return options;
}

void encode_lines(const TokenizeFlags& flags, const Tokenizer& tokenizer, CliContext& context) {
  const EncodeOptions options = encode_options(flags);
  Tokens tokens;
  std::string storage;
  std::string out;
  std::size_t number = 0;
  for_each_line(context.in, [&](std::string& line) {
    ++number;
    if (flags.json_lines) line = text_of_json_line(line, "line " + std::to_string(number));
    const std::string_view text = repair_utf8(line, storage);
    tokenizer.encode(text, options, tokens);
    if (flags.offsets) to_character_offsets(text, tokens.offsets);
    out.clear();
    append_tokens(tokens, flags.offsets, out);
    context.out << out;
  });
}

void decode_lines(const TokenizeFlags& flags, const Tokenizer& tokenizer, CliContext& context) {
  std::vector<std::uint32_t> ids;
  std::string out;
  std::size_t number = 0;
  for_each_line(context.in, [&](std::string& line) {
    const JsonDocument document =
        JsonDocument::parse(line, "line " + std::to_string(++number));
    ids.clear();
    for (const JsonValue& id : document.root().at("ids").elements()) {
      const std::int64_t value = id.integer();
      if (value < 0 || value > UINT32_MAX) throw id.error("expected a token id");
      ids.push_back(static_cast<std::uint32_t>(value));
    }
    out = "{\"text\":";
    append_json_string(tokenizer.decode(ids, !flags.keep_special), out);
    context.out << out << "}\n";
  });
}

}  // namespace

void add_tokenize_command(CLI::App& app, CliContext& context) {
  CLI::App* command =
      app.add_subcommand("tokenize", "Turn lines of standard input into token ids, as JSON lines");
  const auto flags = std::make_shared<TokenizeFlags>();
  command->add_option("--tokenizer", flags->tokenizer, "A tokenizer.json, or a folder that holds one")
      ->required();
  command->add_flag("--jsonl", flags->json_lines, "Input lines are JSON objects with a \"text\"");
  command->add_flag("--offsets", flags->offsets,
                    "Print the range of each token, in Unicode characters");
  command->add_flag("--no-special", flags->no_special,
                    "Read special tokens in the texts (\"</s>\") as plain text");
  command->add_flag("--no-add-special", flags->no_add_special,
                    "Do not put the model's special tokens around a text");
  command->add_option("--max-tokens", flags->max_tokens, "Cut longer texts");
  command->add_option("--truncate", flags->truncate, "The side that --max-tokens cuts")
      ->check(CLI::IsMember({"right", "left"}))
      ->capture_default_str();
  command->add_flag("--no-truncation", flags->no_truncation,
                    "Ignore the limit that the tokenizer.json may hold");
  command->add_flag("--decode", flags->decode, "Read {\"ids\":[...]} lines, print {\"text\":...}");
  command->add_flag("--keep-special", flags->keep_special, "With --decode: print special tokens");
  command->footer(kExamples);
  command->callback([flags, &context] {
    const Tokenizer tokenizer = Tokenizer::load(tokenizer_path(flags->tokenizer));
    if (flags->decode) {
      decode_lines(*flags, tokenizer, context);
    } else {
      encode_lines(*flags, tokenizer, context);
    }
  });
}

}  // namespace nestvec
