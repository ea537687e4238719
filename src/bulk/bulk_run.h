// SPDX-License-Identifier: Apache-2.0
// A corpus to vectors: files in, files out, with checkpoints from which another process goes on.
//
//   BulkRun run(options);            // looks at the files
//   BulkSummary summary = run.run(model, hooks);
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bulk/bulk_options.h"
#include "bulk/bulk_progress.h"
#include "bulk/checkpoint.h"
#include "bulk/dedupe_table.h"
#include "bulk/pipeline.h"
#include "bulk/vector_files.h"

namespace nestvec {

struct BulkHooks {
  // Asked often; true = finish what the model is at, write it, and end.
  std::function<bool()> interrupted;
  // Told often, from the thread that called run().
  std::function<void(const BulkProgress&)> progress;
};

struct BulkSummary {
  BulkProgress progress;
  bool interrupted = false;  // before all rows were done
  // Texts of this process's rows that had bytes that are not UTF-8, and where the first is.
  std::uint64_t repaired = 0;
  std::string first_repaired;  // "a.txt:7"
};

// The checkpoint stays when all is done, as the record of the run: to resume it then is to find it
// done. Not thread-safe; run() is called once.
class BulkRun {
 public:
  // Finds the inputs and what another run has left. Throws Error: as check_options, find_inputs and
  // load_checkpoint; kInvalidArgument (an output that is an input, an unfinished run without
  // `resume` or `restart`).
  explicit BulkRun(BulkOptions options);

  // What of the options only a loaded model can tell.
  void set_embed_options(const EmbedOptions& embed) { options_.embed = embed; }

  // Blocks. Throws Error: kInvalidArgument (a bad row under kFail, naming file and line; a
  // checkpoint of another run), and what reading, the model and writing throw. What was done up to
  // there is kept for `resume`; where that is no row, nothing is left.
  BulkSummary run(const Model& model, const BulkHooks& hooks);

 private:
  using Clock = std::chrono::steady_clock;

  void check_output() const;
  void begin(const Model& model);
  void embed_all(const Model& model, const BulkHooks& hooks);
  void write(const FinishedRow& done);
  void write_bad(const SourceRow& row, const std::string& fault);
  void note_digest(const SourceRow& row, const VectorLocation& location);
  void report(const BulkHooks& hooks);
  void save();
  void stop_early();

  BulkOptions options_;
  std::vector<InputFacts> inputs_;
  std::optional<Checkpoint> found_;  // another process's
  Checkpoint state_;
  std::unique_ptr<VectorFiles> files_;
  DedupeTable dedupe_;
  BulkProgress progress_;
  Clock::time_point begun_;
  bool interrupted_ = false;
  std::uint64_t repaired_ = 0;
  std::string first_repaired_;
  bool writing_ = false;  // a row is half in the files
};

}  // namespace nestvec
