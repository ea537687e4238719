// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: commands, help, and the one place where errors end.
#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <ostream>
#include <system_error>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/help.h"
#include "cli/text_argument.h"
#include "cli/usage.h"
#include "compile/manifest.h"
#include "config/reader.h"
#include "nestvec/version.h"

namespace nestvec {
namespace {

constexpr const char* kDescription = "Text embeddings with jina-embeddings-v3 and BERT-like models";

constexpr const char* kFooter =
    "Examples:\n"
    "  nestvec quickstart\n"
    "  nestvec embed \"The cat sat on the mat.\"\n"
    "  nestvec pull jinaai/jina-embeddings-v3\n"
    "  nestvec serve jinaai/jina-embeddings-v3\n"
    "\n"
    "nestvec help COMMAND shows the options of a command.\n";

constexpr const char* kFooterRest =
    "Every option that loads a model is also a key of config.yaml and an environment variable\n"
    "(NESTVEC_THREADS=2 for --threads 2). NESTVEC_MODEL names the model of commands that name "
    "none.\n"
    "\n";

int report(CliContext& context, std::string message, ExitCode code) {
  if (code == kExitInterrupted || code == kExitBrokenPipe) return code;  // the user knows
  std::string storage;
  message = repair_utf8(message, storage);
  std::replace_if(
      message.begin(), message.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  const bool color = context.color_err();
  context.err << (color ? "\x1b[1;31m" : "") << "nestvec: error:" << (color ? "\x1b[0m" : "") << ' '
              << message << '\n';
  context.err.flush();
  return code;
}

void add_help_commands(CLI::App& app, CliContext& context) {
  CLI::App* help = app.add_subcommand("help", "Show the help of a command");
  const auto name = std::make_shared<std::string>();
  help->add_option("command", *name, "The command")->type_name("COMMAND");
  help->callback([&app, name, &context] {
    if (name->empty()) {
      context.out << top_help(app);
      return;
    }
    check_arguments(app, {*name});
    if (const CLI::App* command = find_command(app, *name)) {
      context.out << command->help("nestvec");
    }
  });
  app.add_subcommand("version", "Show the version")->callback([&context] {
    context.out << "nestvec " << kVersion << '\n';
  });
  // For docs/config.md; of no use to a user of the command.
  app.add_subcommand("config-reference", "Print docs/config.md")->group("")->callback([&context] {
    context.out << config_reference();
  });
}

void add_commands(CLI::App& app, CliContext& context) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Show this help");
  app.set_help_all_flag("--help-all", "Show every option");
  app.set_version_flag("-V,--version", "nestvec " + std::string(kVersion), "Show the version");
  add_quickstart_command(app, context);
  add_embed_command(app, context);
  add_rerank_command(app, context);
  add_search_command(app, context);
  add_serve_command(app, context);
  add_pull_command(app, context);
  add_list_command(app, context);
  add_rm_command(app, context);
  add_cache_command(app, context);
  add_info_command(app, context);
  add_tokenize_command(app, context);
  add_compile_command(app, context);
  add_bench_command(app, context);
  add_health_command(app, context);
  add_completions_command(app, context);
  add_man_command(app, context);
  for (CLI::App* command : app.get_subcommands({})) {
    const std::string footer = command->get_footer();
    const bool has_rest = footer.find(kRest) != std::string::npos;
    command->footer(footer + (has_rest ? "\n" : std::string(1, kRest)) + kExitCodeHelp);
  }
  add_help_commands(app, context);
  app.footer(std::string(kFooter) + kRest + kFooterRest + kExitCodeHelp);
}

int parse_and_run(const std::vector<std::string>& arguments, CliContext& context) {
  CLI::App app(kDescription, "nestvec");
  add_commands(app, context);
  if (arguments.empty()) {
    context.out << top_help(app);
    context.out.flush();
    return kExitOk;
  }
  check_arguments(app, arguments);
  try {
    std::vector<std::string> protected_arguments = protect_text_arguments(app, arguments);
    std::reverse(protected_arguments.begin(),
                 protected_arguments.end());  // CLI11 takes the last first
    app.parse(std::move(protected_arguments));
  } catch (const CLI::Success& wanted) {  // --help, --version
    app.exit(wanted, context.out, context.err);
  } catch (const CLI::ParseError& error) {
    throw usage_error(app, error);
  }
  context.out.flush();
  return context.exit_code;
}

// What a command printed before it failed is worth having, unless printing is what failed.
void flush_quietly(CliContext& context) {
  try {
    context.out.flush();
  } catch (const std::exception&) {
    context.out.clear();
  }
}

int report_and_flush(CliContext& context, const std::string& message, ExitCode code) {
  flush_quietly(context);
  return report(context, message, code);
}

}  // namespace

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

int run_cli(const std::vector<std::string>& arguments, CliContext& context) {
  try {
    return parse_and_run(arguments, context);
  } catch (const NewerFormat& error) {
    return report_and_flush(context, error.what(), kExitNewerFormat);
  } catch (const Error& error) {
    return report_and_flush(context, error.what(), exit_code_for(error.code()));
  } catch (const std::bad_alloc&) {
    return report_and_flush(context, "out of memory", kExitOverBudget);
  } catch (const std::system_error& error) {
    const bool files = error.code() == std::errc::too_many_files_open;
    return report_and_flush(context, error.what(), files ? kExitOverBudget : kExitFailure);
  } catch (const std::exception& error) {
    return report_and_flush(context, error.what(), kExitFailure);
  }
}

}  // namespace nestvec
