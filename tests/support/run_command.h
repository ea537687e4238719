// SPDX-License-Identifier: Apache-2.0
// For tests of the command: runs it inside the test's process.
#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/context.h"

namespace nestvec {

inline Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

inline Outcome run(const std::vector<std::string>& arguments, const std::string& input = "",
                   bool terminal = false, std::map<std::string, std::string> variables = {}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  CliContext context{
      in, out, err, terminal, terminal, terminal, environment_of(std::move(variables))};
  Outcome outcome;
  outcome.code = run_cli(arguments, context);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

}  // namespace nestvec
