// SPDX-License-Identifier: Apache-2.0
#include "cli/fetch_model.h"

#include <ostream>

#include "config/model_location.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// Throws what a load would, with the option that fetches the model.
[[noreturn]] void throw_absent(const std::string& name, const Environment& environment) {
  try {
    locate_model(name, "", environment);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) + ", or add --pull");
  }
  throw Error(ErrorCode::kNotFound, "model " + name + " is not on this machine");
}

PullOptions options_of(const CheckpointSource& source, const Environment& environment) {
  PullOptions options = pull_options(environment);
  const RepoReference reference = parse_repo_reference(source.repo_id);
  options.repo = reference.repo;
  if (!reference.revision.empty()) options.revision = reference.revision;
  if (!source.hf_token.empty()) options.token = source.hf_token;
  return options;
}

}  // namespace

void fetch_absent_model(const ModelConfig& config, PullTalk talk, CliContext& context) {
  const CheckpointSource& source = config.checkpoints;
  if (!is_absent_repository(source.repo_id, context.environment)) return;
  talk.ask = !source.pull;
  if (talk.ask && (talk.quiet || !can_ask(context))) {
    throw_absent(source.repo_id, context.environment);
  }
  const PullOptions options = options_of(source, context.environment);
  if (talk.ask && options.offline) throw_absent(source.repo_id, context.environment);
  if (talk.ask) context.err << source.repo_id << " is not on this machine.\n";
  const std::optional<PullResult> result = pull_with_display(options, talk, context);
  if (!result) throw_absent(source.repo_id, context.environment);
  if (!result->non_commercial) return;
  const std::string note = license_note(options.repo, result->license);
  if (talk.lines) {
    talk.lines(note);
  } else {
    context.err << "note: " << note << '\n';
  }
}

}  // namespace nestvec
