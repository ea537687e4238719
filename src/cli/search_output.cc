// SPDX-License-Identifier: Apache-2.0
#include "cli/search_output.h"

#include <algorithm>
#include <ostream>
#include <span>

#include "base/excerpt.h"
#include "base/json_writer.h"
#include "cli/vector_text.h"
#include "search/show.h"

namespace nestvec {
namespace {

constexpr std::size_t kExcerptBytes = 200;
constexpr std::chrono::milliseconds kRedrawEvery{100};

std::string score_text(double score) { return number_text("%.4f", score); }

std::string joined(const std::string& folder, const std::string& path) {
  return folder.ends_with('/') ? folder + path : folder + "/" + path;
}

std::string counted(std::size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string hit_json(const SearchHit& hit, const std::string& path) {
  std::string line;
  JsonObject object(line);
  object.text("path", path);
  object.count("line", hit.line);
  object.real("score", hit.score);
  object.text("text", hit.text);
  object.end();
  return line;
}

}  // namespace

void print_hits(const std::vector<SearchHit>& hits, const SearchShow& show, std::ostream& out) {
  Pace pace;
  const std::vector<WordCount> words = count_words(show.query, pace);
  for (const SearchHit& hit : hits) {
    const std::string path = joined(show.folder, hit.path);
    if (show.format == SearchFormat::kJsonLines) {
      out << hit_json(hit, path) << '\n';
      continue;
    }
    const std::string place = escape_path(path) + ":" + std::to_string(hit.line);
    const std::string excerpt = excerpt_around(hit.text, words, kExcerptBytes, pace);
    if (show.format == SearchFormat::kTsv) {
      out << place << '\t' << score_text(hit.score) << '\t' << excerpt << '\n';
    } else {
      out << place << "  " << score_text(hit.score) << "\n    " << excerpt << "\n";
    }
  }
}

std::string update_summary(const UpdateCounts& counts, std::size_t chunks) {
  std::string text = counted(counts.files, "file") + ", " + counted(chunks, "chunk") + ": ";
  text += counted(counts.embedded, "file") + " embedded";
  if (counts.embedded > 0) text += " (" + counted(counts.chunks, "chunk") + ")";
  text += ", " + std::to_string(counts.unchanged) + " unchanged";
  if (counts.removed > 0) text += ", " + std::to_string(counts.removed) + " removed";
  if (counts.not_text > 0) text += ", " + std::to_string(counts.not_text) + " not text";
  return text;
}

void UpdateDisplay::show(const UpdateCounts& counts) {
  if (!draws_ || counts.embedded == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kRedrawEvery) return;
  last_ = now;
  err_ << "\r\x1b[K" << "indexing: " << counts.seen << " of " << counted(counts.files, "file")
       << ", " << counted(counts.chunks, "chunk");
  err_.flush();
  drawn_ = true;
}

void UpdateDisplay::print(const std::string& line) {
  clear();
  err_ << "nestvec: " << one_line(line) << '\n';
  err_.flush();
}

void UpdateDisplay::clear() {
  if (drawn_) err_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace nestvec
