// SPDX-License-Identifier: Apache-2.0
// What nestvec search found, and how far its index is.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "search/index_update.h"
#include "search/searcher.h"

namespace nestvec {

enum class SearchFormat { kTerminal, kTsv, kJsonLines };

// A hit each: two lines for a person, a line of "PATH:LINE", score and excerpt, or a line of JSON
// with all of the chunk. `folder` stands before the paths. Nothing of a file's name or text reaches
// a terminal as a control.
struct SearchShow {
  SearchFormat format = SearchFormat::kTsv;
  std::string folder;
  std::string query;  // UTF-8
};
void print_hits(const std::vector<SearchHit>& hits, const SearchShow& show, std::ostream& out);

// "12 files, 340 chunks: 2 files embedded (31 chunks), 1 removed".
std::string update_summary(const UpdateCounts& counts, std::size_t chunks);

// A line that is redrawn on a terminal.
class UpdateDisplay {
 public:
  UpdateDisplay(bool draws, std::ostream& err) : draws_(draws), err_(err) {}
  UpdateDisplay(const UpdateDisplay&) = delete;
  UpdateDisplay& operator=(const UpdateDisplay&) = delete;
  ~UpdateDisplay() { clear(); }

  void show(const UpdateCounts& counts);
  // A line that stays.
  void print(const std::string& line);
  void clear();

 private:
  bool draws_;
  std::ostream& err_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace nestvec
