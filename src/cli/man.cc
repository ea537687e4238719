// SPDX-License-Identifier: Apache-2.0
// nestvec man: manual pages, made of the help.
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/man_page.h"
#include "cli/usage.h"

namespace nestvec {
namespace {

constexpr const char* kManExamples =
    "Examples:\n"
    "  nestvec man | man -l -\n"
    "  nestvec man embed | man -l -\n"
    "  nestvec man --output /usr/local/share/man/man1\n";

struct ManFlags {
  std::string command;
  std::string output;
};

void write_pages(const std::vector<DescribedCommand>& commands, const std::string& folder) {
  for (std::size_t i = 0; i < commands.size(); ++i) {
    AtomicFile file((std::filesystem::path(folder) / (man_page_name(commands[i]) + ".1")).string());
    file.write(man_page(commands, i));
    file.commit();
  }
}

void run_man(const ManFlags& flags, const CLI::App& app, CliContext& context) {
  if (!flags.command.empty()) check_arguments(app, {flags.command});
  const std::vector<DescribedCommand> commands = describe_commands(app);
  if (!flags.output.empty()) return write_pages(commands, flags.output);
  std::size_t which = 0;
  for (std::size_t i = 1; i < commands.size(); ++i) {
    if (commands[i].name == flags.command) which = i;
  }
  context.out << man_page(commands, which);
}

}  // namespace

void add_man_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page of a command");
  const auto flags = std::make_shared<ManFlags>();
  command->add_option("command", flags->command, "The command; if not given, nestvec itself")
      ->type_name("COMMAND");
  command
      ->add_option("-o,--output", flags->output,
                   "Write all pages into this folder, which must be there")
      ->check(not_empty())
      ->type_name("FOLDER");
  command->footer(kManExamples);
  command->callback([flags, &app, &context] { run_man(*flags, app, context); });
}

}  // namespace nestvec
