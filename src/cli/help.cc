// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <algorithm>
#include <vector>

namespace nestvec {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 2;
constexpr std::size_t kLeft = 26;  // of the names, with the indent

// `text` in lines that end before kWidth, each but the first indented by `left`.
std::string wrapped(const std::string& text, std::size_t left) {
  std::string out;
  std::size_t column = left;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::size_t length = end - at;
    if (column > left && column + 1 + length > kWidth) {
      out += "\n" + std::string(left, ' ');
      column = left;
    } else if (column > left) {
      out += ' ';
      ++column;
    }
    out += text.substr(at, length);
    column += length;
    at = end + 1;
  }
  return out;
}

// A name and what it means, in two columns.
std::string entry(const std::string& name, const std::string& meaning) {
  std::string line = std::string(kIndent, ' ') + name;
  const std::size_t gap = 2;
  if (line.size() + gap > kLeft) {
    line += "\n" + std::string(kLeft, ' ');
  } else {
    line.resize(kLeft, ' ');
  }
  return line + wrapped(meaning, kLeft) + "\n";
}

// "-o, --output FILE". Other names of the same option are understood and not shown.
std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names = "-" + name;
  if (!option.get_lnames().empty()) {
    names += (names.empty() ? "    --" : ", --") + option.get_lnames().front();
  }
  const bool takes_value = option.get_items_expected_max() > 0;
  if (takes_value && !option.get_type_name().empty()) names += " " + option.get_type_name();
  return names;
}

// A single sentence has no full stop in a list.
std::string meaning_of(const CLI::Option& option) {
  std::string meaning = option.get_description();
  if (meaning.ends_with('.') && meaning.find(". ") == std::string::npos) meaning.pop_back();
  const std::string value = option.get_default_str();
  return meaning + (value.empty() ? "" : " [default: " + value + "]");
}

std::string positional_name(const CLI::Option& option) {
  const std::string name =
      option.get_type_name() + (option.get_items_expected_max() > 1 ? "..." : "");
  return option.get_required() ? name : "[" + name + "]";
}

std::string usage_line(const CLI::App& app, const std::string& name) {
  std::string line = "Usage: " + name;
  const bool has_commands = !app.get_subcommands({}).empty();
  line += has_commands ? " COMMAND [OPTIONS]" : " [OPTIONS]";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) line += " " + positional_name(*option);
  }
  return line + "\n";
}

std::string command_list(const CLI::App& app) {
  std::string out;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_group().empty()) continue;
    out += entry(command->get_name(), command->get_description());
  }
  return out.empty() ? out : "\nCommands:\n" + out;
}

std::string argument_list(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional() || option->get_group().empty()) continue;
    out += entry(option->get_type_name(), option->get_description());
  }
  return out.empty() ? out : "\nArguments:\n" + out;
}

std::vector<const CLI::Option*> options_in(const CLI::App& app, const std::string& group) {
  return app.get_options([&group](const CLI::Option* option) {
    return option->get_group() == group && !option->get_positional();
  });
}

std::string option_list(const CLI::App& app, const std::string& group) {
  std::string out = "\n" + group + ":\n";
  std::string help;  // after what is the command's own
  for (const CLI::Option* option : options_in(app, group)) {
    const bool is_help = option == app.get_help_ptr() || option == app.get_help_all_ptr();
    (is_help ? help : out) += entry(names_of(*option), meaning_of(*option));
  }
  return out + help;
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  const bool all = mode != CLI::AppFormatMode::Normal;
  std::string out = wrapped(app->get_description() + ".", 0) + "\n\n" + usage_line(*app, name);
  out += command_list(*app) + argument_list(*app) + option_list(*app, kFirstScreen);
  std::size_t left_out = 0;
  for (const std::string& group : app->get_groups()) {
    if (group.empty() || group == kFirstScreen || options_in(*app, group).empty()) continue;
    if (all) out += option_list(*app, group);
    left_out += options_in(*app, group).size();
  }
  const std::string footer = app->get_footer();
  const std::size_t rest = footer.find(kRest);
  if (rest != 0 && !footer.empty()) out += "\n" + footer.substr(0, rest);
  if (all) {
    if (rest != std::string::npos) out += "\n" + footer.substr(rest + 1);
  } else if (left_out > 0) {
    out += "\n" + name + " --help-all shows " + std::to_string(left_out) +
           (left_out == 1 ? " more option.\n" : " more options.\n");
  } else if (rest != std::string::npos) {
    out += "\n" + name + " --help-all shows more.\n";
  }
  return out;
}

std::string top_help(const CLI::App& app) {
  return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
}

}  // namespace nestvec
