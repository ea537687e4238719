// SPDX-License-Identifier: Apache-2.0
#include "bulk/checkpoint.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // a path for each of many inputs

std::string repaired(std::string_view text) {
  std::string storage;
  return std::string(repair_utf8(text, storage));
}

// Names and numbers of a checkpoint, in the order in which they are written. `Visit` reads or
// writes them.
template <typename Place, typename Visit>
void visit_place(Place& place, Visit&& visit) {
  visit("file", place.file);
  visit("offset", place.offset);
  visit("checksum", place.checksum);
  visit("raw_bytes", place.raw_bytes);
}

template <typename Sizes, typename Visit>
void visit_sizes(Sizes& sizes, Visit&& visit) {
  visit("vectors", sizes.vectors);
  visit("ids", sizes.ids);
  visit("scales", sizes.scales);
  visit("errors", sizes.errors);
  visit("digests", sizes.digests);
}

// Numbers of 64 bits without a sign; JSON values here are read with one.
std::uint64_t read_count(const JsonValue& value) {
  const std::int64_t number = value.integer();
  if (number < 0) throw value.error("expected no negative number");
  return static_cast<std::uint64_t>(number);
}

Checkpoint read_checkpoint(const JsonValue& root) {
  if (root.at("version").integer() != kVersion) {
    throw root.at("version").error("expected " + std::to_string(kVersion));
  }
  Checkpoint checkpoint;
  for (const auto& [flag, value] : root.at("options").members()) {
    checkpoint.options.emplace_back(flag, value.string());
  }
  checkpoint.on_error = root.at("on_error").string();
  checkpoint.model_id = root.at("model_id").string();
  checkpoint.model_digest = root.at("model_digest").string();
  for (const JsonValue& input : root.at("inputs").elements()) {
    checkpoint.inputs.push_back({std::string(input.at("path").string()),
                                 read_count(input.at("bytes")), input.at("modified").integer()});
  }
  const auto read_from = [](const JsonValue& object) {
    return [object](std::string_view name, std::uint64_t& value) {
      value = read_count(object.at(name));
    };
  };
  visit_place(checkpoint.place, read_from(root.at("place")));
  visit_counts(checkpoint.counts, read_from(root.at("counts")));
  visit_sizes(checkpoint.sizes, read_from(root.at("sizes")));
  checkpoint.complete = root.at("complete").boolean();
  if (checkpoint.place.offset > 0 && checkpoint.place.file >= checkpoint.inputs.size()) {
    throw root.at("place").error("names an input that does not exist");
  }
  return checkpoint;
}

Error differs(const std::string& what) {
  return Error(
      ErrorCode::kInvalidArgument,
      one_line("--resume: " + what + "; keep the earlier setting, or start over with --restart"));
}

void check_inputs(const std::vector<InputFacts>& then, const std::vector<InputFacts>& now) {
  if (then.size() != now.size()) {
    throw differs("there are " + std::to_string(now.size()) + " inputs, and there were " +
                  std::to_string(then.size()));
  }
  for (std::size_t i = 0; i < then.size(); ++i) {
    const std::string path = repaired(now[i].path);
    if (repaired(then[i].path) != path) {
      throw differs("input " + std::to_string(i + 1) + " is " + path + ", and it was " +
                    then[i].path);
    }
    if (then[i].bytes != now[i].bytes) {
      throw differs("the input " + path + " has " + std::to_string(now[i].bytes) +
                    " bytes, and it had " + std::to_string(then[i].bytes));
    }
    if (then[i].modified != now[i].modified) {
      throw differs("the input " + path + " was written since the run began");
    }
  }
}

}  // namespace

std::string write_checkpoint(const Checkpoint& checkpoint) {
  std::string out;
  JsonObject root(out);
  root.integer("version", kVersion);
  JsonObject options(root.key("options"));
  for (const auto& [flag, value] : checkpoint.options) options.text(flag, value);
  options.end();
  root.text("on_error", checkpoint.on_error);
  root.text("model_id", checkpoint.model_id);
  root.text("model_digest", checkpoint.model_digest);
  root.key("inputs").push_back('[');
  for (std::size_t i = 0; i < checkpoint.inputs.size(); ++i) {
    if (i > 0) out.push_back(',');
    JsonObject input(out);
    input.text("path", checkpoint.inputs[i].path);
    input.count("bytes", checkpoint.inputs[i].bytes);
    input.integer("modified", checkpoint.inputs[i].modified);
    input.end();
  }
  out.push_back(']');
  const auto object = [&root](std::string_view name, const auto& visit_all) {
    JsonObject writer(root.key(name));
    visit_all(
        [&writer](std::string_view member, std::uint64_t value) { writer.count(member, value); });
    writer.end();
  };
  object("place", [&](auto visit) { visit_place(checkpoint.place, visit); });
  object("counts", [&](auto visit) { visit_counts(checkpoint.counts, visit); });
  object("sizes", [&](auto visit) { visit_sizes(checkpoint.sizes, visit); });
  root.boolean("complete", checkpoint.complete);
  root.end();
  out.push_back('\n');
  return out;
}

Checkpoint parse_checkpoint(std::string_view text, const std::string& name) {
  try {
    const JsonDocument document = JsonDocument::parse(text, name);
    return read_checkpoint(document.root());
  } catch (const Error& error) {
    throw Error(ErrorCode::kDataLoss, std::string(error.what()) +
                                          "; the checkpoint cannot be used: start over with "
                                          "--restart");
  }
}

std::optional<Checkpoint> load_checkpoint(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return parse_checkpoint(read_file(path, kMaxBytes), path);
}

void save_checkpoint(const Checkpoint& checkpoint, const std::string& path) {
  // One name for all that are begun, so that a kill leaves no litter.
  const std::string partial = partial_path(path);
  {
    GrowingFile file(partial, 0);
    file.append(write_checkpoint(checkpoint));
    file.sync();
  }
  if (::rename(partial.c_str(), follow_links(path).c_str()) != 0) {
    throw file_error("cannot create", path, errno);
  }
  sync_folder_of(path);
}

void check_same_run(const Checkpoint& then, const Checkpoint& now) {
  for (const auto& [flag, value] : now.options) {
    const auto known = std::find_if(then.options.begin(), then.options.end(),
                                    [&](const auto& option) { return option.first == flag; });
    const std::string before = known == then.options.end() ? "" : known->second;
    if (before != repaired(value)) {
      throw differs(flag + " is \"" + value + "\", and it was \"" + before + "\"");
    }
  }
  // Up to a bad row all ways are one.
  if (then.on_error != now.on_error && then.counts.bad > 0) {
    throw differs("--on-error is " + now.on_error + ", and rows were left out under " +
                  then.on_error);
  }
  check_inputs(then.inputs, now.inputs);
  if (then.model_digest != now.model_digest) {
    throw differs("the model " + now.model_id + " does not compute what " + then.model_id +
                  " computed (another model, precision or processor)");
  }
}

}  // namespace nestvec
