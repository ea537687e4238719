// SPDX-License-Identifier: Apache-2.0
#include "search/index_update.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/excerpt.h"
#include "base/seconds.h"
#include "bulk/model_digest.h"
#include "nestvec/tasks.h"
#include "search/show.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kChunkTokens = 200;
constexpr std::size_t kMostChunkTokens = 1U << 20;
// Enough chunks to fill batches well, few enough to hold.
constexpr std::size_t kChunksACall = 256;
constexpr double kSecondsBetweenSaves = 30;

EmbedOptions search_options(const ModelInfo& model, const std::string& task) {
  EmbedOptions options;
  options.task = find_task(model, task);
  options.normalize = true;
  options.parse_special = false;
  return options;
}

Error other_settings(const std::string& path, const std::string& was, const std::string& option) {
  return Error(ErrorCode::kInvalidArgument, path + " was made with " + was + "; leave " + option +
                                                " out, or make the index anew with --rebuild");
}

// What of a chunk is left for its text: the prompt and special tokens have their places, too.
std::size_t room_for_text(const Model& model, const EmbedOptions& options) {
  const ModelInfo& info = model.info();
  std::size_t taken = model.tokenize("", true, false).ids.size();
  for (const TaskInfo& task : info.tasks) {
    if (task.name == options.task) taken += model.tokenize(task.prompt, false, false).ids.size();
  }
  return info.max_tokens > taken ? info.max_tokens - taken : 1;
}

// Null where there is none. `files` ascend by path.
const FoundFile* find_path(const std::vector<FoundFile>& files, const std::string& path) {
  const auto place = std::ranges::lower_bound(files, path, {}, &FoundFile::path);
  return place != files.end() && place->path == path ? &*place : nullptr;
}

}  // namespace

EmbedOptions passage_options(const ModelInfo& model) { return search_options(model, "passage"); }
EmbedOptions query_options(const ModelInfo& model) { return search_options(model, "query"); }

IndexUpdate::IndexUpdate(UpdateOptions options, UpdateHooks hooks)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      folder_(options_.index_folder, [this, told = false]() mutable {
        if (!told) hooks_.note("another process is updating the index; waiting for it");
        told = true;
        look();
      }) {
  std::optional<SearchIndex> found;
  if (!options_.rebuild) found = load_index(folder_.index_path());
  found_ = found.has_value();
  if (found) index_ = std::move(*found);
  IndexSettings& settings = index_.settings;
  const std::size_t tokens =
      options_.chunk_tokens.value_or(found_ ? settings.chunk_tokens : kChunkTokens);
  const bool late = options_.late.value_or(found_ && settings.late);
  if (tokens == 0 || tokens > kMostChunkTokens) {
    throw Error(ErrorCode::kInvalidArgument, "--chunk-tokens is " + std::to_string(tokens) +
                                                 "; expected 1 to " +
                                                 std::to_string(kMostChunkTokens));
  }
  if (found_ && tokens != settings.chunk_tokens) {
    throw other_settings(folder_.index_path(),
                         "--chunk-tokens " + std::to_string(settings.chunk_tokens),
                         "--chunk-tokens");
  }
  if (found_ && late != settings.late) {
    throw other_settings(folder_.index_path(), settings.late ? "--late" : "--no-late",
                         late ? "--late" : "--no-late");
  }
  settings.chunk_tokens = static_cast<std::uint32_t>(tokens);
  settings.late = late;
}

void IndexUpdate::look() const {
  if (hooks_.interrupted()) throw Error(ErrorCode::kCancelled, "interrupted");
}

void IndexUpdate::check_model(const Model& model) {
  IndexSettings& settings = index_.settings;
  const std::string digest = model_digest(model);
  const auto dimensions = static_cast<std::uint32_t>(model.info().dimensions);
  if (found_ && (settings.model_digest != digest || settings.dimensions != dimensions)) {
    const bool same_name = settings.model_id == model.info().id;
    throw Error(ErrorCode::kInvalidArgument,
                folder_.index_path() + " was made with " +
                    (same_name ? "another version or precision of " : "the model ") +
                    excerpt(settings.model_id) + ", and this is " + excerpt(model.info().id) +
                    "; name that model with --model, or make the index anew with --rebuild");
  }
  settings.model_id = model.info().id;
  settings.model_digest = digest;
  settings.dimensions = dimensions;
}

void IndexUpdate::remove_absent(const FolderScan& scan) {
  std::erase_if(files_, [&](const auto& entry) {
    const auto& [path, file] = entry;
    if (find_path(scan.files, path) != nullptr) return false;
    // One search with other rules does not lose what took long to embed.
    const FoundFile* const unwanted = find_path(scan.unwanted, path);
    if (unwanted != nullptr && unwanted->bytes == file.facts.bytes) {
      aside_.insert(path);
      return false;
    }
    ++counts_.removed;
    hooks_.detail("removed " + escape_path(path));
    return true;
  });
  unsaved_ = unsaved_ || counts_.removed > 0;
}

UpdateCounts IndexUpdate::run(const Model& model) {
  check_model(model);
  saved_ = std::chrono::steady_clock::now();
  const FolderScan scan = scan_folder(options_.folder, options_.scan, [this] { look(); });
  for (const std::string& skipped : scan.skipped) hooks_.note(skipped);
  take_files();
  counts_.files = scan.files.size();
  try {
    remove_absent(scan);
    for (const FoundFile& found : scan.files) {
      look();
      update_file(model, found);
      ++counts_.seen;
      hooks_.progress(counts_);
      save_sometimes();
    }
    embed_pending(model);
  } catch (const Error&) {
    if (unsaved_) save();
    throw;
  }
  if (unsaved_ || !found_) save();
  for (const std::string& path : aside_) files_.erase(path);
  put_files_into_index();
  return counts_;
}

// Nothing of a file that cannot be read or is no longer there.
std::optional<Document> IndexUpdate::read(const FoundFile& found) {
  try {
    return read_document(options_.folder + "/" + found.path, options_.scan.max_file_bytes);
  } catch (const Error& error) {
    hooks_.note(escape_path(found.path) + " is left out: " + escape_path(error.what()));
    unsaved_ = files_.erase(found.path) > 0 || unsaved_;
    return std::nullopt;
  }
}

void IndexUpdate::update_file(const Model& model, const FoundFile& found) {
  const auto known = files_.find(found.path);
  if (known != files_.end()) {
    const FileFacts& facts = known->second.facts;
    if (facts.modified == found.modified && facts.bytes == found.bytes) {
      ++counts_.unchanged;
      return;
    }
  }
  std::optional<Document> document = read(found);
  if (!document) return;
  if (known != files_.end() && known->second.facts.digest == document->facts.digest) {
    ++counts_.unchanged;
    unsaved_ = unsaved_ || known->second.facts != document->facts;
    known->second.facts = document->facts;
    return;
  }
  add(model, found, *document);
}

void IndexUpdate::add(const Model& model, const FoundFile& found, const Document& document) {
  PendingFile pending;
  pending.file.path = found.path;
  pending.file.facts = document.facts;
  if (!document.is_text) {
    ++counts_.not_text;
    hooks_.detail(escape_path(found.path) + " is no text");
    finish(std::move(pending), {});
    return;
  }
  Pace pace([this] { look(); });
  const TokenizedText tokens = model.tokenize(document.text, false, false);
  const std::size_t room = room_for_text(model, passage_options(model.info()));
  const ChunkRules rules{std::min<std::size_t>(index_.settings.chunk_tokens, room),
                         is_markdown(found.path)};
  const std::vector<ByteSpan> chunks = chunk_document(document.text, tokens.offsets, rules, pace);
  pending.file.chunks = describe_chunks(document.text, chunks, pace);
  for (const ByteSpan& chunk : chunks) pending.texts.emplace_back(chunk.of(document.text));
  pending_chunks_ += chunks.size();
  pending_.push_back(std::move(pending));
  if (index_.settings.late || pending_chunks_ >= kChunksACall) embed_pending(model);
}

void IndexUpdate::embed_pending(const Model& model) {
  EmbedOptions options = passage_options(model.info());
  options.late_chunking = index_.settings.late;
  std::vector<std::string> texts;
  for (PendingFile& pending : pending_) {
    std::move(pending.texts.begin(), pending.texts.end(), std::back_inserter(texts));
  }
  std::vector<float> vectors;
  // Late chunks are one context, whatever their number.
  const std::size_t at_once = options.late_chunking ? texts.size() : kChunksACall;
  for (std::size_t i = 0; i < texts.size(); i += at_once) {
    const auto some = std::span(texts).subspan(i, std::min(at_once, texts.size() - i));
    const Embeddings rows = predict_until(model, some, options, hooks_.interrupted);
    vectors.insert(vectors.end(), rows.values.begin(), rows.values.end());
  }
  auto from = vectors.begin();
  for (PendingFile& pending : pending_) {
    const auto to =
        from + static_cast<std::ptrdiff_t>(pending.file.chunks.size() * index_.settings.dimensions);
    finish(std::move(pending), {from, to});
    from = to;
  }
  pending_.clear();
  pending_chunks_ = 0;
}

void IndexUpdate::finish(PendingFile pending, std::vector<float> vectors) {
  IndexedFile& file = pending.file;
  file.vectors = std::move(vectors);
  if (!file.chunks.empty()) {
    ++counts_.embedded;
    counts_.chunks += file.chunks.size();
    hooks_.detail("embedded " + escape_path(file.path) + " (" + std::to_string(file.chunks.size()) +
                  " chunks)");
  }
  std::string path = file.path;
  files_.insert_or_assign(std::move(path), std::move(file));
  unsaved_ = true;
}

// The files are in the index while it is written, else in the map.
void IndexUpdate::save() {
  put_files_into_index();
  save_index(index_, folder_.index_path());
  take_files();
  unsaved_ = false;
  saved_ = std::chrono::steady_clock::now();
}

void IndexUpdate::put_files_into_index() {
  index_.files.clear();
  for (auto& [path, file] : files_) index_.files.push_back(std::move(file));
  files_.clear();
}

void IndexUpdate::take_files() {
  for (IndexedFile& file : index_.files) {
    std::string path = file.path;
    files_.emplace(std::move(path), std::move(file));
  }
  index_.files.clear();
}

void IndexUpdate::save_sometimes() {
  if (unsaved_ && seconds_since(saved_) >= kSecondsBetweenSaves) save();
}

}  // namespace nestvec
