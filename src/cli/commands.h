// SPDX-License-Identifier: Apache-2.0
// One function a command: it declares its flags on the app and sets what runs when it is chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/context.h"

namespace nestvec {

void add_embed_command(CLI::App& app, CliContext& context);
void add_rerank_command(CLI::App& app, CliContext& context);
void add_tokenize_command(CLI::App& app, CliContext& context);
void add_info_command(CLI::App& app, CliContext& context);
void add_bench_command(CLI::App& app, CliContext& context);
void add_compile_command(CLI::App& app, CliContext& context);
void add_pull_command(CLI::App& app, CliContext& context);
void add_search_command(CLI::App& app, CliContext& context);
void add_serve_command(CLI::App& app, CliContext& context);
void add_quickstart_command(CLI::App& app, CliContext& context);
void add_health_command(CLI::App& app, CliContext& context);
void add_list_command(CLI::App& app, CliContext& context);
void add_rm_command(CLI::App& app, CliContext& context);
void add_cache_command(CLI::App& app, CliContext& context);
// These two describe all commands of `app`, also those that are added after them.
void add_completions_command(CLI::App& app, CliContext& context);
void add_man_command(CLI::App& app, CliContext& context);

// The command of that name; nullptr where there is none.
const CLI::App* find_command(const CLI::App& app, const std::string& name);

}  // namespace nestvec
