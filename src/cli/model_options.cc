// SPDX-License-Identifier: Apache-2.0
#include "cli/model_options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>
#include <stop_token>
#include <utility>

#include "base/excerpt.h"
#include "base/file.h"
#include "cli/choose_model.h"
#include "cli/fetch_model.h"
#include "cli/help.h"
#include "cli/usage.h"
#include "config/fields.h"
#include "config/model_location.h"
#include "config/reader.h"
#include "config/unknown_variables.h"
#include "nestvec/load.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxConfigBytes = 1u << 20;
constexpr std::string_view kModelField = "repo-id";
constexpr std::string_view kServedNameField = "model-id";
constexpr std::string_view kServerSection = "server";
constexpr const char* kConfigGroup = "Configuration (keys of config.yaml, docs/config.md)";

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
  if (field.name == "http" || field.name == "grpc") return "ADDRESS";
  if (field.name.ends_with("-file") || field.name.starts_with("tls-")) return "FILE";
  return field.name.ends_with("-dir") ? "FOLDER" : "TEXT";
}

// A file, folder or address. An empty one would be none: a server without keys or without TLS.
bool is_place(const Field& field) {
  const std::string type = type_name(field);
  return type == "FILE" || type == "FOLDER" || type == "ADDRESS" || field.name == "hosts" ||
         field.name == "otlp-endpoint";
}

// The keys that people set often are on the first screen of the help.
const char* group_of(const Field& field) {
  constexpr std::array<std::string_view, 3> kOften = {"http", "api-key-file", "pull"};
  const bool often = std::find(kOften.begin(), kOften.end(), field.name) != kOften.end();
  return often ? kFirstScreen : kConfigGroup;
}

std::string flag_names(const Field& field) {
  // As text-embeddings-inference and vLLM call it.
  return field.flag() + (field.name == kServedNameField ? ",--served-model-name" : "");
}

// "--pull", and "--no-pull" for what a file or a variable has switched on.
void add_switch(CLI::App& command, const Field& field, ModelOptions& options) {
  const std::string name(field.name);
  const auto store = [&options, name](std::int64_t count) {
    options.settings[name] = count > 0 ? "true" : "false";
  };
  command.add_flag_function(field.flag() + ",!--no-" + name, store, std::string(field.help))
      ->group(group_of(field));
}

// Declares one option for every key whose section `wanted` takes.
template <typename Wanted>
void add_field_options(CLI::App& command, ModelOptions& options, const Wanted& wanted) {
  const ServerConfig defaults;
  visit_fields(defaults, [&](const Field& field, const auto&) {
    if (field.kind == FieldKind::kSecret || !wanted(field.section)) return;
    if (field.name == kModelField) return;
    if (field.kind == FieldKind::kSwitch) {
      add_switch(command, field, options);
      return;
    }
    const std::string name(field.name);
    const CLI::callback_t store = [&options, name](const CLI::results_t& results) {
      options.settings[name] = results.back();
      return true;
    };
    CLI::Option* const option =
        command.add_option(flag_names(field), store, std::string(field.help))
            ->type_name(type_name(field))
            ->expected(1)
            ->group(group_of(field));
    if (is_place(field)) option->check(not_empty());
  });
}

// The model of the command line, as an option or as an argument.
std::optional<std::string> named_model(const ModelOptions& options) {
  if (options.models.size() > 1 && options.argument) {
    throw Error(ErrorCode::kInvalidArgument, "\"" + excerpt(*options.argument) +
                                                 "\" is a model without --model, and others have "
                                                 "it; write --model before each");
  }
  const auto option = options.settings.find(std::string(kModelField));
  std::optional<std::string> name = options.argument;
  if (option != options.settings.end()) {
    if (name && *name != option->second) {
      throw Error(ErrorCode::kInvalidArgument, "two models were given, \"" + excerpt(*name) +
                                                   "\" and --model \"" + excerpt(option->second) +
                                                   "\"");
    }
    name = option->second;
  }
  if (name && name->empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the name of the model is empty; is a variable of your shell not set?");
  }
  return name;
}

}  // namespace

void add_model_name(CLI::App& command, ModelOptions& options) {
  const CLI::callback_t store = [&options](const CLI::results_t& results) {
    options.settings[std::string(kModelField)] = results.back();
    return true;
  };
  command
      .add_option("-m,--model,--repo-id", store,
                  "A model folder, OWNER/NAME[@REVISION] of the hub, or the short name of a model "
                  "on this machine")
      ->type_name("MODEL")
      ->expected(1);
}

void add_model_names(CLI::App& command, ModelOptions& options) {
  const CLI::callback_t store = [&options](const CLI::results_t& results) {
    options.settings[std::string(kModelField)] = results.back();
    options.models = results;
    if (results.size() > 1) options.settings.erase(std::string(kModelField));
    return true;
  };
  command
      .add_option("-m,--model,--repo-id", store,
                  "A model folder, OWNER/NAME[@REVISION] of the hub, or the short name of a model "
                  "on this machine; repeat it to serve several")
      ->type_name("MODEL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

void add_adapter_option(CLI::App& command, std::vector<std::string>& adapters) {
  command
      .add_option(
          "--adapter", adapters,
          "A LoRA adapter, as PEFT writes it: texts of the task NAME run with it; repeat it "
          "for several")
      ->type_name("NAME=FOLDER")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(kConfigGroup);
}

void check_adapters(const std::vector<std::string>& adapters) {
  const auto name = [](const std::string& text) { return text.substr(0, text.find('=')); };
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const auto same = [&](const std::string& other) { return name(other) == name(adapters[i]); };
    if (std::none_of(adapters.begin(), adapters.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      continue;
    }
    throw Error(ErrorCode::kInvalidArgument, "--adapter " + excerpt(name(adapters[i])) +
                                                 " was given more than once; give it once");
  }
}

void add_adapter(const std::string& text, std::vector<std::pair<std::string, std::string>>& all) {
  const std::size_t mark = text.find('=');
  if (mark == std::string::npos || mark == 0 || mark + 1 == text.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "--adapter: expected NAME=FOLDER, found \"" + excerpt(text) + "\"");
  }
  set_prompt(text.substr(0, mark), text.substr(mark + 1), all);
}

void add_model_argument(CLI::App& command, ModelOptions& options) {
  const CLI::callback_t store = [&options](const CLI::results_t& results) {
    options.argument = results.back();
    return true;
  };
  command.add_option("model", store, "The same as --model")->type_name("MODEL")->expected(1);
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--config", options.config, "Read settings from a config.yaml")
      ->check(not_empty())
      ->type_name("FILE");
  command
      .add_flag("--strict-config", options.strict_config,
                "Fail if the configuration has unknown keys, instead of warning")
      ->group(kConfigGroup);
  add_adapter_option(command, options.adapters);
  command.add_flag("-q,--quiet", options.quiet, "Print no notes on standard error");
  command.add_flag("-v,--verbose", options.verbose,
                   "Print the memory plan, the precision and the threads");
  add_field_options(command, options,
                    [](std::string_view section) { return section != kServerSection; });
}

void add_server_options(CLI::App& command, ModelOptions& options) {
  add_field_options(command, options,
                    [](std::string_view section) { return section == kServerSection; });
}

ServerConfig read_settings(const ModelOptions& options, const CliContext& context) {
  ServerConfig config;
  if (!options.config.empty()) {
    config = parse_config(read_file(options.config, kMaxConfigBytes), options.config);
  }
  apply_environment(context.environment, config);
  for (std::string& warning : unknown_variables(context.variables, context.environment)) {
    config.warnings.push_back(std::move(warning));
  }
  for (const auto& [name, text] : options.settings) {
    apply_setting(name, text, name == kModelField ? "--model" : "--" + name, config);
  }
  check_adapters(options.adapters);
  for (const std::string& adapter : options.adapters) {
    add_adapter(adapter, config.checkpoints.adapters);
    for (ModelEntry& entry : config.models) add_adapter(adapter, entry.config.checkpoints.adapters);
  }
  if (const auto model = named_model(options)) {
    config.checkpoints.repo_id = *model;
    config.models.clear();  // those of the file or of a variable
  }
  if (options.models.size() > 1) set_models(options.models, config);
  if (options.strict_config && !config.warnings.empty()) {
    throw Error(ErrorCode::kInvalidArgument, config.warnings.front());
  }
  return config;
}

ServerConfig make_config(const ModelOptions& options, const CliContext& context) {
  ServerConfig config = read_settings(options, context);
  for (ModelEntry& entry : config.models) choose_model(entry.config, context.environment);
  choose_first_model(config);
  const bool named = choose_model(config, context.environment);
  if (!named && !options.shows_model) {
    config.warnings.push_back("no model was named; the small English model " +
                              short_model_name(config.checkpoints.repo_id) +
                              " is used (--model or NESTVEC_MODEL chooses another)");
  }
  return config;
}

Model load_chosen_model(const ModelOptions& options, CliContext& context,
                        const OutlineCheck& check) {
  ServerConfig config = make_config(options, context);
  fetch_absent_model(config, {.quiet = options.quiet}, context);
  const LogSink print = [&context](std::string_view line) {
    context.err << "nestvec: " << line << '\n';
    context.err.flush();
  };
  LoadLog log;
  log.outline = check;
  if (!options.quiet) log.note = print;
  if (options.verbose && !options.quiet) log.detail = print;
  return load_model(config, log, std::stop_token());
}

}  // namespace nestvec
