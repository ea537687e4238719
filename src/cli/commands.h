// SPDX-License-Identifier: Apache-2.0
// One function a command: it declares its flags on the app and sets what runs when it is chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/context.h"

namespace nestvec {

void add_embed_command(CLI::App& app, CliContext& context);
void add_tokenize_command(CLI::App& app, CliContext& context);
void add_info_command(CLI::App& app, CliContext& context);
void add_bench_command(CLI::App& app, CliContext& context);
void add_compile_command(CLI::App& app, CliContext& context);
void add_pull_command(CLI::App& app, CliContext& context);
void add_serve_command(CLI::App& app, CliContext& context);
void add_quickstart_command(CLI::App& app, CliContext& context);

// The command of that name; nullptr where there is none.
const CLI::App* find_command(const CLI::App& app, const std::string& name);

}  // namespace nestvec
