// SPDX-License-Identifier: Apache-2.0
// nestvec search: the places of a folder that answer a question.
#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <stop_token>
#include <string_view>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/quantity.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/count_option.h"
#include "cli/fetch_model.h"
#include "cli/interrupt.h"
#include "cli/model_kind.h"
#include "cli/model_options.h"
#include "cli/search_output.h"
#include "cli/text_argument.h"
#include "cli/usage.h"
#include "nestvec/load.h"
#include "search/index_update.h"
#include "search/searcher.h"

namespace nestvec {
namespace {

constexpr std::size_t kShownNotes = 10;
constexpr std::size_t kRerankedHits = 50;
constexpr std::uint64_t kMostFileBytes = std::uint64_t{1} << 30;  // offsets of tokens have 32 bits

constexpr const char* kSearchExamples =
    "Examples:\n"
    "  nestvec search notes \"Where do cats sit?\"\n"
    "  nestvec search notes \"Where do cats sit?\" --reranker bge-reranker-v2-m3 -n 3\n"
    "  nestvec search . \"retry after a timeout\" --glob '*.md' --format jsonl\n"
    "\f"
    "Files are those below FOLDER that are UTF-8 text, but for hidden ones, symbolic links and "
    "those\n"
    "over --max-file-size. They are cut into chunks, and each chunk is embedded once: the index, "
    "in\n"
    "FOLDER/.nestvec-index or --index, is brought up to date before each search. After an\n"
    "interruption, the same command goes on with what is left.\n"
    "\n"
    "The order is the fusion of two rankings: by the dot product of vectors, and by words (BM25).\n"
    "With --reranker, the best 50 chunks get that model's scores and their order.\n"
    "\n"
    "Formats:\n"
    "  tsv    PATH:LINE, score and excerpt, a line for each chunk\n"
    "  jsonl  {\"path\":\"...\",\"line\":l,\"score\":s,\"text\":\"...\"}, with all of the chunk\n";

struct SearchFlags {
  ModelOptions model;
  FolderQueryArguments arguments;
  std::string reranker;
  std::string by = "both";
  std::string format;
  std::string index;
  std::string max_file_size = "16Mi";
  std::vector<std::string> globs;
  std::size_t top_n = 10;
  std::optional<std::size_t> chunk_tokens;
  std::optional<bool> late;
  bool rebuild = false;
};

UpdateOptions update_options(const SearchFlags& flags) {
  UpdateOptions options;
  options.folder = flags.arguments.folder;
  options.index_folder = flags.index.empty() ? options.folder + "/.nestvec-index" : flags.index;
  options.scan.globs = flags.globs;
  try {
    options.scan.max_file_bytes = parse_bytes(flags.max_file_size);
  } catch (const Error& error) {
    throw Error(error.code(), std::string("--max-file-size: ") + error.what());
  }
  if (options.scan.max_file_bytes > kMostFileBytes) {
    throw Error(ErrorCode::kInvalidArgument, "--max-file-size is over 1Gi");
  }
  options.chunk_tokens = flags.chunk_tokens;
  options.late = flags.late;
  options.rebuild = flags.rebuild;
  return options;
}

SearchQuery search_query(const SearchFlags& flags) {
  SearchQuery query;
  std::string storage;
  query.text = repair_utf8(flags.arguments.query, storage);
  if (query.text.find_first_not_of(" \t\n") == std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument, "the query is empty");
  }
  if (flags.by == "vectors") query.by = SearchBy::kVectors;
  if (flags.by == "words") query.by = SearchBy::kWords;
  query.most = flags.reranker.empty() ? flags.top_n : std::max(flags.top_n, kRerankedHits);
  return query;
}

// The options of the second model: the machine's share is the same, the rest was for the first.
ModelOptions reranker_options(const SearchFlags& flags) {
  constexpr std::array<std::string_view, 6> kOfTheMachine = {
      "cpu-limit", "cpu-memory", "threads", "precision", "pull", "cache-dir"};
  ModelOptions options;
  options.quiet = flags.model.quiet;
  options.verbose = flags.model.verbose;
  for (const std::string_view name : kOfTheMachine) {
    const auto found = flags.model.settings.find(std::string(name));
    if (found != flags.model.settings.end()) options.settings.insert(*found);
  }
  options.settings["repo-id"] = flags.reranker;
  return options;
}

void check_search_folder(const std::string& folder) {
  if (folder.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the folder's name is empty; is a variable of your shell not set?");
  }
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return;
  if (std::filesystem::exists(folder, failed)) {
    throw Error(ErrorCode::kInvalidArgument,
                excerpt(folder) + " is no folder; nestvec search takes a folder and a query");
  }
  throw file_error("cannot open", excerpt(folder), ENOENT);
}

// What a run tells on standard error.
class SearchTalk {
 public:
  SearchTalk(const SearchFlags& flags, CliContext& context)
      : quiet_(flags.model.quiet),
        verbose_(flags.model.verbose && !quiet_),
        has_globs_(!flags.globs.empty()),
        display_(context.err_is_terminal && !quiet_, context.err) {}

  UpdateHooks hooks() {
    UpdateHooks hooks;
    hooks.interrupted = interrupt_requested;
    hooks.progress = [this](const UpdateCounts& counts) { display_.show(counts); };
    hooks.note = [this](const std::string& line) {
      if (!quiet_ && ++notes_ <= kShownNotes) display_.print(line);
    };
    hooks.detail = [this](const std::string& line) {
      if (verbose_) display_.print(line);
    };
    return hooks;
  }

  void finish(const UpdateCounts& counts, const SearchIndex& index) {
    display_.clear();
    if (quiet_) return;
    if (notes_ > kShownNotes) {
      display_.print("... and " + std::to_string(notes_ - kShownNotes) + " more notes");
    }
    if (counts.changed() || verbose_) display_.print(update_summary(counts, index.chunks()));
    if (index.chunks() == 0) {
      display_.print(has_globs_ && counts.files == 0 ? "no file of the folder matches --glob"
                                                     : "there is no text in the folder");
    }
  }

  void interrupted() {
    display_.clear();
    if (!quiet_) display_.print("what is embedded is kept; the same command goes on from there");
  }

 private:
  bool quiet_;
  bool verbose_;
  bool has_globs_;
  UpdateDisplay display_;
  std::size_t notes_ = 0;
};

// Brings the index up to date and searches it.
std::vector<SearchHit> find_hits(const SearchFlags& flags, const SearchQuery& query,
                                 SearchTalk& talk, CliContext& context) {
  IndexUpdate update(update_options(flags), talk.hooks());
  const Model model = load_chosen_model(flags.model, context, check_embeds);
  check_embeds(model.info());
  check_makes(model.info(), false);
  try {
    talk.finish(update.run(model), update.index());
    const auto ranking = search_index(update.index(), model, query, interrupt_requested);
    return read_hits(update.index(), flags.arguments.folder, ranking);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) talk.interrupted();
    throw;
  }
}

// What is wrong with the second model is told before the first one works for long.
void check_reranker(const SearchFlags& flags, CliContext& context) {
  struct Fits {};
  const ServerConfig config = make_config(reranker_options(flags), context);
  fetch_absent_model(config, {.quiet = flags.model.quiet}, context);
  LoadLog log;
  log.outline = [](const ModelInfo& model) {
    check_reranks(model);
    throw Fits();  // ends the load
  };
  try {
    load_model(config, log, std::stop_token());
  } catch (const Fits&) {
  }
}

SearchFormat search_format(const SearchFlags& flags, bool terminal) {
  if (flags.format == "jsonl") return SearchFormat::kJsonLines;
  return flags.format.empty() && terminal ? SearchFormat::kTerminal : SearchFormat::kTsv;
}

void run_search(const SearchFlags& flags, CliContext& context) {
  check_search_folder(flags.arguments.folder);
  const SearchQuery query = search_query(flags);
  if (!flags.reranker.empty()) check_reranker(flags, context);
  const InterruptGuard guard;
  SearchTalk talk(flags, context);
  std::vector<SearchHit> hits = find_hits(flags, query, talk, context);
  if (!flags.reranker.empty() && !hits.empty()) {
    // The first model is gone, so that memory holds one at a time.
    const Model reranker = load_chosen_model(reranker_options(flags), context, check_reranks);
    check_reranks(reranker.info());
    hits = rerank_hits(reranker, query.text, std::move(hits), flags.top_n, interrupt_requested);
  }
  print_hits(hits,
             {search_format(flags, context.out_is_terminal), flags.arguments.folder, query.text},
             context.out);
}

constexpr const char* kMoreOfTheIndex = "More about the index";

void add_index_options(CLI::App& command, SearchFlags& flags) {
  command
      .add_option("--index", flags.index,
                  "Keep the index in this folder; default: FOLDER/.nestvec-index")
      ->check(not_empty())
      ->type_name("FOLDER");
  command.add_flag("--rebuild", flags.rebuild, "Make the index anew, whatever lies there");
  command
      .add_option("--glob", flags.globs,
                  "Search only files whose names match, such as '*.md'; may be repeated")
      ->expected(1)
      ->check(not_empty())
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->type_name("PATTERN");
  command
      .add_flag_function(
          "--late,!--no-late", [&flags](std::int64_t count) { flags.late = count > 0; },
          "Read the chunks of a file together, and pool each separately")
      ->group(kMoreOfTheIndex);
  command.add_option("--max-file-size", flags.max_file_size, "Leave out files over this size")
      ->type_name("BYTES")
      ->capture_default_str()
      ->group(kMoreOfTheIndex);
}

}  // namespace

void add_search_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("search", "Find the places of a folder that fit a query");
  const auto flags = std::make_shared<SearchFlags>();
  const auto tokens = std::make_shared<std::size_t>(200);
  add_folder_query_arguments(*command, flags->arguments);
  add_model_name(*command, flags->model);
  add_count_option(*command, "-n,--top-n", flags->top_n, "Print the best N chunks; default: 10");
  command
      ->add_option("--reranker", flags->reranker,
                   "Sort the best chunks by the scores of this reranker")
      ->check(not_empty())
      ->type_name("MODEL");
  command->add_option("--by", flags->by, "What decides the order")
      ->type_name("both|vectors|words")
      ->check(one_of({"both", "vectors", "words"}))
      ->capture_default_str();
  command
      ->add_option("--format", flags->format,
                   "Write chunks in this format; if not given, tsv, or for a person at a terminal")
      ->type_name("tsv|jsonl")
      ->check(one_of({"tsv", "jsonl"}));
  add_index_options(*command, *flags);
  add_count_option(*command, "--chunk-tokens", *tokens,
                   "Cut files into chunks of at most N tokens; default: 200");
  command->get_option("--chunk-tokens")->group(kMoreOfTheIndex);
  add_model_options(*command, flags->model);
  command->footer(kSearchExamples);
  command->callback([flags, tokens, command, &context] {
    if (command->count("--chunk-tokens") > 0) flags->chunk_tokens = *tokens;
    if (flags->top_n == 0) {
      throw Error(ErrorCode::kInvalidArgument, "--top-n is 0; expected at least 1");
    }
    run_search(*flags, context);
  });
}

}  // namespace nestvec
