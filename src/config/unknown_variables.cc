// SPDX-License-Identifier: Apache-2.0
#include "config/unknown_variables.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/excerpt.h"
#include "base/suggestion.h"
#include "config/fields.h"
#include "config/server_config.h"

namespace nestvec {
namespace {

constexpr std::string_view kPrefix = "NESTVEC_";

// Names without the prefix: those that are read, and the sections that people put in front
// ("RUNTIME_THREADS").
struct Variables {
  std::vector<std::string> known = {"MODEL", "MODELS", "CACHE", "MAX_ISA"};
  std::vector<std::string> sections;
};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

Variables variables() {
  Variables all;
  const ServerConfig defaults;
  visit_fields(defaults, [&all](const Field& field, const auto&) {
    all.known.push_back(field.environment().substr(kPrefix.size()));
    const std::string section = upper(field.section) + "_";
    if (all.sections.empty() || all.sections.back() != section) all.sections.push_back(section);
  });
  return all;
}

bool is_service_link(std::string_view word, const Environment& environment) {
  if (word.starts_with("SERVICE_") || word.starts_with("PORT_")) return true;
  const std::string value = environment(std::string(kPrefix) + std::string(word)).value_or("");
  return word == "PORT" && value.find("://") != std::string::npos;
}

// Empty where nothing is near.
std::string meant(std::string_view word, const Variables& all) {
  if (word == "PORT" || word == "HOST") return "HTTP";
  for (const std::string& section : all.sections) {
    if (word.starts_with(section)) word.remove_prefix(section.size());
  }
  return nearest_word(word, all.known);
}

}  // namespace

std::vector<std::string> unknown_variables(const std::vector<std::string>& names,
                                           const Environment& environment) {
  const Variables all = variables();
  std::vector<std::string> warnings;
  for (const std::string& name : names) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string_view word = std::string_view(name).substr(kPrefix.size());
    const bool is_known = std::find(all.known.begin(), all.known.end(), word) != all.known.end();
    if (is_known || is_service_link(word, environment)) continue;
    const std::string near = meant(word, all);
    if (near.empty()) continue;
    warnings.push_back(excerpt(name) + " is not a setting and is ignored; did you mean " +
                       std::string(kPrefix) + near + "?");
  }
  return warnings;
}

}  // namespace nestvec
