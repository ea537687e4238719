// SPDX-License-Identifier: Apache-2.0
// nestvec rerank: documents in the order of how well they answer a query.
#include <algorithm>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "bulk/input_list.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/count_option.h"
#include "cli/interrupt.h"
#include "cli/model_kind.h"
#include "cli/model_options.h"
#include "cli/output_target.h"
#include "cli/ranking.h"
#include "cli/text_argument.h"
#include "cli/text_lines.h"
#include "cli/text_notes.h"
#include "cli/usage.h"
#include "cli/vector_text.h"

namespace nestvec {
namespace {

// Enough documents to fill batches well, few enough to hold.
constexpr std::size_t kDocumentsACall = 512;
constexpr std::size_t kDocumentBytesACall = std::size_t{256} << 10;

constexpr std::size_t kShownDocuments = 20;  // on a terminal

constexpr const char* kRerankExamples =
    "Examples:\n"
    "  nestvec rerank -m bge-reranker-v2-m3 \"Where do cats sit?\" documents.txt\n"
    "  nestvec rerank -m bge-reranker-v2-m3 -n 10 \"Where do cats sit?\" docs.jsonl --field body\n"
    "  cat documents.txt | nestvec rerank -m bge-reranker-v2-m3 \"Where do cats sit?\" -\n"
    "\f"
    "Documents are the lines of text files, or the rows of JSON Lines, CSV and TSV, by the names "
    "of\n"
    "the files or --input-format; also .gz and .zst. Without a file, or for -, they are read from\n"
    "standard input. Put -- before a query that begins with a dash.\n"
    "\n"
    "Formats:\n"
    "  tsv    score, index and text, a line for each document; tabs and line ends in the text\n"
    "         become spaces\n"
    "  jsonl  {\"index\":i,\"score\":s,\"text\":\"...\"}, a line for each document\n"
    "The best document comes first. An index counts the documents of all files, from 0.\n"
    "\n"
    "With --top-n, memory holds the texts of the best N documents; without it, all texts.\n";

enum class RankFormat { kTerminal, kTsv, kJsonLines };

struct RerankFlags {
  ModelOptions model;
  QueryArguments arguments;
  std::string field = RowRules{}.text;
  std::string input_format;
  std::string delimiter;
  std::string format;
  std::string output;
  std::string truncate = "right";
  std::string instruction;
  std::size_t top_n = 0;
  std::size_t max_document_tokens = 0;
  bool json_lines = false;
  bool force_text = false;
  bool raw = false;
  bool best_window = false;
  bool no_special = false;
};

ScoreOptions score_options(const RerankFlags& flags) {
  ScoreOptions options;
  if (flags.raw) options.activation = ScoreActivation::kNone;
  if (flags.truncate == "left") options.truncation = Truncation::kLeft;
  if (flags.truncate == "error") options.truncation = Truncation::kError;
  options.max_document_tokens = flags.max_document_tokens;
  options.best_window = flags.best_window;
  options.parse_special = !flags.no_special;
  options.instruction = flags.instruction;
  return options;
}

// Scores documents as they come, a call at a time, and numbers them through all calls.
class RerankRun {
 public:
  RerankRun(const Model& model, const RerankFlags& flags)
      : model_(model), flags_(flags), options_(score_options(flags)), ranking_(flags.top_n) {}

  // `file` outlives the run.
  void add(std::string& text, const std::string& file, std::uint64_t line) {
    check_interrupt();
    notes_.add(text);
    pending_bytes_ += text.size();
    pending_.push_back(std::exchange(text, {}));
    places_.push_back({&file, line});
    if (pending_.size() >= kDocumentsACall || pending_bytes_ >= kDocumentBytesACall) flush();
  }

  std::vector<RankedDocument> finish() {
    flush();
    return ranking_.take();
  }

  std::size_t count() const noexcept { return notes_.count(); }

  void print_notes(std::ostream& err) const {
    const std::size_t most = flags_.max_document_tokens;
    notes_.print(most > 0 ? std::to_string(most) + " tokens"
                          : std::to_string(model_.info().max_tokens) + " tokens with the query",
                 err);
  }

 private:
  struct Place {
    const std::string* file;
    std::uint64_t line;
  };

  void flush() {
    if (pending_.empty()) return;
    const Scores scores = score();
    check_interrupt();
    for (const std::uint32_t index : scores.truncated) notes_.add_truncated(done_ + index);
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      ranking_.add({scores.values[i], done_ + i, std::move(pending_[i])});
    }
    done_ += pending_.size();
    pending_.clear();
    places_.clear();
    pending_bytes_ = 0;
  }

  Scores score() const {
    try {
      return model_.rerank(flags_.arguments.query, pending_, options_);
    } catch (const Error& error) {
      const std::optional<std::size_t> index = error.detail().text;
      if (!index || *index >= places_.size()) throw;
      const Place& place = places_[*index];
      throw Error(error.code(), *place.file + ":" + std::to_string(place.line) + ": " +
                                    without_index(error.what(), *index));
    }
  }

  // "the pair has 802 tokens" of "pair 3 has 802 tokens", which counts within a call.
  static std::string without_index(const std::string& message, std::size_t index) {
    const std::size_t space = std::min(message.find(' '), message.size());
    const std::size_t end = message.find_first_of(" :", space + 1);
    const bool counts = end != std::string::npos &&
                        message.substr(space, end - space) == " " + std::to_string(index);
    return counts ? "the " + message.substr(0, space) + message.substr(end) : message;
  }

  const Model& model_;
  const RerankFlags& flags_;
  ScoreOptions options_;
  Ranking ranking_;
  TextNotes notes_{"document"};
  std::vector<std::string> pending_;
  std::vector<Place> places_;  // of those
  std::size_t pending_bytes_ = 0;
  std::size_t done_ = 0;
};

// A file of documents that is open, or standard input.
struct DocumentSource {
  std::string name;
  RowFormat format = RowFormat::kLines;
  std::unique_ptr<InputFile> file;  // null = standard input
};

RowFormat document_format(const RerankFlags& flags, const std::string& path) {
  if (!flags.input_format.empty()) return parse_row_format(flags.input_format);
  if (flags.json_lines) return RowFormat::kJsonLines;
  return flags.delimiter.empty() ? guess_row_format(path) : RowFormat::kCsv;
}

// A text in the place of a file is what people try first who know `nestvec embed TEXT`.
std::vector<InputFacts> find_documents(const std::vector<std::string>& files) {
  try {
    return find_inputs(files);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Error(ErrorCode::kNotFound, std::string(error.what()) +
                                          "; behind the query are files of documents; texts come "
                                          "by standard input, one a line, with - as the file");
  }
}

// What cannot be opened is told before a model is loaded, which may take long.
std::deque<DocumentSource> open_documents(const RerankFlags& flags, const CliContext& context) {
  std::deque<DocumentSource> sources;
  std::vector<std::string> files = flags.arguments.files;
  if (files.empty() && context.in_is_terminal) {
    throw Error(ErrorCode::kInvalidArgument,
                "no documents were given: pass FILE after the query, or - to read standard input");
  }
  if (files.empty()) files.emplace_back(kStandardInput);
  for (const InputFacts& input : find_documents(files)) {
    const std::string& path = input.path;
    check_not_input(flags.output, path);
    const bool standard = path == kStandardInput;
    sources.push_back({input_name(path), document_format(flags, standard ? "" : path),
                       standard ? nullptr : std::make_unique<InputFile>(path)});
  }
  return sources;
}

RankFormat rank_format(const RerankFlags& flags, bool terminal) {
  if (flags.format == "jsonl") return RankFormat::kJsonLines;
  if (flags.format == "tsv") return RankFormat::kTsv;
  if (flags.output.empty()) return terminal ? RankFormat::kTerminal : RankFormat::kTsv;
  const bool json = guess_row_format(flags.output) == RowFormat::kJsonLines;
  return json ? RankFormat::kJsonLines : RankFormat::kTsv;
}

void append_tsv(const RankedDocument& document, std::string& line) {
  append_json_number(document.score, line);
  line += '\t' + std::to_string(document.index) + '\t';
  std::string storage;
  for (const char c : repair_utf8(document.text, storage)) {
    line += c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
  }
}

void append_json(const RankedDocument& document, std::string& line) {
  JsonObject object(line);
  object.count("index", document.index);
  append_json_number(document.score, object.key("score"));
  object.text("text", document.text);
  object.end();
}

void print_ranking(const std::vector<RankedDocument>& ranking, RankFormat format,
                   std::ostream& out) {
  std::string line;
  for (const RankedDocument& document : ranking) {
    line.clear();
    if (format == RankFormat::kTsv) {
      append_tsv(document, line);
    } else {
      append_json(document, line);
    }
    out << line << '\n';
  }
}

// A line for each document, as far as a screen has lines.
void print_on_terminal(const std::vector<RankedDocument>& ranking, bool all, std::ostream& out) {
  constexpr std::size_t kText = 56;
  constexpr std::size_t kIndex = 6;
  std::size_t shown = 0;
  for (const RankedDocument& document : ranking) {
    if (shown == kShownDocuments && !all) break;
    std::string index = std::to_string(document.index);
    index.insert(0, kIndex - std::min(kIndex, index.size()), ' ');
    std::string text = fit(document.text, kText);
    text.erase(text.find_last_not_of(' ') + 1);
    out << number_text("%10.4f", static_cast<double>(document.score)) << index << "  " << text
        << '\n';
    ++shown;
  }
  if (shown < ranking.size()) {
    out << "  ... and " << ranking.size() - shown
        << " more documents (all: --format tsv or jsonl, or -o FILE)\n";
  }
}

void run_rerank(const RerankFlags& flags, CliContext& context) {
  const RankFormat format = rank_format(flags, context.out_is_terminal);
  if (flags.arguments.query.empty() && !flags.model.quiet) {
    context.err << "nestvec: note: the query is empty; is a variable of your shell not set?\n";
  }
  const char delimiter = parse_delimiter(flags.delimiter);
  std::deque<DocumentSource> sources = open_documents(flags, context);
  OutputTarget target(flags.output, context.out);
  const Model model = load_chosen_model(flags.model, context, check_reranks);
  check_reranks(model.info());
  RerankRun run(model, flags);
  for (const DocumentSource& source : sources) {
    std::istream& in = source.file ? source.file->stream() : context.in;
    for_each_text(in, {source.name, source.format, flags.force_text, flags.field, delimiter},
                  [&](std::string& text, std::uint64_t line) { run.add(text, source.name, line); });
  }
  const std::vector<RankedDocument> ranking = run.finish();
  if (format == RankFormat::kTerminal) {
    print_on_terminal(ranking, flags.top_n > 0, target.stream());
  } else {
    print_ranking(ranking, format, target.stream());
  }
  run.print_notes(context.err);
  target.commit();
}

constexpr const char* kMoreOfDocuments = "More about documents and scores";

void add_document_options(CLI::App& command, RerankFlags& flags) {
  command.add_flag("--jsonl", flags.json_lines,
                   "Each line of the input is a JSON object with a \"text\"");
  command.add_option("--field", flags.field, "Name of the member or column that holds the text")
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option("--input-format", flags.input_format,
                  "Format of the files; if not given, their names decide, else lines")
      ->type_name("lines|jsonl|csv|tsv")
      ->check(one_of({"lines", "jsonl", "csv", "tsv"}))
      ->group(kMoreOfDocuments);
  command
      .add_option("--delimiter", flags.delimiter,
                  "Separator of the columns of CSV: one character, or tab; if not given, a comma")
      ->type_name("C")
      ->group(kMoreOfDocuments);
  command
      .add_flag("--force-text", flags.force_text,
                "Read files as text even if their first bytes look like something else")
      ->group(kMoreOfDocuments);
  command
      .add_option("--truncate", flags.truncate,
                  "Cut documents that are too long at this end and report it, or refuse them")
      ->type_name("right|left|error")
      ->check(one_of({"right", "left", "error"}))
      ->capture_default_str()
      ->group(kMoreOfDocuments);
  add_count_option(command, "--max-document-tokens", flags.max_document_tokens,
                   "Read at most N tokens of a document");
  command.get_option("--max-document-tokens")->group(kMoreOfDocuments);
  command
      .add_flag("--best-window", flags.best_window,
                "Read a document that is too long in overlapping windows, and take the best score")
      ->group(kMoreOfDocuments);
  command
      .add_flag("--no-special", flags.no_special,
                "Read special tokens in the texts (\"</s>\") as plain text")
      ->group(kMoreOfDocuments);
}

void add_ranking_options(CLI::App& command, RerankFlags& flags) {
  add_count_option(command, "-n,--top-n", flags.top_n, "Print the best N documents; default: all");
  command
      .add_option("--instruction", flags.instruction,
                  "What makes a document relevant, for models that read it before the query")
      ->type_name("TEXT");
  command.add_flag("--raw", flags.raw, "Print scores as the model computes them, not from 0 to 1");
  command
      .add_option("--format", flags.format,
                  "Write documents in this format; if not given, the name of --output decides")
      ->type_name("tsv|jsonl")
      ->check(one_of({"tsv", "jsonl"}));
  command.add_option("-o,--output", flags.output, "Write to a file instead of standard output")
      ->check(not_empty())
      ->type_name("FILE");
}

}  // namespace

void add_rerank_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("rerank", "Sort documents by how well they fit a query");
  const auto flags = std::make_shared<RerankFlags>();
  add_query_argument(*command, flags->arguments, "What the documents are compared with",
                     "Documents, one a line; - reads standard input");
  add_model_name(*command, flags->model);
  add_ranking_options(*command, *flags);
  add_document_options(*command, *flags);
  add_model_options(*command, flags->model);
  command->footer(kRerankExamples);
  command->callback([flags, command, &context] {
    if (command->count("--top-n") > 0 && flags->top_n == 0) {
      throw Error(ErrorCode::kInvalidArgument, "--top-n is 0; expected at least 1");
    }
    if (flags->output == "-") flags->output.clear();
    run_rerank(*flags, context);
  });
}

}  // namespace nestvec
