// SPDX-License-Identifier: Apache-2.0
#include "cli/count_option.h"

#include <charconv>

#include "base/excerpt.h"

namespace nestvec {

void add_count_option(CLI::App& command, const std::string& name, std::size_t& value,
                      const std::string& description) {
  const CLI::callback_t store = [name, &value](const CLI::results_t& results) {
    const std::string& text = results.back();
    const char* const end = text.data() + text.size();
    const std::from_chars_result parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end) return true;
    throw CLI::ValidationError(name, "expected a whole number, found \"" + excerpt(text) + "\"");
  };
  command.add_option(name, store, description)->type_name("N")->expected(1);
}

}  // namespace nestvec
