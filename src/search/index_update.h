// SPDX-License-Identifier: Apache-2.0
// Brings the index of a folder up to date: only what has changed is embedded.
//
//   IndexUpdate update(options, hooks);          // opens the index
//   UpdateSummary summary = update.run(model);   // embeds, saves
//   search(update.index())
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "search/document.h"
#include "search/folder_scan.h"
#include "search/index_file.h"
#include "search/index_folder.h"
#include "search/stoppable.h"

namespace nestvec {

struct UpdateOptions {
  std::string folder;
  std::string index_folder;
  ScanRules scan;
  // What an index keeps; where it is not given, as the index has it, else 200 tokens and not late.
  std::optional<std::size_t> chunk_tokens;
  std::optional<bool> late;
  bool rebuild = false;  // whatever lies there
};

struct UpdateCounts {
  std::size_t files = 0;  // of the folder
  std::size_t seen = 0;   // of those, looked at so far
  std::size_t embedded = 0;
  std::size_t unchanged = 0;
  std::size_t removed = 0;
  std::size_t not_text = 0;
  std::size_t chunks = 0;  // embedded
  bool changed() const { return embedded + removed > 0; }
};

struct UpdateHooks {
  Interrupted interrupted = [] { return false; };
  std::function<void(const UpdateCounts&)> progress = [](const UpdateCounts&) {};
  // A line each: what could not be read; and what became of every file.
  std::function<void(const std::string&)> note = [](const std::string&) {};
  std::function<void(const std::string&)> detail = [](const std::string&) {};
};

// Not thread-safe; run() is called once. The index's lock is held until it dies.
class IndexUpdate {
 public:
  // Blocks while another process has the index. Throws Error as IndexFolder and load_index;
  // kInvalidArgument where an option is not what the index was made with.
  IndexUpdate(UpdateOptions options, UpdateHooks hooks);

  // Blocks. Files that are done are saved every 30 seconds, and when it ends early. Throws Error:
  // kInvalidArgument (another model than the index's; the model has no late chunking), kCancelled
  // after UpdateHooks::interrupted, and what the model and saving throw.
  UpdateCounts run(const Model& model);

  const SearchIndex& index() const { return index_; }

 private:
  // A file whose chunks wait for their vectors.
  struct PendingFile {
    IndexedFile file;
    std::vector<std::string> texts;
  };

  void check_model(const Model& model);
  void look() const;
  void remove_absent(const FolderScan& scan);
  std::optional<Document> read(const FoundFile& found);
  void update_file(const Model& model, const FoundFile& found);
  void add(const Model& model, const FoundFile& found, const Document& document);
  void embed_pending(const Model& model);
  void finish(PendingFile pending, std::vector<float> vectors);
  void save();
  void take_files();
  void put_files_into_index();
  void save_sometimes();

  UpdateOptions options_;
  UpdateHooks hooks_;
  IndexFolder folder_;
  SearchIndex index_;
  bool found_ = false;                        // an index that was there
  std::map<std::string, IndexedFile> files_;  // of index_, while run() works
  // Of files_: what this run's rules leave out. They stay in the file, and are not searched.
  std::set<std::string> aside_;
  std::vector<PendingFile> pending_;
  std::size_t pending_chunks_ = 0;
  UpdateCounts counts_;
  bool unsaved_ = false;
  std::chrono::steady_clock::time_point saved_;
};

// The task by which a model embeds documents, and that for queries.
EmbedOptions passage_options(const ModelInfo& model);
EmbedOptions query_options(const ModelInfo& model);

}  // namespace nestvec
