// SPDX-License-Identifier: Apache-2.0
// nestvec tokenize: texts to ids and offsets, or ids back to text.
#include <array>
#include <charconv>
#include <filesystem>
#include <memory>
#include <ostream>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/count_option.h"
#include "cli/text_lines.h"
#include "cli/usage.h"
#include "config/model_location.h"
#include "tokenizer/normalizer_changes.h"
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

constexpr const char* kTokenizeExamples =
    "Examples:\n"
    "  echo 'Hello, world!' | nestvec tokenize -m path/to/model --offsets\n"
    "  nestvec tokenize -m tokenizer.json --jsonl < texts.jsonl > ids.jsonl\n"
    "  echo '{\"ids\":[0,35378,2]}' | nestvec tokenize -m tokenizer.json --decode\n"
    "\f"
    "Prints a line for each line of standard input: {\"ids\":[...]}, with --offsets also\n"
    "\"offsets\":[[a,b],...], half-open ranges in Unicode characters as Hugging Face tokenizers\n"
    "prints them ([0,0] for special tokens that were added).\n";

// Of a file as it is; of a model folder, or a repository in the cache, with what its other files
// say about the letters of a text.
Tokenizer load_tokenizer(const std::string& path, CliContext& context) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  if (!is_folder && (fs::exists(path, ignored) || path.ends_with(".json"))) {
    return Tokenizer::load(path);
  }
  const std::string folder = is_folder ? path : locate_model(path, "", context.environment);
  std::vector<std::string> notes;
  const NormalizerChanges changes = read_normalizer_changes(folder, notes);
  for (const std::string& note : notes) context.err << "nestvec: " << note << '\n';
  return Tokenizer::load((fs::path(folder) / "tokenizer.json").string(), changes);
}

void append_number(std::uint32_t value, std::string& out) {
  std::array<char, 12> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), result.ptr);
}

void append_tokens(const Tokens& tokens, bool offsets, std::string& out) {
  out += "{\"ids\":[";
  for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_number(tokens.ids[i], out);
  }
  out.push_back(']');
  if (offsets) {
    out += ",\"offsets\":[";
    for (std::size_t i = 0; i < tokens.offsets.size(); ++i) {
      out += i > 0 ? ",[" : "[";
      append_number(tokens.offsets[i].begin, out);
      out.push_back(',');
      append_number(tokens.offsets[i].end, out);
      out.push_back(']');
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
  const RowFormat format = flags.json_lines ? RowFormat::kJsonLines : RowFormat::kLines;
  for_each_text(context.in, {"standard input", format}, [&](const std::string& line, auto) {
    const std::string_view text = repair_utf8(line, storage);
    tokenizer.encode(text, options, tokens);
    if (flags.offsets) to_character_offsets(text, tokens.offsets);
    out.clear();
    append_tokens(tokens, flags.offsets, out);
    context.out << out;
    if (context.in_is_terminal) context.out.flush();
  });
}

void read_ids(const JsonValue& list, std::vector<std::uint32_t>& ids) {
  ids.clear();
  for (const JsonValue& id : list.elements()) {
    const std::int64_t value = id.integer();
    if (value < 0 || value > UINT32_MAX) throw id.error("expected a token id");
    ids.push_back(static_cast<std::uint32_t>(value));
  }
}

std::string decode(const Tokenizer& tokenizer, const std::vector<std::uint32_t>& ids,
                   const TokenizeFlags& flags, const std::string& name) {
  try {
    return tokenizer.decode(ids, !flags.keep_special);
  } catch (const Error& error) {
    throw Error(error.code(), name + ": " + error.what());
  }
}

void decode_lines(const TokenizeFlags& flags, const Tokenizer& tokenizer, CliContext& context) {
  std::vector<std::uint32_t> ids;
  std::string out;
  for_each_line(context.in, "standard input",
                [&](const std::string& line, const std::string& name) {
                  if (line.find_first_not_of(" \t") == std::string::npos) return;
                  const JsonDocument document = JsonDocument::parse(line, name);
                  read_ids(document.root().at("ids"), ids);
                  out = "{\"text\":";
                  append_json_string(decode(tokenizer, ids, flags, name), out);
                  context.out << out << "}\n";
                  if (context.in_is_terminal) context.out.flush();
                });
}

void add_options(CLI::App& command, TokenizeFlags& flags) {
  command
      .add_option("-m,--tokenizer,--model", flags.tokenizer,
                  "A tokenizer.json, or a model: a folder, OWNER/NAME, or the short name of a "
                  "model on this machine")
      ->type_name("MODEL")
      ->required();
  command.add_flag("--jsonl", flags.json_lines,
                   "Each line of the input is a JSON object with a \"text\"");
  command.add_flag("--offsets", flags.offsets, "Print the range of each token");
  command.add_flag("--no-special", flags.no_special,
                   "Read special tokens in the texts (\"</s>\") as plain text");
  command.add_flag("--no-add-special", flags.no_add_special,
                   "Do not put the model's special tokens around a text");
  add_count_option(command, "--max-tokens", flags.max_tokens,
                   "Cut texts with more than N tokens, special tokens included");
  command.add_option("--truncate", flags.truncate, "Cut off this end")
      ->type_name("right|left")
      ->check(one_of({"right", "left"}))
      ->capture_default_str();
  command.add_flag("--no-truncation", flags.no_truncation, "Ignore a limit in tokenizer.json");
  command.add_flag("--decode", flags.decode,
                   "Read lines of {\"ids\":[...]} and print {\"text\":...}");
  command.add_flag("--keep-special", flags.keep_special,
                   "With --decode, print special tokens, too");
}

}  // namespace

void add_tokenize_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("tokenize", "Turn lines of standard input into token ids");
  const auto flags = std::make_shared<TokenizeFlags>();
  add_options(*command, *flags);
  command->footer(kTokenizeExamples);
  command->callback([flags, &context] {
    const Tokenizer tokenizer = load_tokenizer(flags->tokenizer, context);
    if (flags->decode) {
      decode_lines(*flags, tokenizer, context);
    } else {
      encode_lines(*flags, tokenizer, context);
    }
  });
}

}  // namespace nestvec
