// SPDX-License-Identifier: Apache-2.0
// nestvec quickstart: a first look at vectors, for a person.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <ostream>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/model_options.h"

namespace nestvec {
namespace {

const std::vector<std::string>& sample_texts() {
  static const std::vector<std::string> kTexts = {
      "The cat is sleeping on the sofa.",
      "A kitten naps on the couch.",
      "The central bank raised interest rates.",
      "Borrowing money became more expensive.",
      "How do I bake sourdough bread?",
      "Mix flour, water and salt, then let the dough rise.",
  };
  return kTexts;
}

std::string format_number(const char* pattern, double value) {
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), pattern, value);
  return buffer.data();
}

// Columns that a code point takes on a terminal, roughly: combining marks none, East Asian wide
// characters and emoji two.
std::size_t columns_of(char32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F)) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                    (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                    (c >= 0xFF00 && c <= 0xFF60) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                    (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

// The text cut or filled to exactly `columns` columns.
std::string fit(std::string_view text, std::size_t columns) {
  std::string storage;
  text = repair_utf8(text, storage);
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const DecodedCodePoint decoded = decode_utf8(text);
    const std::size_t width = decoded.code_point < 0x20 ? 1 : columns_of(decoded.code_point);
    if (used + width > columns) break;
    if (decoded.code_point < 0x20) {
      out.push_back(' ');
    } else {
      out.append(text.substr(0, decoded.length));
    }
    used += width;
    text.remove_prefix(decoded.length);
  }
  return out.append(columns - used, ' ');
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0;
  double a2 = 0;
  double b2 = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    a2 += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    b2 += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return a2 == 0 || b2 == 0 ? 0 : product / std::sqrt(a2 * b2);
}

void print_vectors(const std::vector<std::string>& texts, const Embeddings& rows,
                   std::ostream& out) {
  constexpr std::size_t kShown = 4;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const std::span<const float> row = rows.row(i);
    double norm = 0;
    for (const float value : row) norm += static_cast<double>(value) * static_cast<double>(value);
    out << "  " << i + 1 << "  " << fit(texts[i], 52) << " [";
    for (std::size_t k = 0; k < std::min(kShown, row.size()); ++k) {
      out << format_number(" %+.4f", static_cast<double>(row[k]));
    }
    out << " ... ]  norm " << format_number("%.6f", std::sqrt(norm)) << '\n';
  }
}

// One cell of the table: the likelier two texts mean the same, the warmer its background.
std::string cell(double value, bool color) {
  const std::string text = format_number("%6.2f", value);
  if (!color) return text;
  const int heat = static_cast<int>(std::clamp(value, 0.0, 1.0) * 5.0 + 0.5);
  constexpr std::array<int, 6> kBackground = {234, 236, 58, 94, 130, 166};
  return "\x1b[48;5;" + std::to_string(kBackground.at(static_cast<std::size_t>(heat))) + "m" + text +
         "\x1b[0m";
}

void print_table(const std::vector<std::string>& texts, const Embeddings& rows, bool color,
                 std::ostream& out) {
  out << "\n  cosine similarity (1 = the same meaning, 0 = nothing in common)\n\n" << fit("", 49);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    out << format_number("%6.0f", static_cast<double>(i + 1));
  }
  out << '\n';
  for (std::size_t i = 0; i < rows.rows; ++i) {
    out << "  " << i + 1 << "  " << fit(texts[i], 44);
    for (std::size_t j = 0; j < rows.rows; ++j) out << cell(cosine(rows.row(i), rows.row(j)), color);
    out << '\n';
  }
}

void run_quickstart(const ModelOptions& options, std::vector<std::string> texts,
                    CliContext& context) {
  if (texts.empty()) texts = sample_texts();
  const Model model = load_chosen_model(options, context);
  const Embeddings rows = model.predict(texts);
  context.out << "\n  " << model.info().family << " model, " << rows.width << " dimensions, "
              << model.info().max_tokens << " tokens at most; " << rows.rows
              << (rows.rows == 1 ? " text:\n\n" : " texts:\n\n");
  print_vectors(texts, rows, context.out);
  if (rows.rows > 1) print_table(texts, rows, context.color_out(), context.out);
  context.out << '\n';
}

}  // namespace

void add_quickstart_command(CLI::App& app, CliContext& context) {
  CLI::App* command =
      app.add_subcommand("quickstart", "Embed a few sentences and show how alike they are");
  const auto options = std::make_shared<ModelOptions>();
  const auto texts = std::make_shared<std::vector<std::string>>();
  add_model_options(*command, *options);
  command->add_option("texts", *texts, "Your own sentences instead of the samples");
  command->footer("Examples:\n  nestvec quickstart\n  nestvec quickstart \"one\" \"two\" \"three\"\n");
  command->callback([options, texts, &context] { run_quickstart(*options, *texts, context); });
}

}  // namespace nestvec
