// SPDX-License-Identifier: Apache-2.0
#include "bulk/bulk_run.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/excerpt.h"
#include "base/json_writer.h"
#include "base/seconds.h"
#include "bulk/model_digest.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// How long a signal waits to be seen, and a bar to be drawn anew.
constexpr std::chrono::milliseconds kPatience{100};

std::string error_line(const SourceRow& row, const std::string& path, const std::string& fault) {
  std::string line;
  JsonObject object(line);
  object.count("row", row.index);
  object.text("file", path);
  object.count("line", row.line);
  if (!row.fields.id.empty()) object.raw("id", row.fields.id);
  object.text("reason", fault);
  object.end();
  return line;
}

// Unknown where an input is a pipe.
std::uint64_t total_bytes(const std::vector<InputFacts>& inputs) {
  std::uint64_t total = 0;
  for (const InputFacts& input : inputs) {
    if (input.modified == 0) return 0;
    total += input.bytes;
  }
  return total;
}

}  // namespace

BulkRun::BulkRun(BulkOptions options) : options_(std::move(options)) {
  check_options(options_);
  inputs_ = find_inputs(options_.inputs);
  check_output();
  const std::string path = options_.output.checkpoint_path();
  if (options_.restart) return;
  found_ = load_checkpoint(path);
  if (!options_.resume && found_) {
    if (!found_->complete) {
      throw Error(ErrorCode::kInvalidArgument,
                  path +
                      " belongs to an unfinished run: continue it with --resume, or discard "
                      "it with --restart");
    }
    found_.reset();
  }
  std::error_code ignored;
  if (options_.resume && !found_ && fs::exists(options_.output.path, ignored)) {
    throw Error(ErrorCode::kInvalidArgument,
                "--resume: " + options_.output.path +
                    " exists and has no checkpoint, so it cannot be resumed; to replace it, "
                    "leave --resume out");
  }
}

void BulkRun::check_output() const {
  const OutputSpec& output = options_.output;
  std::error_code ignored;
  if (fs::is_directory(output.path, ignored)) throw file_error("cannot write", output.path, EISDIR);
  const std::string folder = fs::path(output.path).parent_path().string();
  if (!folder.empty() && !fs::is_directory(folder, ignored)) {
    throw file_error("cannot write into", folder, ENOENT);
  }
  for (const std::string& path :
       {output.path, output.ids_path(), output.scales_path(), output.errors_path()}) {
    for (const InputFacts& input : inputs_) refuse_input(path, input.path);
  }
}

void BulkRun::begin(const Model& model) {
  const ModelInfo& info = model.info();
  state_.options = option_facts(options_, info);
  state_.on_error = on_error_name(options_.on_error);
  state_.model_id = info.id;
  state_.model_digest = model_digest(model);
  state_.inputs = inputs_;
  if (found_) {
    check_same_run(*found_, state_);
    state_.place = found_->place;
    state_.counts = found_->counts;
    state_.sizes = found_->sizes;
    state_.complete = found_->complete;
  }
  progress_.counts = progress_.before = state_.counts;
  progress_.bytes_done = progress_.bytes_before = state_.place.raw_bytes;
  progress_.bytes_total = total_bytes(inputs_);
  if (state_.complete) return;
  const std::size_t dimensions =
      options_.embed.dimensions == 0 ? info.dimensions : options_.embed.dimensions;
  const std::size_t width = options_.output.sparse ? info.vocabulary : dimensions;
  files_ = std::make_unique<VectorFiles>(options_.output, width, options_.dedupe, state_.sizes);
  if (files_->digests() != nullptr) dedupe_.load(*files_->digests());
  // From here on a process that goes on knows what these files are.
  if (!found_) save();
}

void BulkRun::note_digest(const SourceRow& row, const VectorLocation& location) {
  if (!row.digest || files_->digests() == nullptr) return;
  dedupe_.place(*row.digest, location);
  files_->digests()->append(DedupeTable::record(*row.digest, location));
}

void BulkRun::write_bad(const SourceRow& row, const std::string& fault) {
  const std::string path = input_name(inputs_[row.file].path);
  if (options_.on_error == OnError::kFail) {
    const std::string kept = state_.counts.rows == 0
                                 ? "; --on-error skip or null continues after such rows"
                                 : "; the rows before it are kept: continue with --resume and "
                                   "--on-error skip or null";
    throw Error(ErrorCode::kInvalidArgument,
                one_line(path + ":" + std::to_string(row.line) + ": " + fault + kept));
  }
  writing_ = true;
  files_->note_error(error_line(row, path, fault));
  ++state_.counts.bad;
  if (options_.on_error == OnError::kSkip) return;
  files_->write_null({row.index, row.fields.id});
  ++state_.counts.written;
}

void BulkRun::write(const FinishedRow& done) {
  const SourceRow& row = done.row;
  const OutputRow out{row.index, row.fields.id};
  if (row.fields.repaired && repaired_++ == 0) {
    first_repaired_ = input_name(inputs_[row.file].path) + ":" + std::to_string(row.line);
  }
  if (!row.fields.fault.empty()) {
    write_bad(row, row.fields.fault);
    if (!done.duplicate) note_digest(row, {});
  } else if (done.duplicate) {
    const VectorLocation location = dedupe_.find(*row.digest);
    if (location.bytes == 0) {
      write_bad(row, "the text is the same as in an earlier bad row");
    } else {
      writing_ = true;
      files_->repeat(out, location);
      ++state_.counts.duplicates;
      ++state_.counts.written;
    }
  } else {
    writing_ = true;
    note_digest(row, options_.output.sparse
                         ? files_->write(out, sparse_row(done.batch->sparse, done.place))
                         : files_->write(out, done.batch->row(done.place)));
    ++state_.counts.written;
    state_.counts.tokens += done.batch->tokens[done.place];
    if (done.truncated) ++state_.counts.truncated;
  }
  ++state_.counts.rows;
  state_.place = row.end;
  writing_ = false;
}

void BulkRun::save() {
  state_.sizes = files_->sync();
  save_checkpoint(state_, options_.output.checkpoint_path());
}

// After an error. A run that has not got anywhere, as for a wrong --field, is as if it had not
// been.
void BulkRun::stop_early() {
  if (!found_ && state_.counts.rows == 0) {
    files_.reset();
    VectorFiles::discard(options_.output);
    std::error_code ignored;
    fs::remove(options_.output.checkpoint_path(), ignored);
  } else if (!writing_) {
    save();  // what the disk refused is not counted
  }
}

void BulkRun::report(const BulkHooks& hooks) {
  progress_.counts = state_.counts;
  progress_.bytes_done = state_.place.raw_bytes;
  progress_.seconds = seconds_since(begun_);
  if (hooks.progress) hooks.progress(progress_);
}

void BulkRun::embed_all(const Model& model, const BulkHooks& hooks) {
  Pipeline pipeline(model, {inputs_, options_.rows, state_.place, state_.counts.rows,
                            options_.embed, options_.dedupe ? &dedupe_ : nullptr});
  FinishedRow row;
  Clock::time_point saved = Clock::now();
  bool changed = false;
  Pipeline::Step step = Pipeline::Step::kWaiting;
  while (step != Pipeline::Step::kEnd) {
    step = pipeline.next(row, kPatience);
    if (step == Pipeline::Step::kRow) {
      write(row);
      changed = true;
    }
    report(hooks);
    if (!interrupted_ && hooks.interrupted && hooks.interrupted()) {
      interrupted_ = true;
      pipeline.stop();
    }
    if (changed && seconds_since(saved) >= options_.checkpoint_seconds) {
      save();
      saved = Clock::now();
      changed = false;
    }
  }
  state_.complete = pipeline.all_done();
}

BulkSummary BulkRun::run(const Model& model, const BulkHooks& hooks) {
  begun_ = Clock::now();
  begin(model);
  if (!state_.complete) {
    try {
      embed_all(model, hooks);
    } catch (const Error&) {
      stop_early();
      throw;
    }
    save();
  }
  files_.reset();
  report(hooks);
  if (state_.complete) VectorFiles::publish(options_.output, state_.counts.bad > 0);
  return {progress_, !state_.complete, repaired_, first_repaired_};
}

}  // namespace nestvec
