// SPDX-License-Identifier: Apache-2.0
#include "bulk/bulk_options.h"

#include <array>

#include "base/excerpt.h"

namespace nestvec {
namespace {

constexpr std::array<std::pair<std::string_view, OnError>, 3> kOnError = {
    {{"fail", OnError::kFail}, {"skip", OnError::kSkip}, {"null", OnError::kNull}}};

std::string truncation_name(Truncation truncation) {
  if (truncation == Truncation::kError) return "error";
  return truncation == Truncation::kLeft ? "left" : "right";
}

std::string yes_no(bool value) { return value ? "yes" : "no"; }

}  // namespace

OnError parse_on_error(std::string_view name) {
  for (const auto& [known, choice] : kOnError) {
    if (name == known) return choice;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "--on-error: expected fail, skip or null, found \"" + excerpt(name) + "\"");
}

std::string_view on_error_name(OnError choice) {
  for (const auto& [name, known] : kOnError) {
    if (choice == known) return name;
  }
  return {};
}

void check_options(const BulkOptions& options) {
  options.output.check();
  if (options.resume && options.restart) {
    throw Error(ErrorCode::kInvalidArgument,
                "--resume continues a run and --restart discards it; give only one of them");
  }
  if (options.embed.late_chunking) {
    throw Error(ErrorCode::kInvalidArgument,
                "--late-chunking takes texts, not --input: the rows of a corpus share no context");
  }
}

std::vector<std::pair<std::string, std::string>> option_facts(const BulkOptions& options,
                                                              const ModelInfo& model) {
  const EmbedOptions& embed = options.embed;
  return {
      {"--input-format",
       options.rows.format ? std::string(row_format_name(*options.rows.format)) : "by name"},
      {"--delimiter",
       options.rows.delimiter == '\0' ? "by format" : std::string(1, options.rows.delimiter)},
      {"--field", options.rows.text},
      {"--id", options.rows.id},
      {"--task-field", options.rows.task},
      {"--format", std::string(vector_format_name(options.output.format)) +
                       (options.output.sparse ? " of sparse vectors" : "")},
      {"--dtype", std::string(value_type_name(options.output.type))},
      {"--dedupe", yes_no(options.dedupe)},
      {"--task", embed.task.empty() ? model.default_task : embed.task},
      {"--dimensions", std::to_string(embed.dimensions == 0 ? model.dimensions : embed.dimensions)},
      {"--truncate", truncation_name(embed.truncation)},
      {"--max-tokens", std::to_string(model.max_tokens)},
      {"--no-prompt", yes_no(!embed.add_prompt)},
      {"--no-special", yes_no(!embed.parse_special)},
      {"--no-normalize", yes_no(embed.normalize == false)},
  };
}

}  // namespace nestvec
