// SPDX-License-Identifier: Apache-2.0
#include "session/run_plan.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace nestvec {

std::vector<GraphRun> plan_runs(const PackedBatch& batch, const RunRules& rules) {
  const auto length_of = [&](std::uint32_t i) { return batch.offsets[i + 1] - batch.offsets[i]; };
  const auto task_of = [&](std::uint32_t i) {
    return rules.one_task_a_run ? batch.tasks[i] : kNoTask;
  };
  std::vector<std::uint32_t> order(batch.sequences());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::tuple(task_of(a), length_of(b)) < std::tuple(task_of(b), length_of(a));
  });

  std::vector<GraphRun> runs;
  std::size_t real_tokens = 0;
  for (const std::uint32_t index : order) {
    const std::size_t length = length_of(index);
    bool joins = !runs.empty() && runs.back().task == task_of(index);
    if (joins && rules.max_rows > 0) joins = runs.back().sequences.size() < rules.max_rows;
    if (joins && rules.length == 0 && rules.can_pad) {
      const std::size_t padded = runs.back().length * (runs.back().sequences.size() + 1);
      joins = (padded - real_tokens - length) * 4 <= padded;
    } else if (joins && rules.length == 0) {
      joins = runs.back().length == length;
    }
    if (!joins) {
      const auto own = static_cast<std::uint32_t>(length);
      runs.push_back({{}, rules.length > 0 ? rules.length : own, task_of(index)});
      real_tokens = 0;
    }
    runs.back().sequences.push_back(index);
    real_tokens += length;
  }
  return runs;
}

}  // namespace nestvec
