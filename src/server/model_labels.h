// SPDX-License-Identifier: Apache-2.0
// How metrics tell models apart.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "observe/metrics.h"

namespace nestvec {

// As many labels as the server has had models, but not without end where an administrator goes on
// loading others. Not thread-safe.
class ModelLabels {
 public:
  static constexpr std::size_t kMost = 32;

  explicit ModelLabels(bool has_labels) : has_labels_(has_labels) {}

  std::string of(const std::string& id) {
    if (!has_labels_) return "";
    if (names_.size() < kMost) names_.insert(id);
    return metric_label("model", names_.contains(id) ? id : "other");
  }

 private:
  const bool has_labels_;
  std::set<std::string> names_;
};

}  // namespace nestvec
