// SPDX-License-Identifier: Apache-2.0
// nestvec quickstart: a first look at vectors, for a person.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <ostream>
#include <utility>

#include "base/excerpt.h"
#include "base/multilingual.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/text_argument.h"
#include "cli/vector_text.h"

namespace nestvec {
namespace {

constexpr std::size_t kLine = 79;
constexpr std::size_t kCell = 6;
constexpr std::size_t kQuoted = 33;  // of a text before its vector

constexpr const char* kQuickstartExamples =
    "Compares one text with six sample sentences, or several texts with each other.\n"
    "\n"
    "Examples:\n"
    "  nestvec quickstart\n"
    "  nestvec quickstart \"My dog sleeps all day.\"\n"
    "  nestvec quickstart -m jinaai/jina-embeddings-v3 \"one\" \"two\" \"three\"\n";

// Pairs about the same thing in other words; of a multilingual model the second is in another
// language.
std::vector<std::string> sample_texts(const ModelInfo& model) {
  if (is_multilingual(model.vocabulary)) {
    return {
        "The cat is sleeping on the sofa.",
        "Un chaton fait la sieste sur le canap\xC3\xA9.",
        "The central bank raised interest rates.",
        "Kredite sind teurer geworden.",
        "How do I bake sourdough bread?",
        "\xE5\xB0\x8F\xE9\xBA\xA6\xE7\xB2\x89\xE3\x81\xA8\xE6\xB0\xB4\xE3\x81\xA8\xE5\xA1\xA9\xE3"
        "\x82"
        "\x92\xE6\xB7\xB7\xE3\x81\x9C\xE3\x81\xA6\xE7\x99\xBA\xE9\x85\xB5\xE3\x81\x95\xE3\x81\x9B"
        "\xE3"
        "\x82\x8B\xE3\x80\x82",
    };
  }
  return {
      "The cat is sleeping on the sofa.",
      "A kitten naps on the couch.",
      "The central bank raised interest rates.",
      "Borrowing money became more expensive.",
      "How do I bake sourdough bread?",
      "Mix flour, water and salt, then let the dough rise.",
  };
}

// "   3  "
std::string label(std::size_t index) {
  return number_text("%4.0f  ", static_cast<double>(index + 1));
}

double cosine(std::span<const float> a, std::span<const float> b) {
  const double scale = std::sqrt(dot(a, a) * dot(b, b));
  return scale == 0 ? 0 : dot(a, b) / scale;
}

void print_vectors(const std::vector<std::string>& texts, const Embeddings& rows,
                   std::ostream& out) {
  constexpr std::size_t kText = 29;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    out << label(i) << fit(texts[i], kText) << ' ' << vector_text(rows.row(i)) << '\n';
  }
}

// One cell of the table: the likelier two texts mean the same, the warmer its background.
std::string cell(double value, bool color) {
  const std::string text = number_text("%6.2f", value);
  if (!color) return text;
  constexpr std::array<int, 6> kBackground = {234, 236, 58, 94, 130, 166};
  const double heat = std::clamp(value, 0.0, 1.0) * (kBackground.size() - 1);
  return "\x1b[38;5;255;48;5;" +
         std::to_string(kBackground.at(static_cast<std::size_t>(std::lround(heat)))) + "m" + text +
         "\x1b[0m";
}

void print_table(const std::vector<std::string>& texts, const Embeddings& rows, bool color,
                 std::ostream& out) {
  constexpr std::size_t kShortest = 16;
  const std::size_t table = rows.rows * kCell + label(0).size();
  const std::size_t width = table + kShortest > kLine ? kShortest : kLine - table;
  out << "\n  Cosine similarity: 1 = the same meaning, about 0 = nothing in common\n\n"
      << fit("", width + label(0).size());
  for (std::size_t i = 0; i < rows.rows; ++i) {
    out << number_text("%6.0f", static_cast<double>(i + 1));
  }
  out << '\n';
  for (std::size_t i = 0; i < rows.rows; ++i) {
    out << label(i) << fit(texts[i], width);
    for (std::size_t j = 0; j < rows.rows; ++j) {
      out << cell(cosine(rows.row(i), rows.row(j)), color);
    }
    out << '\n';
  }
}

void print_closest(const std::vector<std::string>& texts, const Embeddings& rows,
                   std::ostream& out) {
  double most = -2;
  std::size_t first = 0;
  std::size_t second = 1;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t j = i + 1; j < rows.rows; ++j) {
      const double value = cosine(rows.row(i), rows.row(j));
      if (value <= most) continue;
      most = value;
      first = i;
      second = j;
    }
  }
  out << "\n  Closest (" << number_text("%.2f", most) << "):\n"
      << label(first) << excerpt(texts[first]) << '\n'
      << label(second) << excerpt(texts[second]) << '\n';
}

// The first text beside the others, the nearest first.
void print_neighbours(const std::vector<std::string>& texts, const Embeddings& rows, bool color,
                      std::ostream& out) {
  std::vector<std::pair<double, std::size_t>> others;
  for (std::size_t i = 1; i < rows.rows; ++i) {
    others.emplace_back(cosine(rows.row(0), rows.row(i)), i);
  }
  std::sort(others.begin(), others.end(), std::greater<>());
  out << "  Nearest to your text (cosine similarity: 1 = the same meaning, about 0 = nothing in "
         "common):\n\n";
  for (const auto& [value, i] : others) {
    out << "  " << cell(value, color) << "  " << fit(texts[i], kLine - kCell - 4) << '\n';
  }
}

void run_quickstart(ModelOptions options, std::vector<std::string> texts, CliContext& context) {
  options.shows_model = true;
  const Model model = load_chosen_model(options, context);
  const ModelInfo& info = model.info();
  const bool one_text = texts.size() == 1;
  if (texts.size() < 2) {
    const std::vector<std::string> samples = sample_texts(info);
    texts.insert(texts.end(), samples.begin(), samples.end());
  }
  const Embeddings rows = model.predict(texts);
  std::ostream& out = context.out;
  out << "\n  " << info.id << " (" << info.family << "): " << rows.width << " dimensions, at most "
      << info.max_tokens << " tokens\n\n";
  if (one_text) {
    out << "  " << fit(texts[0], kQuoted) << ' ' << vector_text(rows.row(0)) << "\n\n";
    print_neighbours(texts, rows, context.color_out(), out);
    return;
  }
  print_vectors(texts, rows, out);
  print_table(texts, rows, context.color_out(), out);
  print_closest(texts, rows, out);
}

}  // namespace

void add_quickstart_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("quickstart", "Embed a few sentences and compare them");
  const auto options = std::make_shared<ModelOptions>();
  const auto texts = std::make_shared<std::vector<std::string>>();
  add_text_arguments(*command, *texts, "Your own sentences instead of the samples");
  add_model_name(*command, *options);
  add_model_options(*command, *options);
  command->footer(kQuickstartExamples);
  command->callback([options, texts, &context] { run_quickstart(*options, *texts, context); });
}

}  // namespace nestvec
