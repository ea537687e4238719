// SPDX-License-Identifier: Apache-2.0
// The best of many documents, one after another.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace nestvec {

struct RankedDocument {
  float score = 0;
  std::size_t index = 0;  // among all documents, from 0
  std::string text;
};

// Holds the texts of the best so many documents and of no others.
class Ranking {
 public:
  // `most` = 0 keeps all.
  explicit Ranking(std::size_t most) : most_(most) {}

  // Throws Error kInternal for a score that is not a number.
  void add(RankedDocument document);
  // The best first; of equal scores the document that came first. Leaves the ranking empty.
  std::vector<RankedDocument> take();

 private:
  std::size_t most_;
  std::vector<RankedDocument> kept_;  // with a limit a heap, the worst in front
};

}  // namespace nestvec
