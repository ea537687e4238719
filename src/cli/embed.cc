// SPDX-License-Identifier: Apache-2.0
// nestvec embed: texts in, vectors out.
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>

#include "base/excerpt.h"
#include "bulk/output_spec.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/count_option.h"
#include "cli/embed_bulk.h"
#include "cli/embed_flags.h"
#include "cli/interrupt.h"
#include "cli/model_kind.h"
#include "cli/output_target.h"
#include "cli/sparse_text.h"
#include "cli/text_argument.h"
#include "cli/text_lines.h"
#include "cli/text_notes.h"
#include "cli/usage.h"
#include "cli/vector_text.h"
#include "output/embedding_format.h"
#include "output/writer.h"

namespace nestvec {
namespace {

// Enough texts to fill batches well, few enough to hold.
constexpr std::size_t kTextsACall = 512;
constexpr std::size_t kBytesACall = std::size_t{256} << 10;

constexpr std::size_t kShownTexts = 20;  // on a terminal

constexpr const char* kEmbedExamples =
    "Examples:\n"
    "  nestvec embed \"The cat sat on the mat.\"\n"
    "  nestvec embed -m jina-embeddings-v3 --task retrieval.query \"Where do cats sit?\"\n"
    "  nestvec embed --file texts.txt -o vectors.npy\n"
    "  cat texts.txt | nestvec embed --format jsonl > vectors.jsonl\n"
    "  nestvec embed --input 'docs/*.jsonl.gz' --field body -o docs.npy --resume\n"
    "\f"
    "Texts are arguments, lines of --file, or lines of standard input (for -, or where there is\n"
    "neither a text nor a file). Put -- before a text that begins with a dash.\n"
    "\n"
    "Formats:\n"
    "  json     {\"dimensions\":n,\"embeddings\":[[...],...]}\n"
    "  jsonl    {\"index\":i,\"embedding\":[...]}, a line for each text as soon as it is done\n"
    "  npy      a NumPy file, float32 [texts, dimensions]\n"
    "  base64   as jsonl, little-endian float32\n"
    "  binary   as jsonl, one bit per dimension, in signed bytes; ubinary in unsigned bytes\n"
    "On a terminal, where no format is given, each text has one line with the start of its "
    "vector,\n"
    "or with --sparse its tokens that weigh most.\n"
    "\n"
    "--input embeds whole files in full batches and writes files. After an interruption, run the\n"
    "same command with --resume. The name of --output must end in .npy, .jsonl, .f32 or .npz,\n"
    "unless --format is npy, jsonl, raw or npz. Ids, errors and the scales of int8 go into files "
    "beside it.\n"
    "\n"
    "More examples:\n"
    "  nestvec embed --file corpus.jsonl --jsonl --dimensions 256 --format jsonl\n"
    "  nestvec embed --late-chunking \"First chunk.\" \"Second chunk.\"\n"
    "  nestvec embed --input a.csv b.csv --on-error skip --dtype int8 -o vectors.npy\n"
    "  zstdcat logs.zst | nestvec embed --input - --dedupe -o logs.jsonl\n";

// How vectors are written; without a format, for a person at a terminal.
using ChosenFormat = std::optional<OutputFormat>;

// Embeds texts as they come, a call at a time, and numbers them through all calls.
class EmbedWriter {
 public:
  EmbedWriter(const Model& model, const EmbedOptions& options, ChosenFormat format,
              std::ostream& out)
      : model_(model), options_(options), format_(format), out_(out) {
    if (options_.sparse) sparse_ = std::make_unique<SparseWriter>(model, format, out);
  }

  void add(const std::string& text) {
    check_interrupt();
    notes_.add(text);
    pending_.push_back(text);
    pending_bytes_ += text.size();
    const bool full = pending_.size() >= kTextsACall || pending_bytes_ >= kBytesACall;
    // Late chunks are one context, whatever their number.
    if (full && !options_.late_chunking) flush();
  }

  void finish(std::ostream& err) {
    if (!pending_.empty() || (format_ && !writer_ && !sparse_)) flush();
    if (writer_) writer_->finish();
    if (sparse_) sparse_->finish();
    if (!format_ && !sparse_) print_end();
    notes_.print(std::to_string(model_.info().max_tokens) + " tokens", err);
  }

 private:
  void flush() {
    const Embeddings rows = model_.predict(pending_, options_);
    check_interrupt();
    if (sparse_) {
      sparse_->write(rows.sparse, pending_);
    } else if (format_) {
      if (!writer_) writer_ = std::make_unique<VectorWriter>(*format_, rows.width, out_);
      for (std::size_t i = 0; i < rows.rows; ++i) writer_->write(rows.row(i));
      if (format_ == OutputFormat::kJsonLines) out_.flush();
    } else {
      print_short(rows);
    }
    for (const std::uint32_t index : rows.truncated) notes_.add_truncated(count_ + index);
    count_ += pending_.size();
    pending_.clear();
    pending_bytes_ = 0;
  }

  // A line for each text, as far as a screen has lines.
  void print_short(const Embeddings& rows) {
    constexpr std::size_t kText = 32;
    if (count_ == 0) {
      out_ << "  " << model_.info().id << ": " << rows.width << " dimensions\n";
    }
    for (std::size_t i = 0; i < rows.rows && count_ + i < kShownTexts; ++i) {
      out_ << "  " << fit(pending_[i], kText) << ' ' << vector_text(rows.row(i)) << '\n';
    }
  }

  void print_end() {
    if (count_ > kShownTexts) out_ << "  ... and " << count_ - kShownTexts << " more texts\n";
    if (count_ > 0) out_ << "  (whole vectors: --format json, or -o FILE)\n";
  }

  const Model& model_;
  EmbedOptions options_;
  ChosenFormat format_;
  std::ostream& out_;
  std::vector<std::string> pending_;
  std::size_t pending_bytes_ = 0;
  std::unique_ptr<VectorWriter> writer_;
  std::unique_ptr<SparseWriter> sparse_;  // in its place, with --sparse
  std::size_t count_ = 0;
  TextNotes notes_{"text"};
};

// True where texts are to be read from standard input though no "-" asks for it.
bool reads_piped_input(const EmbedFlags& flags) {
  return flags.texts.empty() && flags.file.empty();
}

void read_texts(const EmbedFlags& flags, InputFile* file, CliContext& context, EmbedWriter& run) {
  const auto add = [&run](const std::string& text, auto) { run.add(text); };
  const RowFormat format = flags.json_lines ? RowFormat::kJsonLines : RowFormat::kLines;
  const auto read_standard_input = [&] {
    for_each_text(context.in, {"standard input", format, flags.bulk.force_text}, add);
  };
  if (file != nullptr) {
    for_each_text(file->stream(), {flags.file, format, flags.bulk.force_text}, add);
  }
  if (reads_piped_input(flags)) read_standard_input();
  for (const std::string& text : flags.texts) {
    if (text == "-") {
      read_standard_input();
    } else {
      run.add(text);
    }
  }
}

// --format, or what the name of the file says.
ChosenFormat output_format(const EmbedFlags& flags, bool terminal) {
  const std::string& path = flags.output;
  if (!flags.format_given && path.empty() && terminal) return std::nullopt;
  if (flags.format_given) return parse_output_format(flags.format);
  const auto named = find_vector_format(path);
  if (named == VectorFormat::kNpy) return OutputFormat::kNpy;
  if (named == VectorFormat::kJsonLines) return OutputFormat::kJsonLines;
  if (named == VectorFormat::kNpz) {
    throw Error(ErrorCode::kInvalidArgument,
                "--output " + excerpt(path) + ": npz is written by --input FILE --sparse");
  }
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending.empty() || ending == ".json") return parse_output_format(flags.format);
  throw Error(ErrorCode::kInvalidArgument,
              "--output " + excerpt(path) +
                  ": the name does not say the format; let it end in .json, .jsonl or .npy, or "
                  "pass --format");
}

// Throws where the vectors that were asked for cannot be written in their format, which is known
// before a model is.
void check_writable(const EmbedFlags& flags, ChosenFormat format, const CliContext& context) {
  if (format == OutputFormat::kNpy && flags.output.empty() && context.out_is_terminal) {
    throw Error(ErrorCode::kInvalidArgument,
                "npy is binary, and standard output is a terminal; add --output FILE");
  }
  if (!flags.dimensions_given) return;
  if (format == OutputFormat::kBinary) check_format(EmbeddingFormat::kBinary, flags.dimensions);
  if (format == OutputFormat::kUbinary) check_format(EmbeddingFormat::kUbinary, flags.dimensions);
}

// The name of a file is a text like any other, and hardly ever the text that was meant.
void note_file_names(const EmbedFlags& flags, std::ostream& err) {
  if (flags.model.quiet) return;
  for (const std::string& text : flags.texts) {
    std::error_code ignored;
    if (text == "-" || !std::filesystem::is_regular_file(text, ignored)) continue;
    err << "nestvec: note: \"" << excerpt(text)
        << "\" is a file, and its name is embedded as a text; --file embeds its lines\n";
  }
}

void run_embed(const EmbedFlags& flags, CliContext& context) {
  const ChosenFormat format = output_format(flags, context.out_is_terminal);
  check_writable(flags, format, context);
  check_sparse_flags(flags);
  if (flags.sparse) check_sparse_format(format);
  note_file_names(flags, context.err);
  if (reads_piped_input(flags) && context.in_is_terminal) {
    throw Error(ErrorCode::kInvalidArgument,
                "no text was given: pass texts, --file FILE, or - to read standard input");
  }
  // What cannot be opened is told before a model is loaded, which may take long.
  check_not_input(flags.output, flags.file);
  const auto file = flags.file.empty() ? nullptr : std::make_unique<InputFile>(flags.file);
  OutputTarget target(flags.output, context.out);
  const auto check = [&flags](const ModelInfo& outline) {
    check_embeds(outline);
    embed_options(flags, outline);
  };
  const Model model = load_chosen_model(flags.model, context, check);
  check_embeds(model.info());
  check_makes(model.info(), flags.sparse);
  EmbedWriter run(model, embed_options(flags, model.info()), format, target.stream());
  read_texts(flags, file.get(), context, run);
  run.finish(context.err);
  target.commit();
}

constexpr const char* kMoreOfTexts = "More about texts and vectors";

void add_input_options(CLI::App& command, EmbedFlags& flags) {
  command.add_option("--file", flags.file, "Embed each line of a text file")
      ->check(not_empty())
      ->type_name("FILE");
  command
      .add_flag("--jsonl", flags.json_lines,
                "Each line of the input is a JSON object with a \"text\"")
      ->group(kMoreOfTexts);
  command
      .add_flag("--force-text", flags.bulk.force_text,
                "Read files as text even if their first bytes look like something else")
      ->group(kMoreOfTexts);
  command
      .add_option("--truncate", flags.truncate,
                  "Cut texts that are too long at this end and report it, or refuse them")
      ->type_name("right|left|error")
      ->check(one_of({"right", "left", "error"}))
      ->capture_default_str()
      ->group(kMoreOfTexts);
  command.add_flag("--no-prompt", flags.no_prompt, "Leave out the task's prompt")
      ->group(kMoreOfTexts);
  command
      .add_flag("--no-special", flags.no_special,
                "Read special tokens in the texts (\"</s>\") as plain text")
      ->group(kMoreOfTexts);
}

void add_output_options(CLI::App& command, EmbedFlags& flags) {
  command
      .add_option(
          "--task", flags.options.task,
          "What the vectors are for: query, passage, classification, clustering, similarity, a "
          "task of the model by its own name, or none; if not given, the configured one")
      ->check(not_empty())
      ->type_name("TASK");
  add_count_option(command, "--dimensions", flags.dimensions,
                   "Keep the first N dimensions, then normalise");
  command
      .add_flag("--late-chunking", flags.options.late_chunking,
                "Read the texts together, as chunks of one document, and pool each separately")
      ->group(kMoreOfTexts);
  command
      .add_flag(
          "--sparse", flags.sparse,
          "Write learned sparse vectors, weights of token ids, as json or jsonl; with --input "
          "as jsonl or npz")
      ->group(kMoreOfTexts);
  command.add_flag("--no-normalize", flags.no_normalize, "Do not scale the vectors to length 1")
      ->group(kMoreOfTexts);
  command
      .add_option("--format", flags.format,
                  "Write vectors in this format; if not given, the name of --output decides")
      ->type_name("json|jsonl|npy|base64|binary|ubinary")
      ->capture_default_str();
  command.add_option("-o,--output", flags.output, "Write to a file instead of standard output")
      ->check(not_empty())
      ->type_name("FILE");
}

}  // namespace

void add_embed_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("embed", "Turn texts into vectors");
  const auto flags = std::make_shared<EmbedFlags>();
  add_text_arguments(*command, flags->texts, "Texts; - reads standard input, one text per line");
  add_model_name(*command, flags->model);
  add_output_options(*command, *flags);
  add_input_options(*command, *flags);
  add_bulk_options(*command, flags->bulk);
  add_model_options(*command, flags->model);
  command->footer(kEmbedExamples);
  command->callback([flags, command, &context] {
    flags->dimensions_given = command->count("--dimensions") > 0;
    flags->format_given = command->count("--format") > 0;
    if (command->count("--input") > 0) {
      run_embed_bulk(*flags, context);
    } else {
      check_no_bulk_options(*command);
      if (flags->output == "-") flags->output.clear();
      run_embed(*flags, context);
    }
  });
}

}  // namespace nestvec
