// SPDX-License-Identifier: Apache-2.0
#include "service/served_models.h"

#include <algorithm>
#include <utility>

#include "base/excerpt.h"
#include "service/model_kind.h"
#include "service/model_name.h"

namespace nestvec {
namespace {

RequestError no_such_model(std::string_view name, const std::string& names,
                           std::string_view param) {
  return RequestError(ErrorCode::kNotFound,
                      "there is no model " + excerpt(name) + " here; this server has " + names,
                      std::string(param));
}

bool is_named(const Service& service, std::string_view name) {
  return is_name_of(name, service.model.info(), service.aliases);
}

}  // namespace

bool is_of_kind(const ModelInfo& model, ModelKind kind) {
  switch (kind) {
    case ModelKind::kEmbed:
      return model.dense && model.labels.empty();
    case ModelKind::kRerank:
      return model.labels.size() == 1;
    case ModelKind::kClassify:
      return !model.labels.empty();
    case ModelKind::kSparse:
      return model.sparse;
    case ModelKind::kMultiVector:
      return model.multi_vector;
    case ModelKind::kAny:
      return true;
  }
  return false;
}

bool is_of_kinds(const ModelInfo& model, ModelKinds kinds) {
  return std::ranges::all_of(kinds, [&](ModelKind kind) { return is_of_kind(model, kind); });
}

ServedModels::Lease ServedModels::add(std::shared_ptr<const Service> service) {
  const auto entry = std::make_shared<Entry>();
  entry->service = std::move(service);
  const Service& added = *entry->service;
  Lease lease(&added, [this, entry](const Service*) {
    const std::lock_guard lock(mutex_);
    entry->free = true;
    returned_.notify_all();
  });
  std::vector<std::string> own = added.aliases;
  own.push_back(added.model.info().id);
  const std::lock_guard lock(mutex_);
  served_.reserve(served_.size() + 1);
  refuse_taken(own);
  served_.push_back({entry, lease});
  return lease;
}

void ServedModels::refuse_taken(std::span<const std::string> names) const {
  for (const Served& other : served_) {
    refuse_names_of(names, other.lease->model.info(), other.lease->aliases);
  }
}

void ServedModels::check_free(std::span<const std::string> names) const {
  const std::lock_guard lock(mutex_);
  refuse_taken(names);
}

void ServedModels::remove(std::string_view name, std::chrono::milliseconds limit,
                          const std::function<void(const Model&)>& end) {
  std::unique_lock lock(mutex_);
  const auto found = std::ranges::find_if(
      served_, [&](const Served& each) { return is_named(*each.lease, name); });
  if (found == served_.end()) throw no_such_model(name, names(), "unload");
  if (found == served_.begin()) {
    throw RequestError(ErrorCode::kFailedPrecondition,
                       excerpt(name) + " is the first model of this server, which stays", "unload",
                       Fault::kUnprocessable);
  }
  Served served = std::move(*found);
  served_.erase(found);
  // So that it ends here: the end of a lease may hold the entry for a moment longer.
  const std::shared_ptr<const Service> service = std::move(served.entry->service);
  lock.unlock();
  served.lease.reset();
  lock.lock();
  const auto is_free = [&] { return served.entry->free; };
  if (returned_.wait_for(lock, limit, is_free)) return;
  lock.unlock();
  end(service->model);
  lock.lock();
  returned_.wait(lock, is_free);
}

const ServedModels::Served* ServedModels::named(std::string_view name) const {
  for (const Served& each : served_) {
    if (is_named(*each.lease, name)) return &each;
  }
  for (const Served& each : served_) {
    // At most one task; task_of_name() refuses a second one.
    std::string_view base = name;
    for (int suffix = 0; suffix < 2; ++suffix) {
      base = name_before_task(base, each.lease->model.info(), each.lease->aliases);
      if (!base.empty() && is_named(*each.lease, base)) return &each;
    }
  }
  return nullptr;
}

const ServedModels::Served& ServedModels::first_of(ModelKinds kinds) const {
  for (const ModelKinds wanted : {kinds, kinds.first(1)}) {
    const auto found = std::ranges::find_if(
        served_, [&](const Served& each) { return is_of_kinds(each.lease->model.info(), wanted); });
    if (found != served_.end()) return *found;
  }
  return served_.front();
}

std::string ServedModels::names() const {
  std::string names;
  for (const Served& each : served_) {
    names += (names.empty() ? "" : ", ") + each.lease->model.info().id;
    for (const std::string& alias : each.lease->aliases) names += ", " + alias;
  }
  return names;
}

ServedModels::Lease ServedModels::find(std::string_view name, ModelKinds kinds,
                                       std::string_view param) const {
  const std::lock_guard lock(mutex_);
  if (name.empty()) return first_of(kinds).lease;
  if (const Served* const served = named(name)) return served->lease;
  const bool any_name = served_.size() == 1 && !served_.front().lease->options.strict_model;
  if (any_name) return served_.front().lease;
  throw no_such_model(name, names(), param);
}

ServedModels::Lease ServedModels::require(std::string_view name, std::string_view param) const {
  const std::lock_guard lock(mutex_);
  if (const Served* const served = named(name)) return served->lease;
  throw no_such_model(name, names(), param);
}

std::vector<ServedModels::Lease> ServedModels::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Lease> all;
  all.reserve(served_.size());
  for (const Served& each : served_) all.push_back(each.lease);
  return all;
}

std::size_t ServedModels::size() const {
  const std::lock_guard lock(mutex_);
  return served_.size();
}

ServedModels::Lease model_for(const Service& service, std::string_view name, ModelKinds kinds,
                              std::string_view param) {
  if (service.models != nullptr) return service.models->find(name, kinds, param);
  return {std::shared_ptr<const void>(), &service};
}

ServedModels::Lease model_for(const Service& service, std::string_view name, ModelKind kind,
                              std::string_view param) {
  return model_for(service, name, ModelKinds(&kind, 1), param);
}

ServedModels::Lease require_model(const Service& service, std::string_view name,
                                  std::string_view param) {
  if (service.models != nullptr) return service.models->require(name, param);
  task_of_name(name, service.model.info(), true, param, service.aliases);
  return {std::shared_ptr<const void>(), &service};
}

std::vector<ServedModels::Lease> all_models(const Service& service) {
  if (service.models != nullptr) return service.models->all();
  return {ServedModels::Lease(std::shared_ptr<const void>(), &service)};
}

Exchange for_model(Exchange exchange, std::string_view name, ModelKinds kinds,
                   std::string_view param) {
  ServedModels::Lease lease = model_for(exchange.service, name, kinds, param);
  for (const ModelKind kind : kinds) require_kind(lease->model.info(), kind);
  return Exchange{.service = *lease,
                  .request = std::move(exchange.request),
                  .respond = std::move(exchange.respond),
                  .errors = exchange.errors,
                  .client = std::move(exchange.client),
                  .parameters = std::move(exchange.parameters),
                  .on_error = std::move(exchange.on_error),
                  .lease = std::move(lease)};
}

Exchange for_model(Exchange exchange, std::string_view name, ModelKind kind,
                   std::string_view param) {
  return for_model(std::move(exchange), name, ModelKinds(&kind, 1), param);
}

}  // namespace nestvec
