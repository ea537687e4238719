// SPDX-License-Identifier: Apache-2.0
// Texts as arguments, exactly as they were typed.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace nestvec {

// Declares the positional arguments TEXT... of a command.
void add_text_arguments(CLI::App& command, std::vector<std::string>& texts,
                        const std::string& description);

struct QueryArguments {
  std::string query;
  std::vector<std::string> files;
};

// Declares the positional arguments QUERY FILE... of a command.
void add_query_argument(CLI::App& command, QueryArguments& arguments,
                        const std::string& description, const std::string& files);

struct FolderQueryArguments {
  std::string folder;
  std::string query;
};

// Declares the positional arguments FOLDER QUERY of a command.
void add_folder_query_arguments(CLI::App& command, FolderQueryArguments& arguments);

// Whether a command has one of these, so that its arguments may be any text.
bool takes_texts(const CLI::App& command);

// Takes the mark of protect_text_arguments off.
void unmark_argument(std::string& argument);

// CLI11 takes an argument "[a,b]" for a list. Returns `arguments` with such texts marked; the mark
// is taken off where they are stored. To be called once all commands are declared.
std::vector<std::string> protect_text_arguments(const CLI::App& app,
                                                const std::vector<std::string>& arguments);

}  // namespace nestvec
