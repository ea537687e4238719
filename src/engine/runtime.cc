// SPDX-License-Identifier: Apache-2.0
#include "nestvec/runtime.h"

#include <iterator>
#include <list>
#include <mutex>
#include <utility>

#include "base/cpu.h"
#include "engine/loading_model.h"

namespace nestvec {

// A model's part of the plan.
struct PlanEntry {
  ModelShare share;
  std::uint64_t budget = 0;
};

namespace {

void note_plan(const LoadLog& log, std::size_t loaded, const RuntimeMemory& memory) {
  if (!log.detail || memory.models == loaded) return;
  log.detail("memory plan of " + std::to_string(memory.models) + " models: " + memory.plan);
}

}  // namespace

// What the models share, and what each of them takes.
class Runtime::Core : public std::enable_shared_from_this<Core> {
 public:
  std::vector<Model> load(std::span<const ModelConfig> configs, const LoadLog& log,
                          const std::stop_token& stop);
  RuntimeMemory memory() const;

 private:
  class Place;
  using PlacePtr = std::shared_ptr<const Place>;

  void start(const ModelConfig& config);
  std::vector<PlacePtr> reserve(std::span<const PlanEntry> wanted);
  // Precondition of these: mutex_ is held.
  std::uint64_t budget() const;
  std::vector<ModelShare> shares() const;

  mutable std::mutex mutex_;              // guards what follows
  std::shared_ptr<Scheduler> scheduler_;  // these with the first model
  std::shared_ptr<Compute> compute_;
  ThreadPlan threads_;
  std::list<PlanEntry> entries_;
};

// A model's entry in the plan, as long as it lives.
class Runtime::Core::Place {
 public:
  // Precondition: the core's mutex is held.
  Place(std::shared_ptr<Core> core, PlanEntry entry) : core_(std::move(core)) {
    core_->entries_.push_back(std::move(entry));
    entry_ = std::prev(core_->entries_.end());
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    const std::lock_guard lock(core_->mutex_);
    core_->entries_.erase(entry_);
  }

 private:
  const std::shared_ptr<Core> core_;
  std::list<PlanEntry>::iterator entry_;
};

void Runtime::Core::start(const ModelConfig& config) {
  const std::lock_guard lock(mutex_);
  if (scheduler_) return;
  threads_ = decide_threads(config.inference_compute_info.cpu_limit, config.runtime.threads);
  compute_ = std::make_shared<Compute>(threads_.threads);
  scheduler_ = std::make_shared<Scheduler>();
}

std::uint64_t Runtime::Core::budget() const {
  std::uint64_t least = 0;
  for (const PlanEntry& entry : entries_) {
    if (entry.budget > 0 && (least == 0 || entry.budget < least)) least = entry.budget;
  }
  return least;
}

std::vector<ModelShare> Runtime::Core::shares() const {
  std::vector<ModelShare> shares;
  for (const PlanEntry& entry : entries_) shares.push_back(entry.share);
  return shares;
}

// A place for each of the models, or none of them.
std::vector<Runtime::Core::PlacePtr> Runtime::Core::reserve(std::span<const PlanEntry> wanted) {
  std::vector<PlacePtr> places;  // which end without the lock
  places.reserve(wanted.size());
  const std::lock_guard lock(mutex_);
  for (const PlanEntry& entry : wanted) {
    places.push_back(std::make_shared<const Place>(shared_from_this(), entry));
  }
  check_budget(shares(), budget());
  return places;
}

std::vector<Model> Runtime::Core::load(std::span<const ModelConfig> configs, const LoadLog& log,
                                       const std::stop_token& stop) {
  std::vector<Model> models;
  if (configs.empty()) return models;
  start(configs.front());
  std::vector<LoadingModel> loading;
  std::vector<PlanEntry> entries;
  for (const ModelConfig& config : configs) {
    loading.emplace_back(config, log, stop, threads_.threads);
    entries.push_back({loading.back().share(), config.inference_compute_info.cpu_memory_bytes});
  }
  std::vector<PlacePtr> places = reserve(entries);
  models.reserve(loading.size());
  for (std::size_t i = 0; i < loading.size(); ++i) {
    SharedParts shared{scheduler_, compute_, std::move(places[i])};
    models.push_back(loading[i].open(std::move(shared), threads_.reason));
  }
  note_plan(log, loading.size(), memory());
  return models;
}

RuntimeMemory Runtime::Core::memory() const {
  const std::lock_guard lock(mutex_);
  const std::vector<ModelShare> all = shares();
  if (all.empty()) return {};
  return {.models = all.size(),
          .plan_bytes = plan_memory(all).total(),
          .budget_bytes = budget(),
          .plan = describe_plan(all, budget())};
}

Runtime::Runtime() : core_(std::make_shared<Core>()) {}
Runtime::Runtime(Runtime&&) noexcept = default;
Runtime& Runtime::operator=(Runtime&&) noexcept = default;
Runtime::~Runtime() = default;

std::vector<Model> Runtime::load(std::span<const ModelConfig> configs, const LoadLog& log,
                                 const std::stop_token& stop) {
  return core_->load(configs, log, stop);
}

Model Runtime::load(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop) {
  return std::move(load({&config, 1}, log, stop).front());
}

RuntimeMemory Runtime::memory() const { return core_->memory(); }

Model load_model(const ModelConfig& config, const LogSink& log) {
  return load_model(config, {.note = log, .detail = log}, std::stop_token());
}

Model load_model(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop) {
  return Runtime().load(config, log, stop);
}

Model load_model(const std::string& folder_or_repo, const LogSink& log) {
  return load_model(config_for_model(folder_or_repo), log);
}

}  // namespace nestvec
