// SPDX-License-Identifier: Apache-2.0
#include "server/model_admin.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/excerpt.h"
#include "base/json_writer.h"
#include "base/start_thread.h"
#include "dialects/request_body.h"

namespace nestvec {
namespace {

RequestError expected(const std::string& what, const std::string& param) {
  return RequestError(ErrorCode::kInvalidArgument, what, param, Fault::kUnprocessable);
}

// Names stand in lists, metrics and errors, and a path is no longer than the system takes.
constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kMostAliases = 64;

std::string checked(std::string_view text, std::string_view member, std::size_t longest) {
  const auto is_control = [](char c) {
    constexpr unsigned char kFirstPrintable = 0x20;
    constexpr unsigned char kDelete = 0x7f;
    const auto byte = static_cast<unsigned char>(c);
    return byte < kFirstPrintable || byte == kDelete;
  };
  const std::string param(member);
  if (text.empty()) throw expected(param + ": a name is empty", param);
  if (text.size() > longest) {
    throw expected(param + ": has " + std::to_string(text.size()) + " bytes, at most " +
                       std::to_string(longest) + " are taken",
                   param);
  }
  if (std::ranges::any_of(text, is_control)) {
    throw expected(param + ": has a control character", param);
  }
  return std::string(text);
}

std::string name_in(const JsonValue& body, std::string_view member) {
  return checked(string_member(body, member).value_or(""), member, kLongestPath);
}

std::vector<std::string> aliases_in(const JsonValue& body) {
  std::vector<std::string> aliases;
  const auto list = body.find("aliases");
  if (!list) return aliases;
  if (list->kind() != JsonValue::Kind::kArray) {
    throw expected("aliases: expected a list of names", "aliases");
  }
  if (list->size() > kMostAliases) {
    throw expected("aliases: expected at most " + std::to_string(kMostAliases) + " names",
                   "aliases");
  }
  for (const JsonValue& each : list->elements()) {
    aliases.push_back(checked(read_string(each), "aliases", kLongestName));
  }
  return aliases;
}

// A setting that nobody reads would leave a model that is not what was asked for.
void refuse_others(const JsonValue& body, std::span<const std::string_view> known) {
  for (const auto& [name, value] : body.members()) {
    if (value.is_null() || std::ranges::find(known, name) != known.end()) continue;
    throw expected(excerpt(name) + ": this route does not know it; `load` goes with `name` and " +
                       "`aliases`, `unload` with nothing, and other settings are the server's",
                   std::string(name.substr(0, kLongestName)));
  }
}

// What the server cannot do as it stands, or with such files, is a fault of the request, not an
// overload or a failure of the server.
RequestError refusal_of(const Error& error) {
  using enum ErrorCode;
  constexpr std::array kRefused = {kResourceExhausted, kAlreadyExists,    kFailedPrecondition,
                                   kInvalidArgument,   kPermissionDenied, kUnimplemented,
                                   kDataLoss};
  const bool is_refused = std::ranges::find(kRefused, error.code()) != kRefused.end();
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
  constexpr std::array<std::string_view, 3> kOfLoads = {"load", "name", "aliases"};
  constexpr std::array<std::string_view, 1> kOfUnloads = {"unload"};
  refuse_others(body, loads ? std::span<const std::string_view>(kOfLoads) : kOfUnloads);
  Change change{.exchange = std::move(exchange), .make = {}};
  if (!loads) {
    change.make = [this, name = name_in(body, "unload")](const std::stop_token&) {
      return actions_.unload(name);
    };
    return change;
  }
  ModelToLoad model{.repo_id = name_in(body, "load"), .name = {}, .aliases = aliases_in(body)};
  if (const std::string_view name = string_member(body, "name").value_or(""); !name.empty()) {
    model.name = checked(name, "name", kLongestName);
  }
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
