// SPDX-License-Identifier: Apache-2.0
// `nestvec embed --input FILES... --output PATH`: corpora, see docs/bulk.md.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/embed_flags.h"

namespace nestvec {

void add_bulk_options(CLI::App& command, BulkFlags& flags);

// Throws Error kInvalidArgument where one of them was given without --input.
void check_no_bulk_options(const CLI::App& command);

// Throws Error as BulkRun, and kCancelled after an interrupt. Rows that were left out set
// context.exit_code.
void run_embed_bulk(const EmbedFlags& flags, CliContext& context);

}  // namespace nestvec
