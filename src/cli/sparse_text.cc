// SPDX-License-Identifier: Apache-2.0
#include "cli/sparse_text.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "bulk/sparse_rows.h"
#include "cli/columns.h"
#include "cli/vector_text.h"

namespace nestvec {
namespace {

constexpr std::size_t kTextsShown = 20;
constexpr std::size_t kTokensShown = 10;  // of a text

// The places of the largest weights; of equal ones the smaller token id's.
std::vector<std::size_t> heaviest(std::span<const float> weights) {
  std::vector<std::size_t> places(weights.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::stable_sort(places,
                           [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
  places.resize(std::min(places.size(), kTokensShown));
  return places;
}

}  // namespace

void check_sparse_format(std::optional<OutputFormat> format) {
  if (!format || format == OutputFormat::kJson || format == OutputFormat::kJsonLines) return;
  throw Error(ErrorCode::kInvalidArgument,
              "sparse vectors of texts are written as json or jsonl; --input FILE writes npz, too");
}

void SparseWriter::begin() {
  if (std::exchange(begun_, true)) return;
  const std::string words = std::to_string(model_.info().vocabulary);
  if (!format_) {
    out_ << "  " << model_.info().id << ": sparse vectors, weights of " << words << " token ids\n";
  } else if (format_ == OutputFormat::kJson) {
    out_ << "{\"vocabulary\":" << words << ",\"sparse\":[";
  }
}

void SparseWriter::show(const SparseVectors& rows, std::size_t row, const std::string& text) {
  constexpr std::size_t kText = 64;
  constexpr std::size_t kToken = 24;
  const SparseRowView weights = sparse_row(rows, row);
  std::string line = fit(text, kText);
  out_ << "  " << line.erase(line.find_last_not_of(' ') + 1) << '\n';
  for (const std::size_t i : heaviest(weights.weights)) {
    out_ << "    " << fit(model_.token(weights.indices[i]), kToken) << ' '
         << number_text("%.4f", static_cast<double>(weights.weights[i])) << '\n';
  }
  const std::size_t count = weights.indices.size();
  if (count == 0) out_ << "    (no weights)\n";
  if (count > kTokensShown) out_ << "    ... and " << count - kTokensShown << " more tokens\n";
}

void SparseWriter::write(const SparseVectors& rows, std::span<const std::string> texts) {
  begin();
  for (std::size_t i = 0; i < texts.size(); ++i, ++count_) {
    if (!format_) {
      if (count_ < kTextsShown) show(rows, i, texts[i]);
      continue;
    }
    const std::string vector = sparse_json(sparse_row(rows, i));
    if (format_ == OutputFormat::kJsonLines) {
      out_ << "{\"index\":" << count_ << ",\"sparse\":" << vector << "}\n";
    } else {
      out_ << (count_ > 0 ? "," : "") << vector;
    }
  }
  if (format_ == OutputFormat::kJsonLines) out_.flush();
}

void SparseWriter::finish() {
  begin();
  if (format_ == OutputFormat::kJson) out_ << "]}\n";
  if (!format_) {
    if (count_ > kTextsShown) out_ << "  ... and " << count_ - kTextsShown << " more texts\n";
    out_ << "  (whole vectors: --format json, or -o FILE)\n";
  }
  out_.flush();
}

}  // namespace nestvec
