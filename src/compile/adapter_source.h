// SPDX-License-Identifier: Apache-2.0
// Where the adapters of a model's layers and tables stand.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compile/encoder_weights.h"
#include "compile/names.h"
#include "weights/peft_adapter.h"

namespace nestvec {

using TensorShape = std::vector<std::int64_t>;

template <typename... Sizes>
TensorShape tensor_shape(Sizes... sizes) {
  return {static_cast<std::int64_t>(sizes)...};
}

// The adapters of one file: all tasks stacked in the base file, or one task in a PEFT folder.
class AdapterSource {
 public:
  AdapterSource(const ModelSpec& spec, const WeightSet& base, const ModuleNames& base_names)
      : spec_(spec), base_(base), base_names_(base_names) {}

  void add_folder(const WeightSet& set, PeftConfig config) {
    folders_.push_back({&set, find_adapter_names(set, *base_names_.naming), std::move(config), {}});
  }

  // Throws Error kInvalidArgument for an update of a module that was not asked for: without it the
  // model would compute something else. Heads do not count, which embeddings do not use. Throws
  // kUnimplemented for a word table that is not the base's.
  void check_all_used() const;

  // `pick` chooses the module's names in a naming, of which the i-th has rows[i] output rows.
  template <typename Pick>
  std::vector<std::vector<LowRank>> linear(Pick pick, std::size_t in,
                                           const std::vector<std::size_t>& rows) const {
    std::vector<std::vector<LowRank>> adapters;
    for (std::size_t task = 0; task < spec_.adapters.tasks.size(); ++task) {
      const ModuleNames& names = folders_.empty() ? base_names_ : folders_[task].names;
      const std::vector<std::string> modules = pick(names);
      std::vector<LowRank> parts;
      std::size_t first = 0;
      for (std::size_t i = 0; i < modules.size(); first += rows[i++]) {
        if (!has_update(task, modules[i], "lora_A.weight")) continue;
        note_use(task, modules[i]);
        parts.push_back(folders_.empty() ? stacked(task, modules[i], in, rows[i])
                                         : from_folder(task, modules[i], in, rows[i]));
        parts.back().first = first;
      }
      share_down(parts);
      adapters.push_back(std::move(parts));
    }
    return adapters;
  }

  template <typename Pick>
  std::vector<std::vector<LowRankTable>> table(Pick pick, std::size_t rows,
                                               std::size_t width) const {
    const std::size_t tasks = spec_.adapters.tasks.size();
    std::vector<std::vector<LowRankTable>> adapters(tasks);
    for (std::size_t task = 0; task < tasks; ++task) {
      if (folders_.empty()) {
        const std::size_t rank = spec_.adapters.rank;
        const std::string stem = base_names_.module(pick(*base_names_.naming)) + kStacked;
        adapters[task].push_back(
            {slice(base_.at(stem + "lora_A", tensor_shape(tasks, rows, rank)), task),
             slice(base_.at(stem + "lora_B", tensor_shape(tasks, rank, width)), task),
             spec_.adapters.scaling});
        continue;
      }
      const std::string module = folders_[task].names.module(pick(*folders_[task].names.naming));
      if (!has_update(task, module, "lora_embedding_A")) continue;
      note_use(task, module);
      const WeightSet& set = *folders_[task].set;
      const PeftConfig& config = folders_[task].config;
      const std::size_t rank = config.rank_of(module);
      adapters[task].push_back({set.at(module + ".lora_embedding_A", tensor_shape(rank, rows)),
                                set.at(module + ".lora_embedding_B", tensor_shape(width, rank)),
                                config.scaling_of(module), true});
    }
    return adapters;
  }

 private:
  static constexpr const char* kStacked = ".parametrizations.weight.0.";

  struct Folder {
    const WeightSet* set;
    ModuleNames names;
    PeftConfig config;
    mutable std::set<std::string> used;  // modules whose updates were asked for
  };

  // PEFT writes the table along that an adapter updates, and puts it in the place of the base's.
  bool is_word_table(const WeightSet& set, const TensorView& tensor) const;

  void note_use(std::size_t task, const std::string& module) const {
    if (!folders_.empty()) folders_[task].used.insert(module);
  }

  // A PEFT folder may leave modules alone; then it does not name them as targets either.
  bool has_update(std::size_t task, const std::string& module, const char* ending) const {
    if (folders_.empty() || folders_[task].config.targets(module)) return true;
    return folders_[task].set->find(module + "." + ending) != nullptr;
  }

  LowRank stacked(std::size_t task, const std::string& module, std::size_t in,
                  std::size_t rows) const {
    const std::size_t tasks = spec_.adapters.tasks.size();
    const std::size_t rank = spec_.adapters.rank;
    const std::string stem = module + kStacked;
    return {slice(base_.at(stem + "lora_A", tensor_shape(tasks, rank, in)), task),
            slice(base_.at(stem + "lora_B", tensor_shape(tasks, rows, rank)), task), 0,
            spec_.adapters.scaling};
  }

  LowRank from_folder(std::size_t task, const std::string& module, std::size_t in,
                      std::size_t rows) const {
    const WeightSet& set = *folders_[task].set;
    const PeftConfig& config = folders_[task].config;
    const std::size_t rank = config.rank_of(module);
    return {set.at(module + ".lora_A.weight", tensor_shape(rank, in)),
            set.at(module + ".lora_B.weight", tensor_shape(rows, rank)), 0,
            config.scaling_of(module)};
  }

  // Projections that were trained as one were written with equal copies of `down`: one suffices.
  static void share_down(std::vector<LowRank>& parts);

  const ModelSpec& spec_;
  const WeightSet& base_;
  const ModuleNames& base_names_;
  std::vector<Folder> folders_;
};

}  // namespace nestvec
