// SPDX-License-Identifier: Apache-2.0
// A command line as data.
#pragma once

#include <string>
#include <vector>

namespace nestvec {

struct DescribedOption {
  std::vector<std::string> names;  // "-o", "--output"; none of an argument
  std::string value;               // "FILE", "json|npy"; empty = takes none
  std::string meaning;
  std::string group;  // as the help has it
  bool many = false;
  bool required = false;
};

struct DescribedCommand {
  std::string name;
  std::string meaning;
  std::string footer;  // as the help's, with kRest
  std::vector<DescribedOption> arguments;
  std::vector<DescribedOption> options;
};

}  // namespace nestvec
