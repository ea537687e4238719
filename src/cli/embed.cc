// SPDX-License-Identifier: Apache-2.0
// nestvec embed: texts in, vectors out.
#include <memory>
#include <ostream>

#include "bulk/output_spec.h"
#include "cli/commands.h"
#include "cli/count_option.h"
#include "cli/embed_bulk.h"
#include "cli/embed_flags.h"
#include "cli/interrupt.h"
#include "cli/output_target.h"
#include "cli/text_argument.h"
#include "cli/text_lines.h"
#include "output/writer.h"

namespace nestvec {
namespace {

// Enough texts to fill batches well, few enough to hold.
constexpr std::size_t kTextsACall = 512;
constexpr std::size_t kBytesACall = std::size_t{256} << 10;

constexpr const char* kEmbedExamples =
    "Texts come from the arguments, from --file and from standard input (\"-\", or when there is "
    "neither\n"
    "text nor file). A text that begins with \"-\" goes behind \"--\".\n"
    "\n"
    "Formats: json {\"dimensions\":n,\"embeddings\":[[...],...]}; jsonl "
    "{\"index\":i,\"embedding\":[...]} a\n"
    "line as results come; npy a NumPy file, float32 [texts, dimensions]; base64 as jsonl, "
    "little-endian\n"
    "float32; binary, ubinary as jsonl, a bit a dimension in signed or unsigned bytes.\n"
    "\n"
    "Examples:\n"
    "  nestvec embed \"The cat sat on the mat.\"\n"
    "  nestvec embed --model jinaai/jina-embeddings-v3 --task retrieval.query \"Where do cats "
    "sit?\"\n"
    "  nestvec embed - --format npy --output vectors.npy < texts.txt\n"
    "  nestvec embed --file corpus.jsonl --jsonl --dimensions 256 --format jsonl\n"
    "  nestvec embed --late-chunking \"First chunk.\" \"Second chunk.\"\n"
    "\n"
    "With --input whole files become files, in batches of the model's, and a run that was stopped\n"
    "goes on with --resume. PATH ends in .npy, .jsonl or .f32, or --format names one of npy, "
    "jsonl,\n"
    "raw; ids, scales of int8 and errors are beside it. See docs/bulk.md.\n"
    "\n"
    "  nestvec embed --input 'docs/*.jsonl.gz' --field body --id key --output docs.npy\n"
    "  nestvec embed --input a.csv b.csv --on-error skip --dtype int8 --output vectors.npy\n"
    "  zstdcat logs.zst | nestvec embed --input - --dedupe --output logs.jsonl\n"
    "  nestvec embed --input a.csv b.csv --on-error skip --dtype int8 --output vectors.npy "
    "--resume\n";

// Embeds texts as they come, a call at a time, and numbers them through all calls.
class EmbedWriter {
 public:
  EmbedWriter(const Model& model, const EmbedOptions& options, OutputFormat format,
              std::ostream& out)
      : model_(model), options_(options), format_(format), out_(out) {}

  void add(const std::string& text) {
    check_interrupt();
    pending_.push_back(text);
    pending_bytes_ += text.size();
    const bool full = pending_.size() >= kTextsACall || pending_bytes_ >= kBytesACall;
    // Late chunks are one context, whatever their number.
    if (full && !options_.late_chunking) flush();
  }

  void finish(std::ostream& err) {
    if (!pending_.empty() || !writer_) flush();
    writer_->finish();
    if (truncated_count_ == 0) return;
    err << "nestvec: note: " << truncated_count_ << " of " << count_
        << (count_ == 1 ? " text" : " texts") << " had more than " << model_.info().max_tokens
        << " tokens and lost some (index " << truncated_ << ")\n";
  }

 private:
  void flush() {
    const Embeddings rows = model_.predict(pending_, options_);
    check_interrupt();
    if (!writer_) writer_ = std::make_unique<VectorWriter>(format_, rows.width, out_);
    for (std::size_t i = 0; i < rows.rows; ++i) writer_->write(rows.row(i));
    if (format_ == OutputFormat::kJsonLines) out_.flush();
    for (const std::uint32_t index : rows.truncated) note_truncated(count_ + index);
    count_ += pending_.size();
    pending_.clear();
    pending_bytes_ = 0;
  }

  void note_truncated(std::size_t index) {
    constexpr std::size_t kNamed = 8;
    if (truncated_count_ < kNamed) {
      truncated_ += (truncated_.empty() ? "" : ", ") + std::to_string(index);
    } else if (truncated_count_ == kNamed) {
      truncated_ += ", ...";
    }
    ++truncated_count_;
  }

  const Model& model_;
  EmbedOptions options_;
  OutputFormat format_;
  std::ostream& out_;
  std::vector<std::string> pending_;
  std::size_t pending_bytes_ = 0;
  std::unique_ptr<VectorWriter> writer_;
  std::size_t count_ = 0;
  std::size_t truncated_count_ = 0;
  std::string truncated_;
};

// True where texts are to be read from standard input though no "-" asks for it.
bool reads_piped_input(const EmbedFlags& flags) {
  return flags.texts.empty() && flags.file.empty();
}

void read_texts(const EmbedFlags& flags, InputFile* file, CliContext& context, EmbedWriter& run) {
  const auto add = [&run](const std::string& text) { run.add(text); };
  const auto read_standard_input = [&] {
    for_each_text(context.in, {"standard input", flags.json_lines, flags.bulk.force_text}, add);
  };
  if (file != nullptr) {
    for_each_text(file->stream(), {flags.file, flags.json_lines, flags.bulk.force_text}, add);
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
OutputFormat output_format(const EmbedFlags& flags) {
  const std::string& path = flags.output;
  if (flags.format_given) return parse_output_format(flags.format);
  const auto named = find_vector_format(path);
  if (named == VectorFormat::kNpy) return OutputFormat::kNpy;
  if (named == VectorFormat::kJsonLines) return OutputFormat::kJsonLines;
  for (const char* ending : {".parquet", ".arrow"}) {
    if (!path.ends_with(ending)) continue;
    throw Error(
        ErrorCode::kInvalidArgument,
        "--output " + path +
            ": the command does not write Parquet or Arrow; python -m nestvec.parquet does");
  }
  return parse_output_format(flags.format);
}

void run_embed(const EmbedFlags& flags, CliContext& context) {
  const OutputFormat format = output_format(flags);
  if (format == OutputFormat::kNpy && flags.output.empty() && context.out_is_terminal) {
    throw Error(ErrorCode::kInvalidArgument,
                "npy is binary, and standard output is a terminal; add --output FILE");
  }
  if (reads_piped_input(flags) && context.in_is_terminal) {
    throw Error(ErrorCode::kInvalidArgument,
                "no text was given: pass texts, --file FILE, or - to read standard input");
  }
  // What cannot be opened is told before a model is loaded, which may take long.
  const auto file = flags.file.empty() ? nullptr : std::make_unique<InputFile>(flags.file);
  OutputTarget target(flags.output, context.out);
  const auto check = [&flags](const ModelInfo& outline) { embed_options(flags, outline); };
  const Model model = load_chosen_model(flags.model, context, check);
  EmbedWriter run(model, embed_options(flags, model.info()), format, target.stream());
  read_texts(flags, file.get(), context, run);
  run.finish(context.err);
  target.commit();
}

void add_input_options(CLI::App& command, EmbedFlags& flags) {
  add_text_arguments(command, flags.texts, "Texts; - reads standard input, one text a line");
  command.add_option("--file", flags.file, "Read texts from a file, one a line")->type_name("FILE");
  command.add_flag("--jsonl", flags.json_lines, "Input lines are JSON objects with a \"text\"");
  command.add_flag("--force-text", flags.bulk.force_text,
                   "Read files as text though their first bytes do not look like it");
  command
      .add_option("--truncate", flags.truncate,
                  "Cut over-long texts at this end and report it, or refuse them")
      ->type_name("right|left|error")
      ->transform(CLI::IsMember({"right", "left", "error"}).description(""))
      ->capture_default_str();
  command.add_flag("--no-prompt", flags.no_prompt, "Leave the task's prompt out");
  command.add_flag("--no-special", flags.no_special,
                   "Read special tokens in the texts (\"</s>\") as plain text");
}

void add_output_options(CLI::App& command, EmbedFlags& flags) {
  command
      .add_option(
          "--task", flags.options.task,
          "What the vectors are for: query, passage, classification, clustering, similarity, a "
          "task of the model by its own name, or none; default: the configured one")
      ->type_name("TASK");
  add_count_option(command, "--dimensions", flags.dimensions,
                   "Keep the first N dimensions, then normalise");
  command.add_flag("--late-chunking", flags.options.late_chunking,
                   "The texts are chunks of one context, read together and pooled apart");
  command.add_flag("--no-normalize", flags.no_normalize, "Leave vectors at their own length");
  command
      .add_option("--format", flags.format, "How vectors are written; default: as --output ends")
      ->type_name("json|jsonl|npy|base64|binary|ubinary")
      ->capture_default_str();
  command.add_option("--output", flags.output, "Write to a file instead of standard output")
      ->type_name("FILE");
}

}  // namespace

void add_embed_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("embed", "Turn texts into vectors");
  const auto flags = std::make_shared<EmbedFlags>();
  add_input_options(*command, *flags);
  add_output_options(*command, *flags);
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
      run_embed(*flags, context);
    }
  });
}

}  // namespace nestvec
