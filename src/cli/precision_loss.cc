// SPDX-License-Identifier: Apache-2.0
#include "cli/precision_loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>

namespace nestvec {
namespace {

// Short and long, of several languages and scripts, prose and what is none.
constexpr std::array<const char*, 24> kSampleTexts = {
    "Hello",
    "How fast does light travel in a vacuum?",
    "The ferry to the island leaves twice a day in winter, and five times in summer.",
    "Refunds are paid within 14 days after we have received the goods, less the cost of postage.",
    "Der Zug nach Hamburg f\u00e4llt heute wegen eines Schadens an der Oberleitung aus.",
    "Quels documents faut-il pour inscrire un enfant \u00e0 l'\u00e9cole ?",
    "La receta lleva tres huevos, 200 g de harina y la ralladura de un lim\u00f3n.",
    "Il museo \u00e8 chiuso il luned\u00ec; l'ultimo ingresso \u00e8 alle 17:30.",
    "\u041a\u0430\u043a \u0432\u044b\u0440\u0430\u0441\u0442\u0438\u0442\u044c "
    "\u043f\u043e\u043c\u0438\u0434\u043e\u0440\u044b \u043d\u0430 "
    "\u0431\u0430\u043b\u043a\u043e\u043d\u0435, \u0435\u0441\u043b\u0438 "
    "\u0441\u043e\u043b\u043d\u0446\u0435 \u0431\u044b\u0432\u0430\u0435\u0442 "
    "\u0442\u043e\u043b\u044c\u043a\u043e \u0443\u0442\u0440\u043e\u043c?",
    "\u6771\u4eac\u304b\u3089\u4eac\u90fd\u307e\u3067\u65b0\u5e79\u7dda\u3067\u7d04\u4e8c\u6642"
    "\u9593\u5341\u4e94\u5206\u304b\u304b\u308a\u307e\u3059\u3002",
    "\u8fd9\u5bb6\u516c\u53f8\u53bb\u5e74\u7684\u8425\u4e1a\u989d\u589e\u957f\u4e86\u767e\u5206"
    "\u4e4b\u5341\u4e8c\uff0c\u4f46\u5229\u6da6\u4e0b\u964d\u4e86\u3002",
    "\uc11c\uc6b8\uc758 \uc9c0\ud558\ucca0\uc740 \uc0c8\ubcbd \ub2e4\uc12f \uc2dc "
    "\ubc18\ubd80\ud130 \uc6b4\ud589\ud569\ub2c8\ub2e4.",
    "\u062a\u0628\u062f\u0623 \u0627\u0644\u0645\u062d\u0627\u0636\u0631\u0629 \u0641\u064a "
    "\u0627\u0644\u0633\u0627\u0639\u0629 \u0627\u0644\u0639\u0627\u0634\u0631\u0629 "
    "\u0635\u0628\u0627\u062d\u0627 \u0641\u064a \u0627\u0644\u0642\u0627\u0639\u0629 "
    "\u0627\u0644\u0643\u0628\u0631\u0649.",
    "\u0926\u093f\u0932\u094d\u0932\u0940 \u092e\u0947\u0902 \u0906\u091c "
    "\u0905\u0927\u093f\u0915\u0924\u092e \u0924\u093e\u092a\u092e\u093e\u0928 41 "
    "\u0921\u093f\u0917\u094d\u0930\u0940 \u0930\u0939\u093e\u0964",
    "T\u00fcrkiye'nin en uzun nehri K\u0131z\u0131l\u0131rmak't\u0131r.",
    "def mean(values):\n    return sum(values) / len(values) if values else 0.0",
    "SELECT name, COUNT(*) FROM orders WHERE total > 100 GROUP BY name HAVING COUNT(*) > 3;",
    "{\"id\": 4711, \"status\": \"shipped\", \"items\": [{\"sku\": \"A-12\", \"count\": 2}]}",
    "3.14159 2.71828 1.41421 -40 1e-6 0x7f 1,234,567.89",
    "!!! ??? ... --- ### @@@ $$$ %%% &&& *** ((( ))) [[[ ]]]",
    "ERROR 2024-03-09T12:44:01Z worker[17]: connection reset by peer (errno 104), retry 3 of 5",
    "aspirin acetylsalicylic acid C9H8O4 analgesic antipyretic platelet aggregation inhibitor",
    "It was the third winter since the mill had closed. The wheel still turned when the snow "
    "melted, "
    "and the children of the new families, who had never smelled the flour, came to see how the "
    "water lifted the paddles one after another. Nobody had told them what the building was for, "
    "and so they had made up their own story: that a giant slept beneath it, and that the wheel "
    "was the only thing that kept his dreams from running dry. When the council asked what should "
    "become of the place, they answered before anybody else could.",
    "The tenant shall give notice in writing no later than the third working day of a month to end "
    "the tenancy at the end of the month after next. The landlord may end it only with a justified "
    "interest, in particular if the tenant has breached the contract culpably and not without "
    "significance, or if the landlord needs the rooms as a dwelling for himself, members of his "
    "family or members of his household. Reasons that arose later are considered, those that were "
    "not given in the letter of notice are not, unless they arose after it had been sent."};

// The sparse weights of texts, at the places of a vocabulary.
std::vector<float> spread_out(const SparseVectors& sparse, std::size_t vocabulary) {
  std::vector<float> values((sparse.starts.size() - 1) * vocabulary);
  for (std::size_t row = 0; row + 1 < sparse.starts.size(); ++row) {
    for (std::size_t i = sparse.starts[row]; i < sparse.starts[row + 1]; ++i) {
      values[row * vocabulary + sparse.indices[i]] = sparse.weights[i];
    }
  }
  return values;
}

SampleRows sample_scores(const Model& model) {
  std::vector<TextPair> pairs;
  for (std::size_t i = 0; i < kSampleTexts.size(); ++i) {
    pairs.push_back({kSampleTexts[i], kSampleTexts[(i + 1) % kSampleTexts.size()]});
  }
  ScoreOptions options;
  options.activation = ScoreActivation::kNone;
  Scores scores = model.classify(pairs, options);
  return {scores.width, std::move(scores.values), true};
}

double cosine_of(std::span<const float> a, std::span<const float> b) {
  double product = 0;
  double squares_a = 0;
  double squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    product += x * y;
    squares_a += x * x;
    squares_b += y * y;
  }
  const double cosine = product / std::sqrt(squares_a * squares_b);
  if (std::isfinite(cosine)) return cosine;
  return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0 ? 1 : 0;
}

Model load_sample_model(const std::string& folder, const std::string& precision,
                        const std::string& cache) {
  ModelConfig config;
  config.checkpoints.repo_id = folder;
  config.runtime.precision = precision;
  config.runtime.cache_dir = cache;
  return load_model(config);
}

}  // namespace

SampleRows sample_rows(const Model& model) {
  const ModelInfo& info = model.info();
  if (!info.labels.empty()) return sample_scores(model);
  const std::vector<std::string> texts(kSampleTexts.begin(), kSampleTexts.end());
  if (!info.dense) {
    return {info.vocabulary, spread_out(model.sparse(texts).sparse, info.vocabulary), false};
  }
  std::vector<std::string> tasks(texts.size());
  for (std::size_t i = 0; i < tasks.size() && !info.tasks.empty(); ++i) {
    tasks[i] = info.tasks[i % info.tasks.size()].name;
  }
  Embeddings rows = model.predict(texts, tasks);
  return {info.dimensions, std::move(rows.values), false};
}

PrecisionLoss compare_rows(const SampleRows& exact, const SampleRows& narrow) {
  PrecisionLoss loss;
  loss.scores = exact.scores;
  loss.texts = exact.values.size() / exact.width;
  if (exact.scores) {
    for (std::size_t i = 0; i < exact.values.size(); ++i) {
      const double difference =
          std::abs(static_cast<double>(exact.values[i]) - static_cast<double>(narrow.values[i]));
      if (!(difference <= loss.largest_difference)) loss.largest_difference = difference;
    }
    return loss;
  }
  double sum = 0;
  for (std::size_t row = 0; row < loss.texts; ++row) {
    const double cosine =
        cosine_of(std::span(exact.values).subspan(row * exact.width, exact.width),
                  std::span(narrow.values).subspan(row * exact.width, exact.width));
    loss.least_cosine = std::min(loss.least_cosine, cosine);
    sum += cosine;
  }
  loss.mean_cosine = sum / static_cast<double>(loss.texts);
  return loss;
}

std::string PrecisionLoss::text() const {
  std::array<char, 128> line{};
  if (scores) {
    std::snprintf(line.data(), line.size(),
                  "scores before the activation: at most %.4f from fp32 (of %zu pairs)",
                  largest_difference, texts);
  } else {
    std::snprintf(line.data(), line.size(),
                  "cosine to fp32: %.4f (lowest of %zu texts), %.4f on average", least_cosine,
                  texts, mean_cosine);
  }
  return line.data();
}

PrecisionLoss measure_precision_loss(const std::string& model_folder,
                                     const std::string& compiled_folder,
                                     const std::string& scratch) {
  const SampleRows exact = sample_rows(load_sample_model(model_folder, "fp32", scratch));
  return compare_rows(exact, sample_rows(load_sample_model(compiled_folder, "auto", scratch)));
}

}  // namespace nestvec
