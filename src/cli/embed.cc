// SPDX-License-Identifier: Apache-2.0
// nestvec embed: texts in, vectors out.
#include <fstream>
#include <memory>
#include <ostream>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/output_target.h"
#include "output/writer.h"

namespace nestvec {
namespace {

constexpr std::size_t kTextsACall = 512;

struct EmbedFlags {
  ModelOptions model;
  std::vector<std::string> texts;
  std::string file;
  std::string format = "json";
  std::string output;
  std::string truncate = "right";
  std::int64_t dimensions = 0;
  bool dimensions_given = false;
  bool json_lines = false;
  bool no_prompt = false;
  bool no_normalize = false;
  bool no_special = false;
  EmbedOptions options;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  nestvec embed \"The cat sat on the mat.\"\n"
    "  nestvec embed --model jinaai/jina-embeddings-v3 --task retrieval.query \"Where do cats sit?\"\n"
    "  nestvec embed - --format npy --output vectors.npy < texts.txt\n"
    "  nestvec embed --file corpus.jsonl --jsonl --dimensions 256 --format jsonl\n"
    "  nestvec embed --late-chunking \"First chunk.\" \"Second chunk.\"\n";

Truncation parse_truncation(const std::string& name) {
  if (name == "error") return Truncation::kError;
  return name == "left" ? Truncation::kLeft : Truncation::kRight;
}

EmbedOptions embed_options(const EmbedFlags& flags, const Model& model) {
  EmbedOptions options = flags.options;
  if (flags.dimensions_given) {
    const auto width = static_cast<std::int64_t>(model.info().dimensions);
    if (flags.dimensions < 1 || flags.dimensions > width) {
      throw Error(ErrorCode::kInvalidArgument, "--dimensions " + std::to_string(flags.dimensions) +
                                                   " is not in 1.." + std::to_string(width));
    }
    options.dimensions = static_cast<std::size_t>(flags.dimensions);
  }
  options.truncation = parse_truncation(flags.truncate);
  options.add_prompt = !flags.no_prompt;
  options.parse_special = !flags.no_special;
  if (flags.no_normalize) options.normalize = false;
  return options;
}

// Embeds texts as they come, a call at a time, and numbers them through all calls.
class EmbedRun {
 public:
  EmbedRun(const Model& model, const EmbedOptions& options, OutputFormat format, std::ostream& out)
      : model_(model), options_(options), format_(format), out_(out) {}

  void add(std::string text) {
    pending_.push_back(std::move(text));
    // Late chunks are one context, whatever their number.
    if (pending_.size() >= kTextsACall && !options_.late_chunking) flush();
  }

  void finish(CliContext& context) {
    if (!pending_.empty() || !writer_) flush();
    writer_->finish();
    if (truncated_.empty()) return;
    context.err << "nestvec: note: " << truncated_count_ << " of " << count_
                << " texts had more than " << model_.info().max_tokens
                << " tokens and lost some (index " << truncated_ << ")\n";
  }

 private:
  void flush() {
    const Embeddings rows = model_.predict(pending_, options_);
    if (!writer_) writer_ = std::make_unique<VectorWriter>(format_, rows.width, out_);
    for (std::size_t i = 0; i < rows.rows; ++i) writer_->write(rows.row(i));
    for (const std::uint32_t index : rows.truncated) note_truncated(count_ + index);
    count_ += pending_.size();
    pending_.clear();
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
  std::unique_ptr<VectorWriter> writer_;
  std::size_t count_ = 0;
  std::size_t truncated_count_ = 0;
  std::string truncated_;
};

void read_stream(std::istream& in, const std::string& name, bool json_lines, EmbedRun& run) {
  std::size_t number = 0;
  for_each_line(in, [&](std::string& line) {
    ++number;
    if (json_lines) {
      run.add(text_of_json_line(line, "line " + std::to_string(number) + " of " + name));
    } else {
      run.add(std::move(line));
    }
  });
}

void read_texts(const EmbedFlags& flags, CliContext& context, EmbedRun& run) {
  if (!flags.file.empty()) {
    std::ifstream file(flags.file, std::ios::binary);
    if (!file) throw file_error("cannot open", flags.file, errno);
    read_stream(file, flags.file, flags.json_lines, run);
  }
  const bool piped = flags.texts.empty() && flags.file.empty();
  if (piped && context.in_is_terminal) {
    throw Error(ErrorCode::kInvalidArgument,
                "no text was given: pass texts, --file FILE, or - to read standard input");
  }
  if (piped) read_stream(context.in, "standard input", flags.json_lines, run);
  for (const std::string& text : flags.texts) {
    if (text == "-") {
      read_stream(context.in, "standard input", flags.json_lines, run);
    } else {
      run.add(text);
    }
  }
}

void run_embed(const EmbedFlags& flags, CliContext& context) {
  const OutputFormat format = parse_output_format(flags.format);
  const Model model = load_chosen_model(flags.model, context);
  OutputTarget target(flags.output, context.out);
  EmbedRun run(model, embed_options(flags, model), format, target.stream());
  read_texts(flags, context, run);
  run.finish(context);
  target.commit();
}

}  // namespace

void add_embed_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("embed", "Turn texts into vectors");
  const auto flags = std::make_shared<EmbedFlags>();
  command->add_option("texts", flags->texts, "Texts; - reads standard input, one text a line");
  add_model_options(*command, flags->model);
  command->add_option("--file", flags->file, "Read texts from a file, one a line");
  command->add_flag("--jsonl", flags->json_lines, "Input lines are JSON objects with a \"text\"");
  command->add_option("--task", flags->options.task,
                      "retrieval.query, retrieval.passage, separation, classification, text-matching, or "
                      "none; default: the configured one");
  CLI::Option* dimensions = command->add_option("--dimensions", flags->dimensions,
                                                "Keep the first N dimensions, then normalise");
  command->add_flag("--late-chunking", flags->options.late_chunking,
                    "The texts are chunks of one context");
  command->add_option("--truncate", flags->truncate, "What to do with over-long texts")
      ->check(CLI::IsMember({"right", "left", "error"}))
      ->capture_default_str();
  command->add_flag("--no-prompt", flags->no_prompt, "Leave the task's prompt out");
  command->add_flag("--no-normalize", flags->no_normalize, "Leave vectors at their own length");
  command->add_flag("--no-special", flags->no_special,
                    "Read special tokens in the texts (\"</s>\") as plain text");
  command->add_option("--format", flags->format, "json, jsonl, npy, base64, binary or ubinary")
      ->capture_default_str();
  command->add_option("--output", flags->output, "Write to a file instead of standard output");
  command->footer(kExamples);
  command->callback([flags, dimensions, &context] {
    flags->dimensions_given = dimensions->count() > 0;
    run_embed(*flags, context);
  });
}

}  // namespace nestvec
