// SPDX-License-Identifier: Apache-2.0
#include "cli/describe.h"

namespace nestvec {
namespace {

DescribedOption described(const CLI::Option& option) {
  DescribedOption out;
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  const int most = option.get_items_expected_max();
  if (most > 0) out.value = option.get_type_name();
  out.meaning = option.get_description();
  if (const std::string value = option.get_default_str(); !value.empty()) {
    out.meaning += " [default: " + value + "]";
  }
  out.group = option.get_group();
  out.many = most > 1;
  out.required = option.get_required();
  return out;
}

DescribedCommand described(const CLI::App& app) {
  DescribedCommand out;
  out.name = app.get_name();
  out.meaning = app.get_description();
  out.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    DescribedOption each = described(*option);
    const bool positional = option->get_positional();
    if (positional) out.arguments.push_back(each);
    // An option may be an argument, too.
    if (!each.names.empty()) out.options.push_back(std::move(each));
  }
  return out;
}

}  // namespace

std::vector<DescribedCommand> describe_commands(const CLI::App& app) {
  std::vector<DescribedCommand> commands = {described(app)};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) commands.push_back(described(*command));
  }
  return commands;
}

}  // namespace nestvec
