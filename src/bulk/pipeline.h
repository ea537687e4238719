// SPDX-License-Identifier: Apache-2.0
// From inputs to rows with vectors: a thread that reads, one that packs and tokenises, the model's
// own, and rows in their order for the caller, who writes them.
//
// What is between them is bounded, in rows and in bytes, so memory does not grow with the input.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "bulk/dedupe_table.h"
#include "bulk/row_source.h"
#include "bulk/row_window.h"
#include "nestvec/model.h"

namespace nestvec {

// A row at the end of its way: bad (row.fields.fault), a duplicate, or with a vector.
struct FinishedRow {
  SourceRow row;
  bool duplicate = false;
  std::shared_ptr<const Embeddings> batch;  // of several rows
  std::size_t place = 0;                    // of this one's vector in it
  bool truncated = false;
};

// The functions are for one thread.
class Pipeline {
 public:
  struct Options {
    std::vector<InputFacts> inputs;
    RowRules rules;
    RowPlace start;          // where reading goes on
    std::uint64_t rows = 0;  // before it
    EmbedOptions embed;      // of every row; rows may name their own task
    DedupeTable* dedupe = nullptr;
  };
  enum class Step {
    kRow,
    kWaiting,  // nothing yet
    kEnd,      // all rows are done, or those that a stop left
  };

  // Begins. The model must outlive the pipeline.
  Pipeline(const Model& model, const Options& options);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  // The next row. Waits for it for at most `patience`. Throws Error, once all rows before it were
  // handed out: what reading or the model has thrown.
  Step next(FinishedRow& row, std::chrono::milliseconds patience);
  // Begins no more batches; those that run or are about to are finished. next() then ends early.
  void stop();
  // Whether every row of the input was handed out.
  bool all_done() const;

 private:
  // Rows on their way through the model.
  struct Batch {
    std::vector<SourceRow> rows;
    std::vector<std::string> texts;
    std::vector<std::string> tasks;  // empty where no row has one
    std::stop_source stop;
  };
  using BatchPtr = std::shared_ptr<Batch>;

  void read_rows();
  bool wait_for_room();
  void accept(SourceRow row);
  void check_task(RowFields& fields) const;
  void submit_batches();
  void submit(std::uint64_t number, const BatchPtr& batch);
  BatchPtr form_batch(std::vector<SourceRow> rows) const;
  void batch_done(std::uint64_t number, const BatchPtr& batch, Result<Embeddings> result);

  // Precondition of these: mutex_ is held.
  bool has_room() const;
  bool may_submit() const;
  bool is_over() const;
  void keep(const Batch& batch, const std::shared_ptr<const Embeddings>& vectors);
  void set_aside(Batch& batch, const Error& error);
  void finish(FinishedRow row);

  const Model& model_;
  const Options options_;
  std::stop_source reading_;
  RowSource source_;
  std::size_t batch_tokens_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  RowWindow window_;
  TokenGuess guess_;
  std::map<std::uint64_t, BatchPtr> running_;  // handed to the model, by number
  std::uint64_t next_batch_ = 0;
  std::map<std::uint64_t, FinishedRow> finished_;  // by the index of the row
  std::uint64_t next_row_;                         // that next() hands out
  std::uint64_t read_;                             // rows
  std::size_t text_bytes_ = 0;                     // of rows that were read and are not finished
  bool reader_waits_ = false;
  bool reader_ended_ = false;
  bool read_all_ = false;
  bool stopping_ = false;
  std::optional<Error> read_error_;
  std::optional<Error> model_error_;

  std::thread reader_;
  std::thread submitter_;
};

}  // namespace nestvec
