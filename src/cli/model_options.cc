// SPDX-License-Identifier: Apache-2.0
#include "cli/model_options.h"

#include <filesystem>
#include <ostream>

#include "base/file.h"
#include "config/cache_folder.h"
#include "config/fields.h"
#include "config/reader.h"
#include "nestvec/load.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxConfigBytes = 1u << 20;
constexpr std::string_view kModelField = "repo-id";
constexpr std::string_view kServerSection = "server";

std::string type_name(const Field& field) {
  switch (field.kind) {
    case FieldKind::kChoice: {
      std::string names;
      for (const std::string_view choice : field.choices) {
        names += (names.empty() ? "" : "|") + std::string(choice);
      }
      return names;
    }
    case FieldKind::kCores:
      return "CORES";
    case FieldKind::kBytes:
      return "BYTES";
    case FieldKind::kCount:
      return "N";
    case FieldKind::kText:
    case FieldKind::kSecret:
    case FieldKind::kSwitch:
      break;
    case FieldKind::kPrompts:
      return "JSON";
  }
  return "TEXT";
}

std::string choose_model(const ModelConfig& config, const Environment& environment) {
  if (!config.checkpoints.repo_id.empty()) return config.checkpoints.repo_id;
  if (const auto named = environment("NESTVEC_MODEL")) return *named;
  const std::string fallback = default_model_folder(environment);
  std::error_code ignored;
  if (std::filesystem::exists(fallback + "/config.json", ignored)) return fallback;
  throw Error(
      ErrorCode::kNotFound,
      "no model was named: pass --model FOLDER_OR_REPO or --config FILE, set NESTVEC_MODEL, or "
      "run `make quickstart`, which fetches the small default model");
}

// "--pull", and "--no-pull" for what a file or a variable has switched on.
void add_switch(CLI::App& command, const Field& field, ModelOptions& options) {
  const std::string name(field.name);
  const auto store = [&options, name](std::int64_t count) {
    options.settings[name] = count > 0 ? "true" : "false";
  };
  command.add_flag_function(field.flag() + ",!--no-" + name, store, std::string(field.help))
      ->group("Configuration (docs/config.md)");
}

// Declares one option for every key whose section `wanted` takes.
template <typename Wanted>
void add_field_options(CLI::App& command, ModelOptions& options, const Wanted& wanted) {
  const ServerConfig defaults;
  visit_fields(defaults, [&](const Field& field, const auto&) {
    if (field.kind == FieldKind::kSecret || !wanted(field.section)) return;
    const std::string name(field.name);
    const CLI::callback_t store = [&options, name](const CLI::results_t& results) {
      options.settings[name] = results.back();
      return true;
    };
    if (name == kModelField) {
      command
          .add_option("--model,--repo-id", store,
                      "Model folder, or a repository that was pulled: OWNER/NAME[@REVISION]")
          ->type_name("DIR|REPO")
          ->expected(1);
      return;
    }
    if (field.kind == FieldKind::kSwitch) {
      add_switch(command, field, options);
      return;
    }
    command.add_option(field.flag(), store, std::string(field.help))
        ->type_name(type_name(field))
        ->expected(1)
        ->group("Configuration (docs/config.md)");
  });
}

}  // namespace

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--config", options.config, "A config.yaml")->type_name("FILE");
  command.add_flag("--strict-config", options.strict_config,
                   "Fail where the configuration has unknown keys, instead of warning");
  command.add_flag("-q,--quiet", options.quiet, "No notes on standard error");
  add_field_options(command, options,
                    [](std::string_view section) { return section != kServerSection; });
}

void add_server_options(CLI::App& command, ModelOptions& options) {
  add_field_options(command, options,
                    [](std::string_view section) { return section == kServerSection; });
}

std::string default_model_folder(const Environment& environment) {
  return cache_folder("", environment) + "/models/all-MiniLM-L6-v2";
}

ServerConfig read_settings(const ModelOptions& options, const CliContext& context) {
  ServerConfig config;
  if (!options.config.empty()) {
    config = parse_config(read_file(options.config, kMaxConfigBytes), options.config);
  }
  apply_environment(context.environment, config);
  for (const auto& [name, text] : options.settings) {
    apply_setting(name, text, name == kModelField ? "--model" : "--" + name, config);
  }
  if (options.strict_config && !config.warnings.empty()) {
    throw Error(ErrorCode::kInvalidArgument, config.warnings.front());
  }
  return config;
}

ServerConfig make_config(const ModelOptions& options, const CliContext& context) {
  ServerConfig config = read_settings(options, context);
  config.checkpoints.repo_id = choose_model(config, context.environment);
  return config;
}

Model load_chosen_model(const ModelOptions& options, CliContext& context,
                        const OutlineCheck& check) {
  const ServerConfig config = make_config(options, context);
  if (check) check(outline_model(config));
  LogSink log;
  if (!options.quiet) {
    log = [&context](std::string_view line) {
      context.err << "nestvec: " << line << '\n';
      context.err.flush();
    };
  }
  return load_model(config, log);
}

}  // namespace nestvec
