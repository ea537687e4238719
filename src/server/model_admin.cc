// SPDX-License-Identifier: Apache-2.0
#include "server/model_admin.h"

#include <optional>
#include <utility>

#include "base/json_writer.h"
#include "base/start_thread.h"
#include "dialects/request_body.h"

namespace nestvec {
namespace {

RequestError expected(const std::string& what, const std::string& param) {
  return RequestError(ErrorCode::kInvalidArgument, what, param, Fault::kUnprocessable);
}

std::string name_in(const JsonValue& body, std::string_view member) {
  const std::string name(string_member(body, member).value_or(""));
  if (name.empty()) throw expected(std::string(member) + " is empty", std::string(member));
  return name;
}

std::vector<std::string> aliases_in(const JsonValue& body) {
  std::vector<std::string> aliases;
  const auto list = body.find("aliases");
  if (!list) return aliases;
  if (list->kind() != JsonValue::Kind::kArray) {
    throw expected("aliases: expected a list of names", "aliases");
  }
  for (const JsonValue& each : list->elements()) {
    aliases.emplace_back(read_string(each));
    if (aliases.back().empty()) throw expected("aliases: a name is empty", "aliases");
  }
  return aliases;
}

// What the server cannot do as it stands is a fault of the request, not an overload of the server.
RequestError refusal_of(const Error& error) {
  const bool is_refused =
      error.code() == ErrorCode::kResourceExhausted || error.code() == ErrorCode::kAlreadyExists ||
      error.code() == ErrorCode::kFailedPrecondition || error.code() == ErrorCode::kInvalidArgument;
  return RequestError(is_refused ? ErrorCode::kInvalidArgument : error.code(), error.what(), "",
                      is_refused ? Fault::kUnprocessable : Fault::kNone);
}

HttpResponse answer_of(const char* what, const std::string& id) {
  HttpResponse response;
  JsonObject body(response.body);
  body.text(what, id);
  body.end();
  return response;
}

}  // namespace

ModelAdmin::ModelAdmin(Actions actions)
    : actions_(std::move(actions)),
      thread_(start_thread("the thread of /admin/models", [this] { work(stop_.get_token()); })) {}

ModelAdmin::~ModelAdmin() {
  stop_.request_stop();
  thread_.join();
  for (const Change& change : waiting_) {
    change.exchange.attempt(
        [] { throw Error(ErrorCode::kUnavailable, "the server is being shut down"); });
  }
}

ModelAdmin::Change ModelAdmin::change_of(Exchange exchange) const {
  const JsonDocument document = read_json_body(*exchange.request);
  const JsonValue body = document.root();
  const bool loads = body.find("load").has_value();
  if (loads == body.find("unload").has_value()) {
    throw expected("give either `load`, the model's folder or repository, or `unload`, its name",
                   "load");
  }
  Change change{.exchange = std::move(exchange), .make = {}};
  if (!loads) {
    change.make = [this, name = name_in(body, "unload")](const std::stop_token&) {
      return actions_.unload(name);
    };
    return change;
  }
  ModelToLoad model{.repo_id = name_in(body, "load"),
                    .name = std::string(string_member(body, "name").value_or("")),
                    .aliases = aliases_in(body)};
  change.make = [this, model = std::move(model)](const std::stop_token& stop) {
    return actions_.load(model, stop);
  };
  return change;
}

void ModelAdmin::change(Exchange exchange) {
  exchange.lease.reset();  // the model that a change waits for may be this one
  Change change = change_of(std::move(exchange));
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) {
      throw Error(
          ErrorCode::kResourceExhausted,
          std::to_string(kMostWaiting) + " changes of models wait already; try again later");
    }
    waiting_.push_back(std::move(change));
  }
  wake_.notify_one();
}

void ModelAdmin::work(const std::stop_token& stop) {
  while (true) {
    std::optional<Change> change;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); }) || stop.stop_requested()) {
        return;
      }
      change.emplace(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    change->exchange.attempt([&] {
      try {
        change->exchange.respond(answer_of("model", change->make(stop)));
      } catch (const RequestError&) {
        throw;
      } catch (const Error& error) {
        throw RequestError(refusal_of(error));
      }
    });
  }
}

}  // namespace nestvec
