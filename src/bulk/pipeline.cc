// SPDX-License-Identifier: Apache-2.0
#include "bulk/pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/start_thread.h"
#include "nestvec/tasks.h"

namespace nestvec {
namespace {

// Between the reader and the caller of next(). Enough that short texts fill three batches.
constexpr std::uint64_t kMaxRows = 8192;
constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20;  // but for one row
// One that runs, one that is ready, one that is being tokenised.
constexpr std::size_t kMaxBatches = 3;
// What waits before a batch is chosen from it, in batches.
constexpr std::size_t kLookAhead = 2;

// An index within a batch says nothing to who has given files.
std::string fault_of(const Error& error, std::size_t index) {
  std::string message = error.what();
  const std::string name = "text " + std::to_string(index);
  if (message.starts_with(name)) message.replace(0, name.size(), "the text");
  return message;
}

}  // namespace

Pipeline::Pipeline(const Model& model, const Options& options)
    : model_(model),
      options_(options),
      source_(options.inputs, options.rules, reading_.get_token()),
      batch_tokens_(model.info().max_batch_tokens),
      guess_(model.info().max_tokens),
      next_row_(options.rows),
      read_(options.rows) {
  reader_ = start_thread("the thread that reads rows", [this] { read_rows(); });
  try {
    submitter_ = start_thread("the thread that queues rows", [this] { submit_batches(); });
  } catch (...) {
    stop();
    reader_.join();
    throw;
  }
}

Pipeline::~Pipeline() {
  stop();
  std::vector<BatchPtr> left;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, batch] : running_) left.push_back(batch);
  }
  for (const BatchPtr& batch : left) batch->stop.request_stop();
  reader_.join();
  submitter_.join();
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return running_.empty(); });
}

bool Pipeline::has_room() const {
  const bool bytes = text_bytes_ < kMaxTextBytes;
  return stopping_ || (read_ - next_row_ < kMaxRows && bytes);
}

bool Pipeline::wait_for_room() {
  std::unique_lock lock(mutex_);
  if (!has_room()) {
    reader_waits_ = true;
    wake_.notify_all();
    wake_.wait(lock, [this] { return has_room(); });
    reader_waits_ = false;
  }
  return !stopping_;
}

void Pipeline::read_rows() {
  std::optional<Error> error;
  bool ended = false;
  try {
    source_.resume(options_.start, options_.rows);
    SourceRow row;
    while (!ended && wait_for_room()) {
      ended = !source_.next(row);
      if (!ended) accept(std::move(row));
    }
  } catch (const Error& caught) {
    error = caught;
  } catch (const std::exception& caught) {
    error = Error(ErrorCode::kInternal, std::string("reading failed: ") + caught.what());
  }
  const std::lock_guard lock(mutex_);
  reader_ended_ = true;
  read_all_ = ended;
  read_error_ = error;
  wake_.notify_all();
}

void Pipeline::check_task(RowFields& fields) const {
  try {
    fields.task = find_task(model_.info(), fields.task);
  } catch (const Error& error) {
    fields.fault = error.what();
  }
}

void Pipeline::accept(SourceRow row) {
  FinishedRow done;
  RowFields& fields = row.fields;
  if (fields.fault.empty()) check_task(fields);
  const bool good = fields.fault.empty();
  if (good && options_.dedupe != nullptr) {
    const std::array<std::string_view, 2> parts = {
        fields.task.empty() ? std::string_view(options_.embed.task) : fields.task, fields.text};
    row.digest = digest_of(parts);
    done.duplicate = !options_.dedupe->add(*row.digest);
  }
  const std::lock_guard lock(mutex_);
  ++read_;
  if (good && !done.duplicate) {
    text_bytes_ += fields.text.size();
    window_.push(std::move(row));
  } else {
    fields.text.clear();
    fields.text.shrink_to_fit();
    done.row = std::move(row);
    finish(std::move(done));
  }
  wake_.notify_all();
}

void Pipeline::finish(FinishedRow row) {
  const std::uint64_t index = row.row.index;
  finished_.emplace(index, std::move(row));
}

bool Pipeline::may_submit() const {
  if (window_.empty() || running_.size() >= kMaxBatches) return false;
  const bool enough = window_.about_tokens(guess_) >= kLookAhead * batch_tokens_;
  // The model must not wait for rows that may come.
  return enough || running_.empty() || reader_ended_ || reader_waits_;
}

Pipeline::BatchPtr Pipeline::form_batch(std::vector<SourceRow> rows) const {
  auto batch = std::make_shared<Batch>();
  bool tasks = false;
  for (SourceRow& row : rows) {
    batch->texts.push_back(std::move(row.fields.text));
    batch->tasks.push_back(row.fields.task);
    tasks = tasks || !row.fields.task.empty();
  }
  if (!tasks) batch->tasks.clear();
  batch->rows = std::move(rows);
  return batch;
}

void Pipeline::submit_batches() {
  while (true) {
    BatchPtr batch;
    std::uint64_t number = 0;
    {
      std::unique_lock lock(mutex_);
      const auto over = [this] {
        const bool all = reader_ended_ && window_.empty() && running_.empty();
        return stopping_ || model_error_ || all;
      };
      wake_.wait(lock, [&] { return over() || may_submit(); });
      if (over()) return;
      batch = form_batch(window_.take(batch_tokens_, guess_));
      number = next_batch_++;
      running_.emplace(number, batch);
    }
    submit(number, batch);
  }
}

void Pipeline::submit(std::uint64_t number, const BatchPtr& batch) {
  EmbedOptions options = options_.embed;
  options.stop = batch->stop.get_token();
  options.queue.priority = Priority::kBulk;
  const Model::Done done = [this, number, batch](Result<Embeddings> result) {
    batch_done(number, batch, std::move(result));
  };
  try {
    model_.predict_async(batch->texts, batch->tasks, options, done);
  } catch (const std::exception& error) {  // out of memory: nothing was queued
    done(Error(ErrorCode::kResourceExhausted, error.what()));
  }
}

void Pipeline::keep(const Batch& batch, const std::shared_ptr<const Embeddings>& vectors) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    bytes += batch.texts[i].size();
    guess_.learn(batch.texts[i].size(), vectors->tokens[i]);
    FinishedRow done;
    done.row = batch.rows[i];
    done.batch = vectors;
    done.place = i;
    done.truncated = std::binary_search(vectors->truncated.begin(), vectors->truncated.end(), i);
    finish(std::move(done));
  }
  text_bytes_ -= bytes;
}

// One row is at fault; the others try again.
void Pipeline::set_aside(Batch& batch, const Error& error) {
  const std::size_t bad = *error.detail().text;
  std::vector<SourceRow> others;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    SourceRow& row = batch.rows[i];
    if (i != bad) {
      row.fields.text = std::move(batch.texts[i]);
      others.push_back(std::move(row));
      continue;
    }
    text_bytes_ -= batch.texts[i].size();
    FinishedRow done;
    done.row = std::move(row);
    done.row.fields.fault = fault_of(error, i);
    finish(std::move(done));
  }
  window_.put_back(std::move(others));
}

void Pipeline::batch_done(std::uint64_t number, const BatchPtr& batch, Result<Embeddings> result) {
  const std::lock_guard lock(mutex_);
  running_.erase(number);
  if (result.ok()) {
    keep(*batch, std::make_shared<const Embeddings>(std::move(result).value()));
  } else if (result.error().detail().text) {
    set_aside(*batch, result.error());
  } else if (!stopping_ && !model_error_) {
    model_error_ = result.error();
  }
  wake_.notify_all();
}

bool Pipeline::is_over() const {
  const bool all = reader_ended_ && next_row_ == read_;
  return all || ((stopping_ || model_error_) && running_.empty());
}

bool Pipeline::all_done() const {
  const std::lock_guard lock(mutex_);
  return read_all_ && next_row_ == read_;
}

Pipeline::Step Pipeline::next(FinishedRow& row, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const auto found = [this] { return finished_.find(next_row_); };
  wake_.wait_for(lock, patience, [&] { return found() != finished_.end() || is_over(); });
  const auto entry = found();
  if (entry != finished_.end()) {
    row = std::move(entry->second);
    finished_.erase(entry);
    ++next_row_;
    wake_.notify_all();
    return Step::kRow;
  }
  if (!is_over()) return Step::kWaiting;
  if (model_error_) throw *model_error_;
  if (read_error_ && !stopping_) throw *read_error_;
  return Step::kEnd;
}

void Pipeline::stop() {
  std::vector<BatchPtr> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [number, batch] : running_) {
      if (number != running_.begin()->first) waiting.push_back(batch);
    }
    wake_.notify_all();
  }
  reading_.request_stop();
  for (const BatchPtr& batch : waiting) batch->stop.request_stop();
}

}  // namespace nestvec
