// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: commands, help, and the one place where errors end.
#include <algorithm>
#include <exception>
#include <new>
#include <ostream>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "nestvec/version.h"

namespace nestvec {
namespace {

int report(CliContext& context, std::string message, ExitCode code) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  context.err << "nestvec: error: " << message << '\n';
  context.err.flush();
  return code;
}

int parse_and_run(const std::vector<std::string>& arguments, CliContext& context) {
  CLI::App app("nestvec " + std::string(kVersion) +
                   ": text embeddings with jina-embeddings-v3 and BERT-like models",
               "nestvec");
  app.require_subcommand(1);
  app.set_version_flag("--version", "nestvec " + std::string(kVersion));
  app.footer(kExitCodeHelp);
  add_embed_command(app, context);
  add_tokenize_command(app, context);
  add_info_command(app, context);
  add_pull_command(app, context);
  add_quickstart_command(app, context);
  try {
    // CLI11 takes arguments last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted, context.out, context.err);
  } catch (const CLI::ParseError& error) {
    return report(context, std::string(error.what()) + " (see nestvec --help)", kExitUsage);
  }
  context.out.flush();
  if (!context.out) return report(context, "cannot write to standard output", kExitOverBudget);
  return kExitOk;
}

}  // namespace

int run_cli(const std::vector<std::string>& arguments, CliContext& context) {
  try {
    return parse_and_run(arguments, context);
  } catch (const Error& error) {
    return report(context, error.what(), exit_code_for(error.code()));
  } catch (const std::bad_alloc&) {
    return report(context, "out of memory", kExitOverBudget);
  } catch (const std::exception& error) {
    return report(context, error.what(), kExitFailure);
  }
}

}  // namespace nestvec
