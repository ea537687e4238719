// SPDX-License-Identifier: Apache-2.0
#include "cli/man_page.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "cli/rest_mark.h"
#include "nestvec/version.h"

namespace nestvec {
namespace {

// What roff would take for its own, as itself.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

// Text at the start of a line, where a dot or an apostrophe begins a request.
std::string text_line(std::string_view text) {
  const bool request = !text.empty() && (text.front() == '.' || text.front() == '\'');
  return (request ? "\\&" : "") + escaped(text) + "\n";
}

std::string section(std::string title) {
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return ".SH \"" + escaped(title) + "\"\n";
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }

// Paragraphs of a footer: lines between empty ones.
std::vector<std::vector<std::string>> blocks_of(std::string footer) {
  std::replace(footer.begin(), footer.end(), kRest, '\n');
  std::vector<std::vector<std::string>> blocks(1);
  for (std::size_t at = 0; at < footer.size();) {
    const std::size_t end = std::min(footer.find('\n', at), footer.size());
    if (end > at) {
      blocks.back().push_back(footer.substr(at, end - at));
    } else if (!blocks.back().empty()) {
      blocks.emplace_back();
    }
    at = end + 1;
  }
  if (blocks.back().empty()) blocks.pop_back();
  return blocks;
}

// "Examples:" and "Exit codes:" head lists, whose lines are indented.
bool is_list(const std::vector<std::string>& block) {
  return block.size() > 1 && block.front().ends_with(':') && block[1].starts_with(' ');
}

std::string description(const DescribedCommand& command) {
  std::string text = section("description") + text_line(command.meaning + ".");
  for (const std::vector<std::string>& block : blocks_of(command.footer)) {
    if (is_list(block)) continue;
    text += ".PP\n";
    for (const std::string& line : block) text += text_line(line);
  }
  return text;
}

std::string lists(const DescribedCommand& command) {
  std::string text;
  for (const std::vector<std::string>& block : blocks_of(command.footer)) {
    if (!is_list(block)) continue;
    const std::string title = block.front().substr(0, block.front().size() - 1);
    text += section(title == "Exit codes" ? "exit status" : title) + ".nf\n";
    for (std::size_t i = 1; i < block.size(); ++i) text += text_line(block[i]);
    text += ".fi\n";
  }
  return text;
}

std::string argument_text(const DescribedOption& argument) {
  const std::string name = italic(argument.value) + (argument.many ? "..." : "");
  return argument.required ? name : "[" + name + "]";
}

std::string synopsis(const DescribedCommand& command, bool is_program) {
  std::string text = section("synopsis");
  text += is_program ? bold("nestvec") + " " + italic("COMMAND") + " [" + italic("OPTIONS") + "]"
                     : bold("nestvec " + command.name) + " [" + italic("OPTIONS") + "]";
  for (const DescribedOption& argument : command.arguments) text += " " + argument_text(argument);
  return text + "\n";
}

std::string item(const std::string& names, const std::string& meaning) {
  return ".TP\n" + names + "\n" + text_line(meaning);
}

std::string option_item(const DescribedOption& option) {
  std::string names;
  for (const std::string& name : option.names) names += (names.empty() ? "" : ", ") + bold(name);
  if (!option.value.empty()) names += " " + italic(option.value);
  return item(names, option.meaning);
}

std::string options(const DescribedCommand& command) {
  std::string text;
  if (!command.arguments.empty()) text += section("arguments");
  for (const DescribedOption& argument : command.arguments) {
    text += item(italic(argument.value), argument.meaning);
  }
  std::vector<std::string> groups;
  for (const DescribedOption& option : command.options) {
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) {
      groups.push_back(option.group);
    }
  }
  for (const std::string& group : groups) {
    text += section(group);
    for (const DescribedOption& option : command.options) {
      if (option.group == group) text += option_item(option);
    }
  }
  return text;
}

std::string see_also(const std::vector<DescribedCommand>& commands, std::size_t which) {
  std::string text;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (i == which || (which > 0 && i > 0)) continue;
    text += (text.empty() ? ".BR " : " ,\n.BR ") + escaped(man_page_name(commands[i])) + " (1)";
  }
  return section("see also") + text + "\n";
}

}  // namespace

std::string man_page_name(const DescribedCommand& command) {
  return command.name == "nestvec" ? command.name : "nestvec-" + command.name;
}

std::string man_page(const std::vector<DescribedCommand>& commands, std::size_t which) {
  const DescribedCommand& command = commands.at(which);
  const std::string name = man_page_name(command);
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string text = ".TH " + escaped(title) + " 1 \"\" \"nestvec " + kVersion +
                     "\" \"nestvec\"\n" + section("name") + escaped(name) + " \\- " +
                     escaped(command.meaning) + "\n";
  text += synopsis(command, which == 0) + description(command);
  if (which == 0) {
    text += section("commands");
    for (std::size_t i = 1; i < commands.size(); ++i) {
      text += item(bold(commands[i].name), commands[i].meaning);
    }
  }
  return text + options(command) + lists(command) + see_also(commands, which);
}

}  // namespace nestvec
