// SPDX-License-Identifier: Apache-2.0
// The models of a server, and which of them a request means.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/model.h"
#include "service/router.h"
#include "service/service.h"

namespace nestvec {

// What a route needs of a model.
enum class ModelKind { kEmbed, kRerank, kClassify, kSparse, kMultiVector, kAny };
// What a request needs of it, all at once.
using ModelKinds = std::span<const ModelKind>;

bool is_of_kind(const ModelInfo& model, ModelKind kind);
bool is_of_kinds(const ModelInfo& model, ModelKinds kinds);

// Safe for concurrent use. The first model stays as long as the server; others may leave.
class ServedModels {
 public:
  // A model for as long as a request needs it.
  using Lease = std::shared_ptr<const Service>;

  ServedModels() = default;
  ServedModels(const ServedModels&) = delete;
  ServedModels& operator=(const ServedModels&) = delete;

  // Takes a model into service, by its id and Service::aliases. What `service` points at and the
  // model that it refers to live as long as the pointer. Throws Error kAlreadyExists where one of
  // the names is taken, with nothing changed.
  Lease add(std::shared_ptr<const Service> service);

  // Throws Error kAlreadyExists where a model has one of the names.
  void check_free(std::span<const std::string> names) const;

  // Takes it out of service: new requests do not find it. Waits for those that run, `limit` at
  // most, then calls `end`, which ends them, and waits for that. Blocks. Throws Error: kNotFound,
  // kFailedPrecondition for the first model.
  void remove(std::string_view name, std::chrono::milliseconds limit,
              const std::function<void(const Model&)>& end);

  // The model of a name, its owner before it and a task behind it or not ("owner/name:query"). An
  // empty name means the first of all those kinds, else the first of the first kind, else the
  // first, whose own error says what it lacks. Where there is one model any name means it, unless
  // server.strict_model. Throws RequestError kNotFound of `param`, with the names that there are.
  Lease find(std::string_view name, ModelKinds kinds, std::string_view param = "model") const;
  Lease find(std::string_view name, ModelKind kind, std::string_view param = "model") const {
    return find(name, ModelKinds(&kind, 1), param);
  }
  // The model of a name, also where there is one. Throws RequestError kNotFound of `param`.
  Lease require(std::string_view name, std::string_view param = "model") const;
  // In the order in which they came.
  std::vector<Lease> all() const;
  std::size_t size() const;

 private:
  // What `lease` is a copy of, and whether its last copy is gone.
  struct Entry {
    std::shared_ptr<const Service> service;
    bool free = false;
  };
  struct Served {
    std::shared_ptr<Entry> entry;
    Lease lease;
  };

  // Precondition of these: mutex_ is held.
  void refuse_taken(std::span<const std::string> names) const;
  const Served* named(std::string_view name) const;
  const Served& first_of(ModelKinds kinds) const;
  std::string names() const;

  mutable std::mutex mutex_;  // guards what follows, and the entries
  std::condition_variable returned_;
  std::vector<Served> served_;  // destroyed first: the end of a lease takes the mutex
};

// The model for a request that came to `service`: as ServedModels::find, or `service` itself where
// there are no others.
ServedModels::Lease model_for(const Service& service, std::string_view name, ModelKinds kinds,
                              std::string_view param = "model");
ServedModels::Lease model_for(const Service& service, std::string_view name, ModelKind kind,
                              std::string_view param = "model");
// The model of a name, and no other. Throws RequestError kNotFound of `param`.
ServedModels::Lease require_model(const Service& service, std::string_view name,
                                  std::string_view param = "model");
std::vector<ServedModels::Lease> all_models(const Service& service);

// The exchange for the model that its request names; ServedModels::find says which. For handlers,
// when they know the name and before they use Exchange::service for anything of a model. Throws
// also Error kFailedPrecondition where that model is not of the kind.
Exchange for_model(Exchange exchange, std::string_view name, ModelKinds kinds,
                   std::string_view param = "model");
Exchange for_model(Exchange exchange, std::string_view name, ModelKind kind,
                   std::string_view param = "model");

}  // namespace nestvec
