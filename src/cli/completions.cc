// SPDX-License-Identifier: Apache-2.0
// nestvec completions: what a shell reads to complete a command line.
#include <memory>
#include <ostream>
#include <string>

#include "cli/commands.h"
#include "cli/completion_script.h"
#include "cli/describe.h"
#include "cli/usage.h"

namespace nestvec {
namespace {

constexpr const char* kCompletionsExamples =
    "Examples:\n"
    "  source <(nestvec completions bash)\n"
    "  nestvec completions zsh > ~/.zfunc/_nestvec\n"
    "  nestvec completions fish > ~/.config/fish/completions/nestvec.fish\n";

}  // namespace

void add_completions_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("completions", "Print completions for a shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "The shell")
      ->type_name("bash|zsh|fish")
      ->check(one_of({"bash", "zsh", "fish"}))
      ->required();
  command->footer(kCompletionsExamples);
  command->callback([shell, &app, &context] {
    const std::vector<DescribedCommand> commands = describe_commands(app);
    context.out << (*shell == "bash"  ? bash_completions(commands)
                    : *shell == "zsh" ? zsh_completions(commands)
                                      : fish_completions(commands));
  });
}

}  // namespace nestvec
