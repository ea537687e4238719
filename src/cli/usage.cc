// SPDX-License-Identifier: Apache-2.0
#include "cli/usage.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "base/excerpt.h"
#include "base/suggestion.h"
#include "cli/commands.h"
#include "cli/text_argument.h"

namespace nestvec {
namespace {

Error wrong_usage(const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, message);
}

// What other programs call something, and what it is here.
struct Meaning {
  std::string_view word;
  std::string_view here;
};

constexpr std::array<Meaning, 39> kCommands = {{
    {"run", "serve"},
    {"start", "serve"},
    {"server", "serve"},
    {"up", "serve"},
    {"download", "pull"},
    {"fetch", "pull"},
    {"get", "pull"},
    {"install", "pull"},
    {"encode", "embed"},
    {"embeddings", "embed"},
    {"embedding", "embed"},
    {"vectorize", "embed"},
    {"rank", "rerank"},
    {"reranker", "rerank"},
    {"benchmark", "bench"},
    {"show", "info"},
    {"convert", "compile"},
    {"export", "compile"},
    {"tokenise", "tokenize"},
    {"tokens", "tokenize"},
    {"demo", "quickstart"},
    {"try", "quickstart"},
    {"ls", "list"},
    {"models", "list"},
    {"ps", "list"},
    {"remove", "rm"},
    {"delete", "rm"},
    {"uninstall", "rm"},
    {"del", "rm"},
    {"prune", "cache prune"},
    {"gc", "cache prune"},
    {"clean", "cache prune"},
    {"ping", "health"},
    {"healthcheck", "health"},
    {"completion", "completions"},
    {"find", "search"},
    {"grep", "search"},
    {"query", "search"},
    {"index", "search"},
}};

constexpr std::array<Meaning, 53> kOptions = {{
    {"-V", "did you mean nestvec --version?"},
    {"--version", "did you mean nestvec --version?"},
    {"--uds-path", "did you mean --http unix:PATH?"},
    {"--uds", "did you mean --http unix:PATH?"},
    {"--bind", "did you mean --http HOST:PORT?"},
    {"--address", "did you mean --http HOST:PORT?"},
    {"--listen", "did you mean --http HOST:PORT?"},
    {"-p", "did you mean --port?"},
    {"-H", "did you mean --host?"},
    {"--max-model-len", "did you mean --max-tokens?"},
    {"--max-seq-length", "did you mean --max-tokens?"},
    {"--max-length", "did you mean --max-tokens?"},
    {"--ctx-size", "did you mean --max-tokens?"},
    {"-c", "did you mean --config?"},
    {"-t", "did you mean --threads?"},
    {"--batch-size", "did you mean --max-batch-tokens? Batches are counted in tokens"},
    {"--max-client-batch-size", "did you mean --max-inputs?"},
    {"--max-concurrent-requests", "did you mean --max-queue-tokens?"},
    {"--payload-limit", "did you mean --max-body?"},
    {"--json-output", "did you mean --log-format json?"},
    {"--cors-allow-origin", "did you mean --cors-origins?"},
    {"--allowed-origins", "did you mean --cors-origins?"},
    {"--ssl-certfile", "did you mean --tls-certificate?"},
    {"--ssl-keyfile", "did you mean --tls-key?"},
    {"--dtype", "did you mean --precision?"},
    {"--quantize", "did you mean --precision int8?"},
    {"--tokenization-workers", "did you mean --threads?"},
    {"--workers", "did you mean --threads? One process uses all cores"},
    {"--prometheus-port", "metrics are at /metrics of the server's own address"},
    {"--revision", "write the revision behind the model's name, OWNER/NAME@REVISION"},
    {"--hf-token", "set the variable HF_TOKEN; others can read a command line"},
    {"--hf-api-token", "set the variable HF_TOKEN; others can read a command line"},
    {"--token", "set the variable HF_TOKEN; others can read a command line"},
    {"--huggingface-hub-cache", "set the variable HF_HUB_CACHE"},
    {"--download-dir", "set the variable HF_HUB_CACHE"},
    {"--cache-folder", "set the variable HF_HUB_CACHE"},
    {"--local-dir", "set the variable HF_HUB_CACHE"},
    {"--device", "there is no GPU support yet; the CPU computes"},
    {"--gpu", "there is no GPU support yet; the CPU computes"},
    {"--model-name-or-path", "did you mean --model?"},
    {"--hf-repo", "did you mean --model?"},
    {"--truncate-dim", "did you mean --dimensions?"},
    {"--prompt-name", "did you mean --task?"},
    {"--embd-normalize", "vectors have length 1 unless --no-normalize is given"},
    {"--top-k", "did you mean --top-n?"},
    {"-k", "did you mean --top-n?"},
    {"--raw-scores", "did you mean --raw?"},
    {"--text", "texts need no option: nestvec embed \"a text\""},
    {"--prompt", "texts need no option: nestvec embed \"a text\""},
    {"--json", "did you mean --format json?"},
    {"--stdin", "standard input is read where no text is given, or for -"},
    {"-i", "did you mean --input?"},
    {"-f", "did you mean --file or --format?"},
}};

std::string_view meaning_of(std::string_view word, std::span<const Meaning> table) {
  const auto found =
      std::find_if(table.begin(), table.end(), [word](const Meaning& m) { return m.word == word; });
  return found == table.end() ? std::string_view() : found->here;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

// "--dimensions" and "-m", as they are typed.
std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

bool is_option(const CLI::App& command, const std::string& name) {
  const std::vector<std::string> names = option_names(command);
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What another program's option is here; empty where it would be an option that this command lacks.
std::string_view option_meaning(const CLI::App& command, std::string_view name) {
  constexpr std::string_view kMeant = "did you mean ";
  const std::string_view here = meaning_of(name, kOptions);
  if (!here.starts_with("did you mean --")) return here;
  const std::size_t end = here.find_first_of(" ?", kMeant.size());
  const std::string meant(here.substr(kMeant.size(), end - kMeant.size()));
  return is_option(command, meant) ? here : std::string_view();
}

// "--max-tokens" of "--max-tokens=5".
std::string name_part(const std::string& argument) {
  return argument.substr(0, argument.find('='));
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> names = command_names(app);
  std::string message = "there is no command \"" + excerpt(word) + "\"";
  if (const std::string_view here = meaning_of(word, kCommands); !here.empty()) {
    return message + "; did you mean " + std::string(here) + "?";
  }
  if (const std::string near = nearest_word(word, names); !near.empty()) {
    return message + "; did you mean " + near + "?";
  }
  if (word.find(' ') != std::string::npos) {
    return message + "; to embed a text: nestvec embed \"" + excerpt(word) + "\"";
  }
  if (word.find('/') != std::string::npos) {
    return message + "; to serve a model: nestvec serve " + excerpt(word);
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return message + "; the commands are " + list;
}

std::string unknown_option(const CLI::App& command, const std::string& argument) {
  const std::string name = name_part(argument);
  std::string message = command.get_name() + " has no option " + excerpt(name);
  if (const std::string_view here = option_meaning(command, name); !here.empty()) {
    return message + "; " + std::string(here);
  }
  const bool is_long = name.starts_with("--");
  if (const std::string near = is_long ? nearest_word(name, option_names(command)) : "";
      !near.empty()) {
    return message + "; did you mean " + near + "?";
  }
  if (!takes_texts(command)) return message;
  return message + "; put -- before a text that begins with a dash";
}

// Dashes that word processors and web pages make of "-" and "--". Empty where there is none.
std::string_view foreign_dash(std::string_view argument) {
  for (const std::string_view dash :
       {"\xE2\x80\x90", "\xE2\x80\x91", "\xE2\x80\x92", "\xE2\x80\x93", "\xE2\x80\x94",
        "\xE2\x80\x95", "\xE2\x88\x92"}) {
    if (argument.starts_with(dash)) return dash;
  }
  return {};
}

// The option that is meant by an argument with the wrong dashes; empty where there is none.
std::string option_behind_dashes(const CLI::App& command, const std::string& argument) {
  std::string_view rest = argument;
  std::string_view dash = foreign_dash(rest);
  const bool foreign = !dash.empty();
  for (; !dash.empty(); dash = foreign_dash(rest)) rest.remove_prefix(dash.size());
  const bool one_dash = !foreign && rest.size() > 2 && rest[0] == '-' && rest[1] != '-';
  if (!foreign && !one_dash) return {};
  rest.remove_prefix(std::min(rest.find_first_not_of('-'), rest.size()));
  const std::string name = name_part(std::string(rest));
  for (const std::string& meant : {"--" + name, "-" + name}) {
    if (name.size() >= 2 && is_option(command, meant)) return meant;
  }
  return {};
}

// "-m=x" would be a model called "=x".
void check_equals(const CLI::App& command, const std::string& argument) {
  if (argument.size() < 3 || argument[0] != '-' || argument[1] == '-' || argument[2] != '=') return;
  const std::string option = argument.substr(0, 2);
  if (!is_option(command, option)) return;
  throw wrong_usage("\"" + excerpt(argument) + "\": did you mean " + option + " " +
                    excerpt(argument.substr(3)) + "?");
}

// "-model x" would be "-m odel" and a text "x"; one with a dash of a word processor a text.
void check_dashes(const CLI::App& command, const std::vector<std::string>& arguments) {
  for (std::size_t i = 1; i < arguments.size() && arguments[i] != "--"; ++i) {
    check_equals(command, arguments[i]);
    const std::string meant = option_behind_dashes(command, arguments[i]);
    if (meant.empty()) continue;
    throw wrong_usage("\"" + excerpt(arguments[i]) + "\": did you mean " + meant +
                      "? Put -- before a text that begins with a dash");
  }
}

// "--output --resume" would be a file called "--resume".
void check_values(const CLI::App& command, const std::vector<std::string>& arguments) {
  for (std::size_t i = 1; i + 1 < arguments.size() && arguments[i] != "--"; ++i) {
    const CLI::Option* option = command.get_option_no_throw(arguments[i]);
    const bool takes_value =
        option != nullptr && arguments[i].starts_with('-') && option->get_items_expected_min() > 0;
    if (!takes_value) continue;
    const std::string& value = arguments[++i];
    if (!value.starts_with("--") || !is_option(command, name_part(value))) continue;
    throw wrong_usage(arguments[i - 1] + " needs a value, and " + excerpt(value) +
                      " is an option; if it is meant as the value, write " + arguments[i - 1] +
                      (arguments[i - 1].starts_with("--") ? "=" : " ./") + excerpt(value));
  }
}

// "3600" of "3600.000000".
std::string without_zeros(std::string number) {
  if (number.find('.') == std::string::npos) return number;
  number.erase(number.find_last_not_of('0') + 1);
  if (number.ends_with('.')) number.pop_back();
  return number;
}

// "--seconds: Value many not in range 0.000000 to 3600.000000", otherwise nothing.
std::string out_of_range(const std::string& message) {
  const std::string_view value = ": Value ";
  const std::string_view range = " not in range ";
  const std::string_view to = " to ";
  const std::size_t found = message.find(value);
  const std::size_t least = message.find(range);
  const std::size_t most = message.rfind(to);
  if (found == std::string::npos || least == std::string::npos || most < least) return "";
  const std::size_t begin = found + value.size();
  const std::size_t from = least + range.size();
  return message.substr(0, found) + ": expected a number from " +
         without_zeros(message.substr(from, most - from)) + " to " +
         without_zeros(message.substr(most + to.size())) + ", found \"" +
         excerpt(message.substr(begin, least - begin)) + "\"";
}

// "--file: 1 required FILE missing" and the like.
std::string in_our_words(const CLI::App& command, const CLI::ParseError& error) {
  std::string message = error.what();
  std::replace(message.begin(), message.end(), '\n', ' ');
  const std::string name = message.substr(0, message.find(':'));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr &&
      message.ends_with(" missing")) {
    return name + " needs a value";
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr &&
      message.find("At Most 1 required") != std::string::npos) {
    return name + " was given more than once; give it once";
  }
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) {
    const std::string told = out_of_range(message);
    return told.empty() ? message : told;
  }
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) {
    const std::string what = "Could not convert: ";
    const std::size_t equals = message.find(" = ");
    if (message.starts_with(what) && equals != std::string::npos) {
      return message.substr(what.size(), equals - what.size()) + ": expected a number, found \"" +
             excerpt(message.substr(equals + 3)) + "\"";
    }
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const std::string option = message.substr(0, message.find(' '));
    if (command.get_name() == "search") {
      return "search needs a folder and a query: nestvec search FOLDER \"a question\"";
    }
    if (option == "query") return "rerank needs a query: nestvec rerank \"a question\" FILE";
    if (option == "shell") return "completions needs a shell: bash, zsh or fish";
    if (!option.starts_with('-')) {
      return command.get_name() + " needs a model: nestvec " + command.get_name() +
             " OWNER/NAME, such as jinaai/jina-embeddings-v3";
    }
    return command.get_name() + " needs " + option;
  }
  return message;
}

std::string unexpected(const CLI::App& command) {
  const std::vector<std::string> rest = command.remaining();
  const auto option = std::find_if(rest.begin(), rest.end(), [](const std::string& argument) {
    return argument.size() > 1 && argument[0] == '-';
  });
  if (option != rest.end()) return unknown_option(command, *option);
  return command.get_name() + " does not take \"" + excerpt(rest.empty() ? "" : rest.front()) +
         "\"";
}

}  // namespace

void check_arguments(const CLI::App& app, const std::vector<std::string>& arguments) {
  const std::string& first = arguments.at(0);
  if (const CLI::App* command = find_command(app, first)) {
    check_dashes(*command, arguments);
    check_values(*command, arguments);
    return;
  }
  if (!first.starts_with('-')) throw wrong_usage(unknown_command(app, first));
  if (is_option(app, name_part(first))) return;
  if (first == "-v" || first == "-version") {
    throw wrong_usage("nestvec has no option " + first + "; did you mean --version?");
  }
  const std::string near = nearest_word(name_part(first), option_names(app));
  throw wrong_usage("nestvec has no option " + excerpt(name_part(first)) +
                    (near.empty() ? "; options follow the command: nestvec COMMAND " +
                                        excerpt(name_part(first)) + " (see nestvec --help)"
                                  : "; did you mean " + near + "?"));
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  return wrong_usage((extra ? unexpected(command) : in_our_words(command, error)) +
                     " (see nestvec " + (chosen.empty() ? "" : command.get_name() + " ") +
                     "--help)");
}

CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        return text.empty() ? "the value is empty; is a variable of your shell not set?" : "";
      },
      "");
}

CLI::Validator one_of(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](std::string& text) -> std::string {
        if (std::find(words.begin(), words.end(), text) != words.end()) return {};
        return "there is no \"" + excerpt(text) + "\"" + suggestion(text, words);
      },
      "");
}

}  // namespace nestvec
