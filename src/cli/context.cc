// SPDX-License-Identifier: Apache-2.0
#include "cli/context.h"

namespace nestvec {
namespace {

bool allows_color(const Environment& environment) {
  return !environment("NO_COLOR") && environment("TERM").value_or("") != "dumb";
}

}  // namespace

bool CliContext::color_out() const { return out_is_terminal && allows_color(environment); }

bool CliContext::color_err() const { return err_is_terminal && allows_color(environment); }

}  // namespace nestvec
