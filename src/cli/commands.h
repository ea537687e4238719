// SPDX-License-Identifier: Apache-2.0
// The commands of the program. Each function adds one subcommand with its options to `app`; parsing
// a command line that names the subcommand runs it. Commands throw Error and never end the process.
#pragma once

#include "cli/context.h"

namespace CLI {
class App;
}

namespace nestvec {

void add_embed_command(CLI::App& app, CliContext& context);
void add_tokenize_command(CLI::App& app, CliContext& context);
void add_info_command(CLI::App& app, CliContext& context);
void add_pull_command(CLI::App& app, CliContext& context);
void add_quickstart_command(CLI::App& app, CliContext& context);

}  // namespace nestvec
