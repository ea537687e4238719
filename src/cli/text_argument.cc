// SPDX-License-Identifier: Apache-2.0
#include "cli/text_argument.h"

#include "cli/commands.h"

namespace nestvec {
namespace {

constexpr char kMark = '\x01';
constexpr const char* kName = "texts";
constexpr const char* kQueryName = "query";

// True where `option` ("--file") takes the argument after it, and no other, as its value.
bool takes_value(const CLI::App& command, const std::string& option) {
  if (option.size() < 2 || option[0] != '-') return false;
  const CLI::Option* known = command.get_option_no_throw(option);
  return known != nullptr && known->get_items_expected_max() == 1;
}

}  // namespace

bool takes_texts(const CLI::App& command) {
  return command.get_option_no_throw(kName) != nullptr ||
         command.get_option_no_throw(kQueryName) != nullptr;
}

void unmark_argument(std::string& argument) {
  if (argument.starts_with(kMark)) argument.erase(0, 1);
}

void add_text_arguments(CLI::App& command, std::vector<std::string>& texts,
                        const std::string& description) {
  // Not bound to the vector: conversion would take "{}" for an empty list.
  const CLI::callback_t store = [&texts](const CLI::results_t& results) {
    texts = results;
    for (std::string& text : texts) unmark_argument(text);
    return true;
  };
  command.add_option(kName, store, description)
      ->type_name("TEXT")
      ->expected(0, -1)
      ->allow_extra_args();
}

void add_query_argument(CLI::App& command, QueryArguments& arguments,
                        const std::string& description, const std::string& files) {
  const CLI::callback_t store_query = [&arguments](const CLI::results_t& results) {
    arguments.query = results.back();
    unmark_argument(arguments.query);
    return true;
  };
  command.add_option(kQueryName, store_query, description)
      ->type_name("QUERY")
      ->expected(1)
      ->required();
  const CLI::callback_t store_files = [&arguments](const CLI::results_t& results) {
    arguments.files = results;
    for (std::string& file : arguments.files) unmark_argument(file);
    return true;
  };
  command.add_option("files", store_files, files)
      ->type_name("FILE")
      ->expected(0, -1)
      ->allow_extra_args();
}

void add_folder_query_arguments(CLI::App& command, FolderQueryArguments& arguments) {
  const auto stored_in = [](std::string& place) -> CLI::callback_t {
    return [&place](const CLI::results_t& results) {
      place = results.back();
      unmark_argument(place);
      return true;
    };
  };
  command.add_option("folder", stored_in(arguments.folder), "Where the files are")
      ->type_name("FOLDER")
      ->expected(1)
      ->required();
  command.add_option(kQueryName, stored_in(arguments.query), "What is sought")
      ->type_name("QUERY")
      ->expected(1)
      ->required();
}

std::vector<std::string> protect_text_arguments(const CLI::App& app,
                                                const std::vector<std::string>& arguments) {
  if (arguments.empty()) return arguments;
  const CLI::App* command = find_command(app, arguments[0]);
  if (command == nullptr || !takes_texts(*command)) return arguments;
  std::vector<std::string> out = {arguments[0]};
  bool only_texts = false;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool is_value = !only_texts && takes_value(*command, arguments[i - 1]);
    if (argument == "--" && !only_texts && !is_value) {
      only_texts = true;
      continue;
    }
    const bool is_odd = !is_value && (argument.starts_with('[') || argument.starts_with(kMark));
    out.push_back(only_texts || is_odd ? kMark + argument : argument);
  }
  return out;
}

}  // namespace nestvec
