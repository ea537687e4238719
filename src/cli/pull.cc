// SPDX-License-Identifier: Apache-2.0
// nestvec pull: a model from a hub into the cache.
#include "hub/pull.h"

#include <memory>
#include <ostream>

#include "base/excerpt.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/help.h"
#include "cli/pull_display.h"
#include "cli/usage.h"
#include "config/local_models.h"
#include "config/model_location.h"

namespace nestvec {
namespace {

constexpr const char* kPullExamples =
    "Examples:\n"
    "  nestvec pull jinaai/jina-embeddings-v3\n"
    "  nestvec pull jinaai/jina-embeddings-v3@main --include 'onnx/model.onnx*'\n"
    "  HF_TOKEN=hf_... nestvec pull my-org/private-model --endpoint https://hub.example.org\n"
    "\n"
    "Shows the size and the licence before it downloads, and asks on a terminal.\n"
    "\f"
    "Downloads into the cache of Python's huggingface_hub (HF_HUB_CACHE, HF_HOME/hub,\n"
    "~/.cache/huggingface/hub) and prints the model's folder on standard output. An interrupted\n"
    "pull resumes where it stopped. Respects HF_TOKEN (or the token file), HF_ENDPOINT,\n"
    "HF_HUB_OFFLINE, HTTPS_PROXY and NO_PROXY.\n";

struct PullFlags {
  std::string repo;
  std::string endpoint;
  std::vector<std::string> include;
  bool all = false;
  bool yes = false;
  bool quiet = false;
  std::size_t parallel_files = PullOptions{}.parallel_files;
  std::size_t attempts = RetryPolicy{}.attempts;
};

void print_result(const PullOptions& options, const PullResult& result, bool quiet,
                  CliContext& context) {
  if (!quiet && result.downloaded_files > 0) {
    context.err << options.repo << ": " << result.downloaded_files << " of " << result.files
                << " files downloaded, " << size_text(result.downloaded_bytes) << '\n';
  } else if (!quiet) {
    context.err << options.repo << ": all files are here, nothing to download\n";
  }
  if (result.non_commercial) {
    context.err << "note: " << license_note(options.repo, result.license) << '\n';
  }
  if (!result.missing.empty()) {
    context.err << "note: nestvec cannot load " << options.repo << " as it is: it lacks "
                << result.missing << '\n';
  }
  context.out << result.folder << '\n';
}

// The hub has models without an owner by redirection only, and names that sound alike.
void check_owner(const std::string& repo) {
  if (repo.find('/') != std::string::npos) return;
  std::string likely;
  for (const std::string& name : likely_repositories(repo)) {
    likely += (likely.empty() ? "" : " or ") + name;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "\"" + excerpt(repo) + "\" has no owner; expected OWNER/NAME" +
                  (likely.empty() ? ", such as jinaai/jina-embeddings-v3"
                                  : "; did you mean " + likely + "?"));
}

void run_pull(const PullFlags& flags, CliContext& context) {
  const RepoReference reference = parse_repo_reference(flags.repo);
  check_owner(reference.repo);
  PullOptions options = pull_options(context.environment);
  options.repo = reference.repo;
  if (!reference.revision.empty()) options.revision = reference.revision;
  if (!flags.endpoint.empty()) options.endpoint = flags.endpoint;
  options.selection = {.all = flags.all, .include = flags.include};
  options.parallel_files = flags.parallel_files;
  options.retry.attempts = flags.attempts;
  const PullTalk talk{.quiet = flags.quiet, .ask = !flags.yes && can_ask(context)};
  const std::optional<PullResult> result = pull_with_display(options, talk, context);
  if (result) {
    print_result(options, *result, flags.quiet, context);
  } else {
    context.err << "nothing was downloaded\n";
    context.exit_code = kExitFailure;
  }
}

void add_more_options(CLI::App& command, PullFlags& flags) {
  constexpr const char* kMoreOptions = "More options";
  command
      .add_option("--endpoint", flags.endpoint,
                  "Address of the hub; if not given, HF_ENDPOINT, then https://huggingface.co")
      ->check(not_empty())
      ->type_name("URL")
      ->group(kMoreOptions);
  command
      .add_option("--include", flags.include,
                  "Also download files that match this pattern, such as 'onnx/*' (repeatable)")
      ->check(not_empty())
      ->type_name("PATTERN")
      ->allow_extra_args(false)
      ->group(kMoreOptions);
  command.add_flag("--all", flags.all, "Download every file of the repository")
      ->group(kMoreOptions);
  command.add_option("--jobs", flags.parallel_files, "Download this many files at the same time")
      ->check(CLI::Range(1, 64).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(kMoreOptions);
  command
      .add_option("--attempts", flags.attempts,
                  "Give up after this many attempts in a row without progress")
      ->check(CLI::Range(1, 100).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(kMoreOptions);
}

}  // namespace

void add_pull_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("pull", "Download a model from the Hugging Face hub");
  const auto flags = std::make_shared<PullFlags>();
  command
      ->add_option("repo", flags->repo,
                   "OWNER/NAME, or OWNER/NAME@REVISION (a branch, tag or commit)")
      ->type_name("REPO")
      ->required();
  command->add_flag("-y,--yes", flags->yes, "Do not ask before the download");
  command->add_flag("-q,--quiet", flags->quiet, "Print only the folder, the licence and errors");
  add_more_options(*command, *flags);
  command->footer(kPullExamples);
  command->callback([flags, &context] { run_pull(*flags, context); });
}

}  // namespace nestvec
