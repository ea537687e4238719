// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_script.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace nestvec {
namespace {

enum class ValueKind { kChoice, kModel, kCommand, kFile, kFolder, kOther };

ValueKind kind_of(const DescribedOption& option) {
  const std::string& value = option.value;
  if (value.find('|') != std::string::npos) return ValueKind::kChoice;
  if (value == "MODEL") return ValueKind::kModel;
  if (value == "COMMAND") return ValueKind::kCommand;
  if (value == "DIR" || value == "FOLDER") return ValueKind::kFolder;
  const bool file = value == "FILE" || value == "PATTERN" || value == "PATH";
  return file ? ValueKind::kFile : ValueKind::kOther;
}

// "json npy" of "json|npy".
std::string words_of(const DescribedOption& option) {
  std::string words = option.value;
  std::replace(words.begin(), words.end(), '|', ' ');
  return words;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::string command_words(std::span<const DescribedCommand> commands) {
  std::string text;
  for (const DescribedCommand& command : commands) {
    text += (text.empty() ? "" : " ") + command.name;
  }
  return text;
}

std::string option_words(const DescribedCommand& command) {
  std::string text;
  for (const DescribedOption& option : command.options) {
    text += (text.empty() ? "" : " ") + joined(option.names, " ");
  }
  return text;
}

std::string replaced_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// What bash offers for a value; empty = what readline does by itself, which is files.
std::string bash_words(const DescribedOption& option, std::span<const DescribedCommand> commands) {
  switch (kind_of(option)) {
    case ValueKind::kChoice:
      return words_of(option);
    case ValueKind::kModel:
      return "$(nestvec list --quiet 2>/dev/null)";
    case ValueKind::kCommand:
      return command_words(commands);
    default:
      return {};
  }
}

std::string bash_reply(const std::string& words) {
  return "mapfile -t COMPREPLY < <(compgen -W \"" + words + "\" -- \"$current\")";
}

std::string bash_command(const DescribedCommand& command,
                         std::span<const DescribedCommand> commands) {
  std::string text = "    " + command.name + ")\n      case $previous in\n";
  for (const DescribedOption& option : command.options) {
    if (option.value.empty()) continue;
    const std::string words = bash_words(option, commands);
    text += "        " + joined(option.names, " | ") + ") " +
            (words.empty() ? "" : bash_reply(words) + "; ") + "return ;;\n";
  }
  text += "      esac\n      if [[ $current == -* ]]; then\n        " +
          bash_reply(option_words(command)) + "\n";
  for (const DescribedOption& argument : command.arguments) {
    const std::string words = bash_words(argument, commands);
    if (words.empty()) continue;
    text += "      else\n        " + bash_reply(words) + "\n";
    break;
  }
  return text + "      fi ;;\n";
}

std::string zsh_quoted(const std::string& text) {
  return "'" + replaced_all(text, "'", "'\\''") + "'";
}

// Inside the brackets, and between the colons, of what _arguments takes.
std::string zsh_escaped(std::string text) {
  for (const char* special : {"\\", "[", "]", ":"}) {
    text = replaced_all(std::move(text), special, std::string("\\") + special);
  }
  return text;
}

std::string zsh_action(const DescribedOption& option, std::span<const DescribedCommand> commands) {
  switch (kind_of(option)) {
    case ValueKind::kChoice:
      return "(" + words_of(option) + ")";
    case ValueKind::kModel:
      return "_nestvec_models";
    case ValueKind::kCommand:
      return "(" + command_words(commands) + ")";
    case ValueKind::kFolder:
      return "_files -/";
    case ValueKind::kFile:
      return "_files";
    case ValueKind::kOther:
      break;
  }
  return " ";
}

std::string zsh_command(const DescribedCommand& command,
                        std::span<const DescribedCommand> commands) {
  std::string text = "    " + command.name + ")\n      _arguments";
  for (const DescribedOption& option : command.options) {
    for (const std::string& name : option.names) {
      const bool attached = !option.value.empty() && name.starts_with("--");
      std::string spec =
          "*" + name + (attached ? "=" : "") + "[" + zsh_escaped(option.meaning) + "]";
      if (!option.value.empty()) {
        spec += ":" + zsh_escaped(option.value) + ":" + zsh_action(option, commands);
      }
      text += " \\\n        " + zsh_quoted(spec);
    }
  }
  for (const DescribedOption& argument : command.arguments) {
    const std::string spec = std::string(argument.many ? "*" : ":") + ":" +
                             zsh_escaped(argument.value) + ":" + zsh_action(argument, commands);
    text += " \\\n        " + zsh_quoted(spec);
  }
  return text + " ;;\n";
}

std::string fish_quoted(std::string text) {
  text = replaced_all(std::move(text), "\\", "\\\\");
  return "'" + replaced_all(std::move(text), "'", "\\'") + "'";
}

// What follows in fish for the value: -x takes no files, -r does.
std::string fish_value(const DescribedOption& option, std::span<const DescribedCommand> commands) {
  switch (kind_of(option)) {
    case ValueKind::kChoice:
      return " -x -a " + fish_quoted(words_of(option));
    case ValueKind::kModel:
      return " -x -a '(nestvec list --quiet 2>/dev/null)'";
    case ValueKind::kCommand:
      return " -x -a " + fish_quoted(command_words(commands));
    case ValueKind::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::kFile:
      return " -r -F";
    case ValueKind::kOther:
      break;
  }
  return " -x";
}

std::string fish_command(const DescribedCommand& command,
                         std::span<const DescribedCommand> commands) {
  const std::string line = "complete -c nestvec -n '__nestvec_command_is " + command.name + "'";
  std::string text;
  for (const DescribedOption& option : command.options) {
    text += line;
    for (const std::string& name : option.names) {
      text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option.value.empty()) text += fish_value(option, commands);
    text += " -d " + fish_quoted(option.meaning) + "\n";
  }
  for (const DescribedOption& argument : command.arguments) {
    const ValueKind kind = kind_of(argument);
    if (kind == ValueKind::kOther) continue;
    text +=
        line + (kind == ValueKind::kFile ? " -F" : fish_value(argument, commands).substr(3)) + "\n";
  }
  return text;
}

}  // namespace

std::string bash_completions(const std::vector<DescribedCommand>& commands) {
  const auto own = std::span(commands).subspan(1);
  std::string text =
      "# bash completions for nestvec: source <(nestvec completions bash)\n"
      "_nestvec() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n    " +
      bash_reply(command_words(own) + " " + option_words(commands.front())) +
      "\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n";
  for (const DescribedCommand& command : own) text += bash_command(command, own);
  return text +
         "  esac\n}\n"
         "complete -o bashdefault -o default -F _nestvec nestvec\n";
}

std::string zsh_completions(const std::vector<DescribedCommand>& commands) {
  const auto own = std::span(commands).subspan(1);
  std::string text =
      "#compdef nestvec\n"
      "# zsh completions for nestvec: a file _nestvec in a folder of $fpath, or\n"
      "# source <(nestvec completions zsh) after compinit\n"
      "_nestvec_models() {\n"
      "  local -a models\n"
      "  models=(${(f)\"$(nestvec list --quiet 2>/dev/null)\"})\n"
      "  compadd -a models\n"
      "}\n"
      "_nestvec() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const DescribedCommand& command : own) {
    text += "    " + zsh_quoted(command.name + ":" + command.meaning) + "\n";
  }
  text +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe -t commands command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n";
  for (const DescribedCommand& command : own) text += zsh_command(command, own);
  return text +
         "  esac\n}\n"
         "if [[ $funcstack[1] == _nestvec ]]; then\n"
         "  _nestvec \"$@\"\n"
         "else\n"
         "  compdef _nestvec nestvec\n"
         "fi\n";
}

std::string fish_completions(const std::vector<DescribedCommand>& commands) {
  const auto own = std::span(commands).subspan(1);
  std::string text =
      "# fish completions for nestvec: nestvec completions fish | source\n"
      "function __nestvec_has_no_command\n"
      "    test (count (commandline -opc)) -eq 1\n"
      "end\n"
      "function __nestvec_command_is\n"
      "    set -l words (commandline -opc)\n"
      "    test (count $words) -gt 1; and test \"$words[2]\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c nestvec -n __nestvec_has_no_command -f\n";
  for (const DescribedCommand& command : own) {
    text += "complete -c nestvec -n __nestvec_has_no_command -a " + command.name + " -d " +
            fish_quoted(command.meaning) + "\n";
  }
  for (const DescribedCommand& command : own) text += fish_command(command, own);
  return text;
}

}  // namespace nestvec
